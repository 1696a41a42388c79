"""Callers for which ECR makes no first pull: AWS Lambda and clients of FIPS endpoints. They get cached images."""

import pytest

from ecr_emulator.testing.upstream.images import artifact, image, multi_arch
from tests.support.boto import client_of
from tests.support.pull_through import ACCOUNT, running_cache
from tests.support.refusals import refusal

NAME = "quay/team/app"
FIPS = f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com"
CALLERS = {
    "Lambda by its user agent": {"User-Agent": "lambda.amazonaws.com"},
    "Lambda by our header": {"X-Ecr-Emulator-Caller": "lambda"},
    "a FIPS endpoint": {"Host": FIPS},
    "a FIPS dual-stack endpoint": {"Host": f"{ACCOUNT}.dkr-ecr-fips.us-east-1.on.aws"},
}
considered = pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
APP = multi_arch()


@pytest.fixture
def ruled(cache, upstream):
    upstream.add_image("team/app", APP, "v1")
    cache.rule()
    return cache


@pytest.fixture
def fips_client(cache):
    """A boto3 client of the FIPS endpoint of the API."""
    return client_of(cache.emulator, account=ACCOUNT, headers={"Host": "ecr-fips.us-east-1.amazonaws.com"})


@pytest.mark.consideration("S9", "S10")
@considered
def test_a_first_pull_finds_nothing_and_asks_nobody(ruled, upstream, caller, caplog):
    answer = ruled.get(f"/v2/{NAME}/manifests/v1", **caller)
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "NAME_UNKNOWN")
    assert f"nothing is imported for {NAME}: " in caplog.text
    ruled.ecr.create_repository(repositoryName=NAME)
    answer = ruled.get(f"/v2/{NAME}/manifests/v1", **caller)
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    assert upstream.requests == []


@pytest.mark.consideration("S9", "S10")
@considered
def test_a_tag_that_another_client_pulled_is_served_without_a_check(ruled, upstream, caller):
    ruled.pull(NAME, "v1")
    ruled.settle()
    upstream.stop()
    ruled.advance(days=2)
    answer = ruled.get(f"/v2/{NAME}/manifests/v1", **caller)
    assert answer.data == APP.raw
    child = APP.images[0]
    assert ruled.get(f"/v2/{NAME}/manifests/{child.digest}", **caller).data == child.raw
    assert ruled.get(f"/v2/{NAME}/blobs/{child.layers[0].digest}", **caller).data == child.layers[0].raw
    assert ruled.events()[-1]["sync-status"] == "SUCCESS", "no import was tried"


@considered
def test_layers_of_a_cached_image_that_are_still_on_their_way_are_sent(upstream, caller):
    app = image("app")
    upstream.add_image("team/app", app, "v1")
    with running_cache(upstream, import_mode="lazy") as cache:
        cache.rule()
        cache.manifest(NAME, "v1")
        cache.settle()
        assert cache.get(f"/v2/{NAME}/blobs/{app.layers[0].digest}", **caller).data == app.layers[0].raw


@considered
def test_referrers_are_those_that_are_known(ruled, upstream, caller):
    upstream.add_image("team/app", artifact(APP))
    ruled.pull(NAME, "v1")
    path = f"/v2/{NAME}/referrers/{APP.digest}"
    assert ruled.get(path, **caller).json["manifests"] == []
    assert upstream.count("GET", "/referrers/") == 0
    assert len(ruled.get(path).json["manifests"]) == 1
    assert len(ruled.get(path, **caller).json["manifests"]) == 1


@pytest.mark.consideration("S10")
def test_the_api_makes_no_first_pull_over_its_fips_endpoint(ruled, upstream, fips_client):
    request = {"repositoryName": NAME, "imageIds": [{"imageTag": "v1"}]}
    assert refusal(fips_client.batch_get_image, **request)[0] == "RepositoryNotFoundException"
    assert upstream.requests == []
    ruled.ecr.batch_get_image(**request)
    assert fips_client.batch_get_image(**request)["images"][0]["imageManifest"].encode() == APP.raw


@pytest.mark.consideration("S9")
def test_the_api_makes_no_first_pull_for_lambda(ruled, upstream):
    client = client_of(ruled.emulator, account=ACCOUNT, headers={"User-Agent": "lambda.amazonaws.com"})
    request = {"repositoryName": NAME, "imageIds": [{"imageTag": "v1"}]}
    assert refusal(client.batch_get_image, **request)[0] == "RepositoryNotFoundException"
    ruled.ecr.create_repository(repositoryName=NAME)
    (failure,) = client.batch_get_image(**request)["failures"]
    assert failure["failureCode"] == "ImageNotFound"
    assert upstream.requests == []


@pytest.mark.parametrize("agent", ["docker/24.0 lambda.amazonaws.com", "aws-lambda/1.0", "Boto3/1.44"])
def test_only_lambda_itself_is_lambda(ruled, agent):
    assert ruled.get(f"/v2/{NAME}/manifests/v1", **{"User-Agent": agent}).status_code == 200


def test_a_mirror_of_a_fips_registry_is_one_too(ruled, upstream):
    assert ruled.get(f"/v2/{NAME}/manifests/v1?ns={FIPS}").status_code == 404
    assert upstream.requests == []
