"""One private registry pulls from another where IAM is enforced: its role needs permission on both sides.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-private.html
"""

from __future__ import annotations

from itertools import count

import pytest
from werkzeug.test import Client

from tests.support.iam_principals import ACCOUNT, IamAccount, allow, deny, policy, repository_policy, to
from tests.support.images import an_image, put_image

THEIRS = "210987654321"
THERE = "us-east-1"
NEEDED = ["BatchGetImage", "BatchImportUpstreamImage", "GetImageCopyStatus", "GetDownloadUrlForLayer"]
TRUSTED = {"Service": "pullthroughcache.ecr.amazonaws.com"}
NUMBERS = count()


class Pair:
    """An upstream registry with an image, by default of another account, and a registry with a rule and role for it."""

    def __init__(self, iam, *granted, account=THEIRS, trusts=TRUSTED):
        number = next(NUMBERS)
        self.name, self.image = f"app-{number}", an_image(number)
        self.down = iam.root(f"eu-pair-{number}")
        self.up = IamAccount(iam.emulator, account).root(THERE)
        self.up.ecr.create_repository(repositoryName=self.name)
        put_image(self.up.ecr, self.name, self.image, "v1")
        role = iam.role(*[allow(*granted)] * bool(granted), trusts=trusts) if account == THEIRS else None
        self.role = role
        self.down.ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix="up",
            upstreamRegistryUrl=f"{account}.dkr.ecr.{THERE}.amazonaws.com",
            **({"customRoleArn": self.role} if self.role else {}),
        )

    def repository_policy(self, *statements):
        self.up.ecr.set_repository_policy(
            repositoryName=self.name, policyText=repository_policy(*statements), force=True
        )

    def let_in(self, principal, *actions):
        self.repository_policy(to(principal, allow(*actions)))

    def pull(self, reference="v1"):
        """Pull the image and its blobs, and return whether they could be pulled."""
        answer = self.down.send("GET", f"/v2/up/{self.name}/manifests/{reference}")
        if answer.status_code == 403:
            assert answer.json["errors"][0]["code"] == "DENIED"
            return False
        assert answer.data == self.image.raw
        blobs = [self.down.send("GET", f"/v2/up/{self.name}/blobs/{each.digest}") for each in self.image.blobs]
        assert len({answer.status_code for answer in blobs}) == 1
        return blobs[0].status_code == 200

    def reason(self):
        """Return the reason of the last failed pull from its event."""
        events = Client(self.down.emulator.wsgi).get("/_ecr/events").json["events"]
        return [each["detail"] for each in events if each["detail"].get("repository-name") == f"up/{self.name}"][-1][
            "failure-reason"
        ]


@pytest.fixture
def pair(iam):
    return Pair(iam, *NEEDED)


def test_the_repository_policy_of_the_upstream_must_allow_our_account(pair):
    assert not pair.pull()
    assert (
        f"{THEIRS}.dkr.ecr.{THERE}.amazonaws.com answers: User: arn:aws:sts::{ACCOUNT}:assumed-role/" in pair.reason()
    )
    assert "because no resource-based policy allows the ecr:BatchGetImage action" in pair.reason()
    pair.let_in(ACCOUNT, *NEEDED)
    assert pair.pull()


def test_the_registry_policy_of_the_upstream_may_allow_our_role_instead(pair):
    everything = allow(*NEEDED, on=f"arn:aws:ecr:{THERE}:{THEIRS}:repository/{pair.name}")
    pair.up.ecr.put_registry_policy(policyText=policy(to(pair.role, everything)))
    assert pair.pull()


@pytest.mark.parametrize("missing", NEEDED)
def test_the_role_needs_every_action_of_a_pull(iam, missing):
    pair = Pair(iam, *(action for action in NEEDED if action != missing))
    pair.let_in(ACCOUNT, *NEEDED)
    assert not pair.pull()


@pytest.mark.parametrize("missing", NEEDED)
def test_the_policy_of_the_upstream_must_allow_every_action_of_a_pull(pair, missing):
    pair.let_in(ACCOUNT, *(action for action in NEEDED if action != missing))
    assert not pair.pull()


def test_a_pull_with_a_missing_role_is_refused(iam, pair):
    pair.let_in(ACCOUNT, *NEEDED)
    pair.down.ecr.update_pull_through_cache_rule(
        ecrRepositoryPrefix="up", customRoleArn=f"arn:aws:iam::{ACCOUNT}:role/nobody"
    )
    assert not pair.pull()
    assert f"There is no role arn:aws:iam::{ACCOUNT}:role/nobody" in pair.reason()


@pytest.mark.parametrize("trusts", [{"AWS": ACCOUNT}, {"Service": "ecr.amazonaws.com"}])
def test_a_role_must_trust_the_cache(iam, trusts):
    pair = Pair(iam, *NEEDED, trusts=trusts)
    pair.let_in(ACCOUNT, *NEEDED)
    assert not pair.pull()
    assert "is not authorized to perform: sts:AssumeRole on resource: " + pair.role in pair.reason()
    validated = pair.down.ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="up")
    assert (validated["isValid"], "authentication" in validated["failure"]) == (False, True)


def test_a_rule_is_valid_if_its_role_can_be_assumed(pair):
    assert pair.down.ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="up")["isValid"]


def test_cached_images_are_served_after_the_upstream_revokes_access(pair):
    pair.let_in(ACCOUNT, *NEEDED)
    assert pair.pull()
    assert pair.down.emulator.settle(timeout=20)
    pair.up.ecr.delete_repository_policy(repositoryName=pair.name)
    assert pair.pull()


def test_another_region_of_the_account_needs_no_role_and_no_policy(iam):
    assert Pair(iam, account=ACCOUNT).pull()


def test_another_region_of_the_account_may_deny_access(iam):
    pair = Pair(iam, account=ACCOUNT)
    pair.repository_policy(
        to("*", deny("BatchGetImage", Condition={"StringLike": {"aws:PrincipalArn": "*PullThrough*"}}))
    )
    assert not pair.pull()
    assert "with an explicit deny in a resource-based policy" in pair.reason()


def test_the_upstream_imports_missing_images_for_a_caller_that_may_import(iam, upstream):
    """The role is the caller of the upstream's own rule, so it also needs CreateRepository for the repository there."""
    pair = Pair(iam, *NEEDED, "CreateRepository")
    name, image = f"quay/{pair.name}", pair.image
    upstream.add_image(pair.name, image, "v1")
    pair.up.ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    everything = f"arn:aws:ecr:{THERE}:{THEIRS}:repository/quay/*"
    pair.up.ecr.put_registry_policy(policyText=policy(to(pair.role, allow(*NEEDED, on=everything))))
    try:
        path = f"/v2/up/{name}/manifests/v1"
        assert pair.down.send("GET", path).status_code == 404
        everywhere = allow(*NEEDED, "CreateRepository", on=everything)
        pair.up.ecr.put_registry_policy(policyText=policy(to(pair.role, everywhere)))
        assert pair.down.send("GET", path).data == image.raw
    finally:
        pair.up.ecr.delete_registry_policy()
        pair.up.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
