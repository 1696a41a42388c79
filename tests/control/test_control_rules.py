"""Pull through cache rules through boto3."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ecr_emulator.errors import SecretNotFoundException
from ecr_emulator.ports.secrets import Credential
from ecr_emulator.ports.upstream_failures import UpstreamAccessDenied, UpstreamUnavailable
from tests.support.control_plane import ALLOWED
from tests.support.refusals import refusal

ACCOUNT = "000000000000"
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:ecr-pullthroughcache/hub-AbCdEf"
OTHER_SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:ecr-pullthroughcache/new-AbCdEf"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/puller"
ECR_URL = "210987654321.dkr.ecr.eu-west-1.amazonaws.com"
REGION_URL = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
OPEN = {"ecr-public": "public.ecr.aws", "k8s": "registry.k8s.io", "quay": "quay.io"}
GUARDED = {
    "docker-hub": "registry-1.docker.io",
    "github-container-registry": "ghcr.io",
    "gitlab-container-registry": "registry.gitlab.com",
    "chainguard": "cgr.dev",
    "azure-container-registry": "contoso.azurecr.io",
}
WITHOUT_PULL_THROUGH = ["cn-north-1", "cn-northwest-1", "us-gov-east-1", "us-gov-west-1"]


@pytest.fixture(autouse=True)
def _secrets(plane):
    plane.secrets.secrets |= dict.fromkeys([SECRET, OTHER_SECRET], Credential("user", "token"))


def rule(ecr, prefix="quay", url="quay.io", **more):
    answer = ecr.create_pull_through_cache_rule(ecrRepositoryPrefix=prefix, upstreamRegistryUrl=url, **more)
    answer.pop("ResponseMetadata")
    return answer


def refused_rule(ecr, prefix="quay", url="quay.io", **more):
    return refusal(ecr.create_pull_through_cache_rule, ecrRepositoryPrefix=prefix, upstreamRegistryUrl=url, **more)


def not_found(prefix):
    return (
        "PullThroughCacheRuleNotFoundException",
        f"The pull through cache rule with Amazon ECR repository prefix '{prefix}' "
        f"does not exist in the registry with id '{ACCOUNT}'",
    )


def prefixes(answer):
    return [each["ecrRepositoryPrefix"] for each in answer["pullThroughCacheRules"]]


# --- Create ----------------------------------------------------------------------------------------------


@pytest.mark.consideration("S1b")
def test_a_rule_for_an_open_registry(ecr, clock, plane):
    assert rule(ecr) == {
        "ecrRepositoryPrefix": "quay",
        "upstreamRegistryUrl": "quay.io",
        "createdAt": clock.now(),
        "registryId": ACCOUNT,
        "upstreamRegistry": "quay",
    }
    assert plane.roles.ensured == [(ACCOUNT, "pullthroughcache.ecr.amazonaws.com")]


@pytest.mark.parametrize(("name", "url"), GUARDED.items())
def test_a_rule_with_a_secret(ecr, name, url):
    answer = rule(ecr, "hub", url, credentialArn=SECRET, upstreamRegistry=name)
    assert (answer["upstreamRegistry"], answer["credentialArn"]) == (name, SECRET)


@pytest.mark.parametrize("credential", [{}, {"customRoleArn": ROLE}])
def test_a_rule_for_another_region(ecr, credential):
    answer = rule(ecr, "ecr", REGION_URL, **credential)
    assert answer["upstreamRegistry"] == "ecr"
    assert answer["upstreamRepositoryPrefix"] == "ROOT"
    assert answer.get("customRoleArn") == credential.get("customRoleArn")


def test_a_rule_for_another_account_needs_a_role(ecr):
    assert refused_rule(ecr, "ecr", ECR_URL) == (
        "InvalidParameterException",
        "Invalid parameter at 'customRoleArn' failed to satisfy constraint: "
        "'A role is required if the upstream registry belongs to another account'",
    )
    assert rule(ecr, "ecr", ECR_URL, customRoleArn=ROLE)["customRoleArn"] == ROLE


def test_the_upstream_prefix_is_kept(ecr):
    assert rule(ecr, "ecr", REGION_URL, upstreamRepositoryPrefix="team/")["upstreamRepositoryPrefix"] == "team"


@pytest.mark.parametrize("url", ALLOWED)
@pytest.mark.parametrize("credential", [{}, {"credentialArn": SECRET}])
def test_a_rule_for_a_registry_that_the_operator_allows(ecr, url, credential):
    """Check that answers contain no name for such an upstream: the API has none."""
    created = rule(ecr, "other", url, **credential)
    assert "upstreamRegistry" not in created
    (described,) = ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
    assert described == created | {"updatedAt": described["updatedAt"]}
    assert failure(ecr, "other") is None


def test_an_allowed_registry_has_no_name_and_no_role(ecr):
    assert refused_rule(ecr, url=ALLOWED[0], upstreamRegistry="docker-hub")[1].startswith(
        "Invalid input: Upstream registry URL and entered upstream registry do not match."
    )
    assert refused_rule(ecr, url=ALLOWED[0], customRoleArn=ROLE)[0] == "InvalidParameterException"


def test_the_secret_of_a_rule_for_an_allowed_registry_can_change(ecr):
    rule(ecr, "other", ALLOWED[0])
    answer = ecr.update_pull_through_cache_rule(ecrRepositoryPrefix="other", credentialArn=SECRET)
    assert answer["credentialArn"] == SECRET


def test_the_slash_at_the_end_of_a_prefix_is_implied(ecr):
    assert rule(ecr, "quay/")["ecrRepositoryPrefix"] == "quay"
    assert refused_rule(ecr, "quay") == (
        "PullThroughCacheRuleAlreadyExistsException",
        "The pull through cache rule with Amazon ECR repository prefix 'quay' "
        f"already exists in the registry with id '{ACCOUNT}'",
    )
    assert prefixes(ecr.describe_pull_through_cache_rules(ecrRepositoryPrefixes=["quay/"])) == ["quay"]


@pytest.mark.consideration("S1c", "S2")
@pytest.mark.parametrize(
    "url",
    [
        "registry.example.com",
        "registry.gitlab.example.com",
        "https://quay.io",
        "Quay.io",
        "quay.io/team",
        "localhost:5000",
        "docker.elastic.co:443",
    ],
)
def test_only_upstreams_of_ecr_are_accepted(ecr, url):
    assert refused_rule(ecr, url=url) == (
        "UnsupportedUpstreamRegistryException",
        f"The upstream registry URL {url} is invalid. Specify a valid upstream registry URL and try again",
    )


def test_a_registry_is_not_its_own_upstream(ecr):
    code, message = refused_rule(ecr, url=f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com")
    assert code == "InvalidParameterException"
    assert "Upstream registry URL cannot be the same as the cache registry" in message


@pytest.mark.parametrize("url", GUARDED.values())
def test_the_name_of_an_upstream_must_match_its_url(ecr, url):
    assert refused_rule(ecr, url=url, upstreamRegistry="quay", credentialArn=SECRET) == (
        "InvalidParameterException",
        "Invalid input: Upstream registry URL and entered upstream registry do not match. "
        "Please verify input and try again.",
    )


@pytest.mark.parametrize(("name", "url"), OPEN.items())
def test_a_wrong_name_is_accepted_for_an_open_upstream(ecr, name, url):
    assert rule(ecr, url=url, upstreamRegistry="docker-hub")["upstreamRegistry"] == name


@pytest.mark.consideration("S1a")
@pytest.mark.parametrize("url", GUARDED.values())
def test_a_guarded_upstream_needs_a_secret(ecr, url):
    assert refused_rule(ecr, url=url) == (
        "UnsupportedUpstreamRegistryException",
        "The specified upstream registry requires authentication. Specify a valid Secrets Manager ARN "
        "containing the upstream registry credentials and try again.",
    )


@pytest.mark.parametrize("url", OPEN.values())
def test_a_secret_for_an_open_upstream_is_refused(ecr, url):
    code, message = refused_rule(ecr, url=url, credentialArn=SECRET)
    assert code == "InvalidParameterException"
    assert "The specified upstream registry doesn't require authentication" in message


@pytest.mark.parametrize(
    ("url", "credential"),
    [
        ("quay.io", {"customRoleArn": ROLE}),
        ("ghcr.io", {"credentialArn": SECRET, "customRoleArn": ROLE}),
        (ECR_URL, {"credentialArn": SECRET}),
    ],
)
def test_roles_are_for_ecr_and_secrets_for_the_others(ecr, url, credential):
    assert refused_rule(ecr, url=url, **credential) == (
        "InvalidParameterException",
        "Invalid input: Upstream registry URL and provided credential type do not match. "
        "Please verify input and try again.",
    )


@pytest.mark.parametrize(
    "role", ["nonsense", "arn:aws:iam::111122223333:role/puller", f"arn:aws:iam::{ACCOUNT}:user/ann"]
)
def test_a_role_must_belong_to_the_account(ecr, role):
    code, message = refused_rule(ecr, url=ECR_URL, customRoleArn=role)
    assert code == "InvalidParameterException"
    assert message.startswith("Invalid parameter at 'customRoleArn'")


@pytest.mark.consideration("S14b")
@pytest.mark.parametrize("place", [f"eu-west-1:{ACCOUNT}", "us-east-1:111122223333"])
def test_a_secret_must_be_in_the_same_region_and_account(ecr, place):
    secret = f"arn:aws:secretsmanager:{place}:secret:ecr-pullthroughcache/hub-AbCdEf"
    code, message = refused_rule(ecr, url="ghcr.io", credentialArn=secret)
    assert code == "SecretNotFoundException"
    assert (
        "Please verify the secret exists in the same region and account "
        "that the pullthrough cache rule will be created in" in message
    )


@pytest.mark.consideration("S14c")
def test_a_secret_must_exist(ecr):
    assert refused_rule(ecr, url="ghcr.io", credentialArn=SECRET.replace("hub", "gone")) == (
        "SecretNotFoundException",
        SecretNotFoundException.sentence,
    )


@pytest.mark.consideration("S14a")
def test_a_secret_must_have_the_prefix(ecr):
    arn = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:hub-AbCdEf"
    code, message = refused_rule(ecr, url="ghcr.io", credentialArn=arn)
    assert code == "InvalidParameterException"
    assert message.startswith("Invalid parameter at 'credentialArn'")


def test_the_value_of_a_secret_is_not_checked_at_creation(ecr, plane):
    plane.secrets.secrets[SECRET] = None
    rule(ecr, url="ghcr.io", credentialArn=SECRET)


def test_a_registry_has_at_most_50_rules(ecr):
    for number in range(50):
        rule(ecr, f"quay-{number}")
    assert refused_rule(ecr, "one-more")[0] == "LimitExceededException"
    assert refused_rule(ecr, "quay-7")[0] == "PullThroughCacheRuleAlreadyExistsException"
    assert len(ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]) == 50


# --- Regions ---------------------------------------------------------------------------------------------


@pytest.mark.consideration("S8")
@pytest.mark.parametrize("region", WITHOUT_PULL_THROUGH)
def test_some_regions_have_no_pull_through_cache(ecr_of, region):
    ecr = ecr_of(region=region)
    unsupported = ("ValidationException", "Pull through cache rules are not supported in this Region")
    assert refused_rule(ecr) == unsupported
    assert refusal(ecr.update_pull_through_cache_rule, ecrRepositoryPrefix="quay") == unsupported
    assert refusal(ecr.validate_pull_through_cache_rule, ecrRepositoryPrefix="quay") == unsupported
    assert ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"] == []


def test_the_prefix_is_checked_before_the_region(ecr_of):
    assert refused_rule(ecr_of(region="cn-north-1"), "No/Good")[0] == "InvalidParameterException"


# --- Describe --------------------------------------------------------------------------------------------


def test_rules_are_described_in_pages_in_order_of_prefix(ecr):
    for prefix in ("c3", "a1", "b2"):
        rule(ecr, prefix)
    pages = list(ecr.get_paginator("describe_pull_through_cache_rules").paginate(PaginationConfig={"PageSize": 2}))
    assert [prefixes(page) for page in pages] == [["a1", "b2"], ["c3"]]


def test_a_rule_is_described_with_all_its_members(ecr, clock):
    created = rule(ecr, "hub", "ghcr.io", credentialArn=SECRET)
    described = ecr.describe_pull_through_cache_rules(ecrRepositoryPrefixes=["hub", "hub"])["pullThroughCacheRules"]
    assert described == [created | {"updatedAt": clock.now()}]


def test_a_prefix_without_rule_fails_the_call(ecr):
    rule(ecr)
    asked = ["quay", "z9", "y8"]
    assert refusal(ecr.describe_pull_through_cache_rules, ecrRepositoryPrefixes=asked) == not_found("z9")


@pytest.mark.consideration("S30")
def test_rules_belong_to_their_registry(ecr, ecr_of):
    rule(ecr_of("111122223333"))
    assert ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"] == []
    assert prefixes(ecr.describe_pull_through_cache_rules(registryId="111122223333")) == ["quay"]


# --- Update ----------------------------------------------------------------------------------------------


def test_the_secret_of_a_rule_can_change(ecr, clock):
    rule(ecr, "hub", "ghcr.io", credentialArn=SECRET)
    clock.advance(timedelta(hours=1))
    answer = ecr.update_pull_through_cache_rule(ecrRepositoryPrefix="hub", credentialArn=OTHER_SECRET)
    answer.pop("ResponseMetadata")
    assert answer == {
        "ecrRepositoryPrefix": "hub",
        "registryId": ACCOUNT,
        "updatedAt": clock.now(),
        "credentialArn": OTHER_SECRET,
    }
    (described,) = ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
    assert (described["credentialArn"], described["updatedAt"]) == (OTHER_SECRET, clock.now())


def test_an_update_needs_a_rule(ecr):
    assert refusal(ecr.update_pull_through_cache_rule, ecrRepositoryPrefix="hub", credentialArn=SECRET) == not_found(
        "hub"
    )


def test_an_update_needs_a_credential(ecr):
    rule(ecr, "hub", "ghcr.io", credentialArn=SECRET)
    assert refusal(ecr.update_pull_through_cache_rule, ecrRepositoryPrefix="hub")[0] == "ValidationException"


def test_an_update_checks_the_credential_as_a_creation_does(ecr):
    rule(ecr, "hub", "ghcr.io", credentialArn=SECRET)
    rule(ecr)

    def code(prefix, **credential):
        return refusal(ecr.update_pull_through_cache_rule, ecrRepositoryPrefix=prefix, **credential)[0]

    assert code("hub", credentialArn=SECRET.replace("hub", "gone")) == "SecretNotFoundException"
    assert code("hub", customRoleArn=ROLE) == "InvalidParameterException"
    assert code("quay", credentialArn=SECRET) == "InvalidParameterException"


# --- Delete ----------------------------------------------------------------------------------------------


def test_the_answer_to_the_deletion_of_a_rule_describes_it(ecr):
    created = rule(ecr)
    answer = ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay/")
    answer.pop("ResponseMetadata")
    assert answer == {name: value for name, value in created.items() if name != "upstreamRegistry"}
    assert refusal(ecr.delete_pull_through_cache_rule, ecrRepositoryPrefix="quay") == not_found("quay")


# --- Validate --------------------------------------------------------------------------------------------


def failure(ecr, prefix="hub"):
    """Return the reason why a rule is invalid, ``None`` if it is valid."""
    answer = ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix=prefix)
    assert answer["isValid"] == ("failure" not in answer)
    return answer.get("failure")


def test_a_rule_that_works_is_valid(ecr):
    rule(ecr, "hub", "ghcr.io", credentialArn=SECRET)
    rule(ecr)
    assert (failure(ecr), failure(ecr, "quay")) == (None, None)


def test_problems_of_a_rule_are_reported_one_after_the_other(ecr, plane):
    rule(ecr, "hub", "ghcr.io", credentialArn=SECRET)
    plane.upstream.failure = UpstreamUnavailable("nobody answers at ghcr.io")
    assert failure(ecr) == "The upstream registry could not be reached. nobody answers at ghcr.io"
    plane.upstream.failure = UpstreamAccessDenied("401")
    assert failure(ecr) == (
        "The authentication to the upstream registry failed. Verify that the credentials provided "
        "in the pull through cache rule are correct, and try again."
    )
    plane.secrets.secrets[SECRET] = None
    assert failure(ecr) == "The secret is not valid JSON with the keys username and accessToken."
    del plane.secrets.secrets[SECRET]
    assert failure(ecr) == "The secret could not be found."


def test_only_an_existing_rule_is_validated(ecr):
    assert refusal(ecr.validate_pull_through_cache_rule, ecrRepositoryPrefix="hub") == not_found("hub")
