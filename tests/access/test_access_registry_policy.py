"""The registry's policy and pulls through the cache: only a Deny removes permissions."""

from __future__ import annotations

from itertools import count

import pytest

from ecr_emulator.testing.upstream.images import image
from tests.support.iam_principals import allow, deny, policy, to

NAME = "quay/team/app"
NUMBERS = count()
EVERYTHING = allow("*")
ANYBODY_ELSE = to("arn:aws:iam::210987654321:root", allow("BatchImportUpstreamImage", on="*"))


@pytest.fixture
def puller(iam, upstream):
    """Return a principal that may do everything in ECR, in a new Region with a rule."""
    region = f"eu-test-{next(NUMBERS)}"
    upstream.add_image("team/app", image(), "v1")
    iam.root(region).ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    return iam.user(EVERYTHING, region=region)


def pulled(puller):
    return puller.send("GET", f"/v2/{NAME}/manifests/v1").status_code


def put_policy(iam, puller, *statements, scope="V2"):
    ecr = iam.root(puller.region).ecr
    ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value=scope)
    ecr.put_registry_policy(policyText=policy(*statements))


@pytest.mark.consideration("S18c")
@pytest.mark.parametrize("scope", ["V1", "V2"])
def test_a_registry_policy_that_allows_another_principal_removes_no_permission(iam, puller, scope):
    put_policy(iam, puller, ANYBODY_ELSE, scope=scope)
    assert pulled(puller) == 200


@pytest.mark.consideration("S18c")
@pytest.mark.parametrize("action", ["BatchImportUpstreamImage", "CreateRepository"])
@pytest.mark.parametrize("scope", ["V1", "V2"])
def test_a_denial_in_a_registry_policy_prevents_the_first_import(iam, puller, scope, action):
    put_policy(iam, puller, to("*", deny(action)), scope=scope)
    assert pulled(puller) == 404
    iam.root(puller.region).ecr.delete_registry_policy()
    assert pulled(puller) == 200


@pytest.mark.consideration("S18c")
@pytest.mark.parametrize(("scope", "status"), [("V1", 200), ("V2", 403)])
def test_only_the_second_scope_denies_pulling_itself(iam, puller, scope, status):
    put_policy(iam, puller, to("*", deny("BatchGetImage")), scope=scope)
    assert pulled(puller) == status
