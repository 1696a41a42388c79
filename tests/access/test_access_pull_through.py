"""Permissions of pulls through the cache: every row of ECR's table, from every kind of policy, through both planes.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-iam.html
"""

from __future__ import annotations

from datetime import timedelta
from itertools import count, product
from typing import NamedTuple

import pytest
from botocore.exceptions import ClientError

from tests.support.iam_principals import allow, policy, repository_policy, to
from tests.support.images import an_image

PULL, IMPORT, CREATE = "BatchGetImage", "BatchImportUpstreamImage", "CreateRepository"
NUMBERS = count()


class Row(NamedTuple):
    """The stored state, the permissions of the caller, and the outcome of the pull."""

    exists: bool
    cached: str
    create: bool
    imports: bool
    pull: bool
    outcome: str


def rows():
    both = (False, True)
    for imports in both:
        yield Row(False, "no", False, imports, True, "NAME_UNKNOWN")
    yield Row(False, "no", True, False, True, "NAME_UNKNOWN")
    yield Row(False, "no", True, True, True, "created")
    for create in both:
        yield Row(True, "no", create, False, True, "MANIFEST_UNKNOWN")
        yield Row(True, "no", create, True, True, "imported")
    for create, imports in product(both, both):
        yield Row(True, "fresh", create, imports, True, "cached")
    for create in both:
        yield Row(True, "expired", create, False, True, "cached")
        yield Row(True, "expired", create, True, True, "checked")
    for exists, cached in ((False, "no"), (True, "no"), (True, "fresh"), (True, "expired")):
        yield Row(exists, cached, True, True, False, "DENIED")


def grants(row, source, scope):
    """Return the actions that the source allows, and the wanted actions that it cannot allow."""
    wanted = {PULL: row.pull, IMPORT: row.imports, CREATE: row.create}
    by_source = {
        "identity": {PULL, IMPORT, CREATE},
        "registry": {IMPORT, CREATE} if scope == "V1" else {PULL, IMPORT, CREATE},
        "repository": {PULL, IMPORT} if row.exists else set(),
    }[source]
    given = {action for action, is_wanted in wanted.items() if is_wanted}
    return given & by_source, given - by_source


class Setting:
    """One case: a Region of its own, a rule, an image upstream, and a caller with the permissions of its row."""

    def __init__(self, iam, upstream, row, source, scope):
        number = next(NUMBERS)
        self.upstream, self.row = upstream, row
        self.upstream_name = f"app-{number}"
        self.name = f"quay/{self.upstream_name}"
        self.image = an_image(number)
        region = f"eu-test-{number}"
        self.root = iam.root(region)
        upstream.add_image(self.upstream_name, self.image, "v1")
        self.root.ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
        self.root.ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value=scope)
        self._make_what_there_is()
        self.caller = self._grant(iam, region, *grants(row, source, scope), source)
        self.before = self.asked()

    def _make_what_there_is(self):
        emulator = self.root.emulator
        if self.row.cached != "no":
            assert self.root.send("GET", f"/v2/{self.name}/manifests/v1").status_code == 200
            assert emulator.settle(timeout=20)
        elif self.row.exists:
            self.root.ecr.create_repository(repositoryName=self.name)
        if self.row.cached == "expired":
            emulator.clock.advance(timedelta(hours=25))

    def _grant(self, iam, region, by_source, by_identity, source):
        caller = iam.user(*([allow(*sorted(by_identity))] if by_identity else []), region=region)
        name = caller.arn.rpartition("/")[2]
        if by_source and source == "identity":
            document = policy(allow("GetAuthorizationToken", *sorted(by_source)))
            iam.client.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        statement = allow(*sorted(by_source), on=f"arn:aws:ecr:{region}:{iam.account}:repository/quay/*")
        if by_source and source == "registry":
            self.root.ecr.put_registry_policy(policyText=policy(to(caller.arn, statement)))
        if by_source and source == "repository":
            text = repository_policy(to(caller.arn, allow(*sorted(by_source))))
            self.root.ecr.set_repository_policy(repositoryName=self.name, policyText=text)
        return caller

    def asked(self):
        """Return the upstream requests for this image's manifest."""
        path = f"/v2/{self.upstream_name}/manifests/v1"
        return [request.method for request in self.upstream.requests if request.path == path]

    @property
    def asked_by_the_pull(self):
        return self.asked()[len(self.before) :]

    def exists(self):
        return bool(
            [
                each
                for each in self.root.ecr.describe_repositories()["repositories"]
                if each["repositoryName"] == self.name
            ]
        )

    # --- The two ways to pull ------------------------------------------------------------------------------

    def pulled_by_docker(self):
        answer = self.caller.send("GET", f"/v2/{self.name}/manifests/v1")
        if answer.status_code == 200:
            assert answer.data == self.image.raw
            return "200"
        (error,) = answer.json["errors"]
        assert answer.status_code == (403 if error["code"] == "DENIED" else 404)
        return error["code"], error["message"]

    def pulled_by_api(self):
        try:
            answer = self.caller.ecr.batch_get_image(repositoryName=self.name, imageIds=[{"imageTag": "v1"}])
        except ClientError as refused:
            error = refused.response["Error"]
            codes = {"RepositoryNotFoundException": "NAME_UNKNOWN", "AccessDeniedException": "DENIED"}
            return codes[error["Code"]], error["Message"]
        for failure in answer["failures"]:
            assert failure["failureCode"] == "ImageNotFound"
            return "MANIFEST_UNKNOWN", failure["failureReason"]
        assert answer["images"][0]["imageManifest"].encode() == self.image.raw
        return "200"


DOCKER, API = Setting.pulled_by_docker, Setting.pulled_by_api
ASKED = {"created": ["GET"], "imported": ["GET"], "checked": ["HEAD"]}
"""The upstream requests of a pull by outcome; other outcomes have none and change nothing."""


def cases():
    """Yield each row with its pulls: one for each plane, or both in turn if a pull changes nothing."""
    for row in rows():
        for pulls in [(DOCKER,), (API,)] if row.outcome in ASKED else [(DOCKER, API)]:
            yield pytest.param(row, pulls, id="-".join([*map(str, row), *(pull.__name__ for pull in pulls)]))


@pytest.mark.consideration("S17c", "S18a", "S18b")
@pytest.mark.parametrize("scope", ["V1", "V2"])
@pytest.mark.parametrize("source", ["identity", "registry", "repository"])
@pytest.mark.parametrize(("row", "pulls"), list(cases()))
def test_a_pull_through_the_cache_by_permissions(iam, upstream, row, pulls, source, scope):
    setting = Setting(iam, upstream, row, source, scope)
    registry = f"the registry with id '{iam.account}'"
    message = {
        "NAME_UNKNOWN": f"The repository with name '{setting.name}' does not exist in {registry}",
        "MANIFEST_UNKNOWN": "Requested image not found",
        "DENIED": (
            f"User: {setting.caller.arn} is not authorized to perform: ecr:BatchGetImage on resource: "
            f"arn:aws:ecr:{setting.caller.region}:{iam.account}:repository/{setting.name} "
            "because no identity-based policy allows the ecr:BatchGetImage action"
        ),
    }.get(row.outcome)
    for pull in pulls:
        assert pull(setting) == ((row.outcome, message) if message else "200")
    assert setting.asked_by_the_pull == ASKED.get(row.outcome, [])
    assert setting.exists() is (row.exists or row.outcome == "created")
