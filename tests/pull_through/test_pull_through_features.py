"""Single architectures, and the features of ECR that cached images share with all others."""

import json

import pytest

from ecr_emulator.testing.upstream.images import image, layer, multi_arch
from tests.support.boto import client_of
from tests.support.pull_through import ACCOUNT, running_cache

NAME = "quay/team/app"
APP = multi_arch()
LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 7,
            },
            "action": {"type": "expire"},
        }
    ]
}


@pytest.fixture
def ruled(cache, upstream):
    upstream.add_image("team/app", APP, "v1")
    cache.rule()
    return cache


# --- One architecture ------------------------------------------------------------------------------------


@pytest.mark.consideration("S16")
def test_one_architecture_is_pulled_by_its_digest_without_the_others(ruled):
    arm = APP.images[1]
    assert ruled.pull(NAME, arm.digest) == arm.raw
    ruled.settle()
    assert ruled.images(NAME) == {arm.digest: []}


@pytest.mark.consideration("S16")
def test_one_architecture_is_pulled_by_a_tag_of_its_own(ruled, upstream):
    upstream.add_manifest("team/app", APP.images[1], "v1-arm64")
    assert ruled.pull(NAME, "v1-arm64") == APP.images[1].raw
    ruled.settle()
    assert ruled.images(NAME) == {APP.images[1].digest: ["v1-arm64"]}


@pytest.mark.consideration("S15", "S16")
def test_an_architecture_that_was_pulled_alone_is_not_fetched_again_with_the_list(ruled, upstream):
    arm = APP.images[1]
    ruled.pull(NAME, arm.digest)
    ruled.settle()
    ruled.pull(NAME, "v1")
    ruled.settle()
    assert ruled.images(NAME) == {APP.digest: ["v1"], **{each.digest: [] for each in APP.images}}
    assert upstream.count("GET", f"/manifests/{arm.digest}") == 1
    assert upstream.count("GET", f"/blobs/{arm.layers[0].digest}") == 1


# --- Features of private registries ----------------------------------------------------------------------


@pytest.mark.consideration("S19a")
def test_cached_images_are_replicated_with_all_that_they_list(ruled):
    destination = {"region": "eu-west-1", "registryId": ACCOUNT}
    rules = [{"destinations": [destination], "repositoryFilters": [{"filter": "quay", "filterType": "PREFIX_MATCH"}]}]
    ruled.ecr.put_replication_configuration(replicationConfiguration={"rules": rules})
    ruled.pull(NAME, "v1")
    ruled.settle()
    there = client_of(ruled.emulator, account=ACCOUNT, region="eu-west-1")
    (replica,) = there.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])["images"]
    assert replica["imageManifest"].encode() == APP.raw
    found = {each["imageDigest"] for each in there.describe_images(repositoryName=NAME)["imageDetails"]}
    assert found == {APP.digest, *(each.digest for each in APP.images)}
    for child in APP.images:
        answer = there.batch_check_layer_availability(
            repositoryName=NAME, layerDigests=[blob.digest for blob in child.blobs]
        )
        assert {each["layerAvailability"] for each in answer["layers"]} == {"AVAILABLE"}
    status = ruled.ecr.describe_image_replication_status(repositoryName=NAME, imageId={"imageTag": "v1"})
    assert [each["status"] for each in status["replicationStatuses"]] == ["COMPLETE"]


@pytest.mark.consideration("S19a")
def test_an_image_is_replicated_when_the_last_of_it_has_come(ruled, upstream):
    destination = {"region": "eu-west-1", "registryId": ACCOUNT}
    ruled.ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [destination]}]})
    upstream.fail(f"/blobs/{APP.images[0].layers[0].digest}", status=404, count=99)
    ruled.manifest(NAME, "v1")
    ruled.settle()
    there = client_of(ruled.emulator, account=ACCOUNT, region="eu-west-1")
    found = [each["imageDigest"] for each in there.describe_images(repositoryName=NAME)["imageDetails"]]
    assert found == [APP.images[1].digest], "one architecture is complete"
    upstream.heal()
    ruled.advance(hours=25)
    ruled.manifest(NAME, "v1")
    ruled.settle()
    assert there.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])["failures"] == []


@pytest.mark.consideration("S19c")
def test_lifecycle_policies_clear_away_what_updates_leave_untagged(cache, upstream):
    old, new = image("old"), image("new")
    upstream.add_image("team/app", old, "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    cache.ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=json.dumps(LIFECYCLE))
    upstream.add_image("team/app", new, "v1")
    cache.advance(hours=25)
    cache.pull(NAME, "v1")
    cache.settle()
    assert set(cache.images(NAME)) == {old.digest, new.digest}
    cache.advance(days=8)
    assert cache.images(NAME) == {new.digest: ["v1"]}


@pytest.mark.consideration("S19c")
def test_cache_repositories_take_tags_and_policies_like_any_other(ruled):
    ruled.pull(NAME, "v1")
    (repository,) = ruled.ecr.describe_repositories()["repositories"]
    ruled.ecr.tag_resource(resourceArn=repository["repositoryArn"], tags=[{"Key": "a", "Value": "b"}])
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}],
    }
    ruled.ecr.set_repository_policy(repositoryName=NAME, policyText=json.dumps(policy))
    ruled.ecr.put_image_scanning_configuration(repositoryName=NAME, imageScanningConfiguration={"scanOnPush": True})
    assert ruled.ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
    ruled.advance(hours=25)
    assert ruled.pull(NAME, "v1") == APP.raw
    assert json.loads(ruled.ecr.get_repository_policy(repositoryName=NAME)["policyText"]) == policy


@pytest.mark.consideration("S19d")
def test_layers_of_a_cache_are_not_mounted_into_other_repositories(cache, upstream):
    app = image("app", layer("shared"))
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    cache.ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    cache.ecr.create_repository(repositoryName="mine")
    token = cache.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    path = f"/v2/mine/blobs/uploads/?mount={app.layers[0].digest}&from={NAME}"
    answer = cache.http.post(path, headers={"Authorization": f"Basic {token}"})
    assert answer.status_code == 202, "the client has to upload it"


# --- Events and pull times -------------------------------------------------------------------------------


def test_describing_and_listing_bring_nothing_in(ruled, upstream):
    ruled.manifest(NAME, "v1")
    ruled.settle()
    upstream.add_image("team/app", image("new"), "v2")
    upstream.requests.clear()
    ruled.advance(days=2)
    ruled.ecr.describe_images(repositoryName=NAME)
    ruled.ecr.list_images(repositoryName=NAME)
    code = ruled.ecr.exceptions.ImageNotFoundException
    with pytest.raises(code):
        ruled.ecr.describe_images(repositoryName=NAME, imageIds=[{"imageTag": "v2"}])
    assert upstream.requests == []


def test_an_imported_image_is_described_like_a_pushed_one(ruled, upstream):
    ruled.pull(NAME, "v1")
    ruled.settle()
    described = {each["imageDigest"]: each for each in ruled.ecr.describe_images(repositoryName=NAME)["imageDetails"]}
    top = described[APP.digest]
    assert top["imageManifestMediaType"] == APP.media_type
    assert top["imageSizeInBytes"] == max(sum(blob.size for blob in each.blobs) for each in APP.images)
    assert top["lastRecordedPullTime"]
    child = described[APP.images[0].digest]
    assert child["artifactMediaType"] == APP.images[0].config.media_type
    assert child["imageSizeInBytes"] == sum(blob.size for blob in APP.images[0].blobs)
    assert child["lastRecordedPullTime"], "the client pulled it too"


def test_repository_and_images_are_there_before_the_event(ruled):
    ruled.pull(NAME, "v1")
    ruled.settle()
    events = ruled.http.get("/_ecr/events").json["events"]
    kinds = [each["detail-type"] for each in events if NAME in str(each["resources"]) + str(each["detail"])]
    assert kinds[-1] == "ECR Pull Through Cache Action"
    assert kinds.count("ECR Image Action") == 1 + len(APP.images)


def test_images_that_an_import_fetches_are_not_recorded_as_pulled(ruled):
    ruled.manifest(NAME, "v1")
    ruled.settle()
    described = ruled.ecr.describe_images(repositoryName=NAME)["imageDetails"]
    assert {each["imageDigest"] for each in described if "lastRecordedPullTime" in each} == {APP.digest}


# --- HEAD, as docker and containerd begin ----------------------------------------------------------------


def head(cache, path):
    token = cache.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return cache.http.head(path, headers={"Authorization": f"Basic {token}"})


def test_a_first_pull_may_begin_with_head_and_costs_no_more(ruled, upstream):
    answer = head(ruled, f"/v2/{NAME}/manifests/v1")
    assert (answer.status_code, answer.headers["Docker-Content-Digest"]) == (200, APP.digest)
    assert (answer.content_length, answer.content_type) == (APP.size, APP.media_type)
    assert ruled.pull(NAME, "v1") == APP.raw
    ruled.settle()
    assert upstream.count("HEAD", "/manifests/") == 0
    assert upstream.count("GET", "/manifests/") == 1 + len(APP.images)


def test_the_size_of_a_layer_is_known_before_anybody_fetches_it(upstream):
    app = image("app")
    upstream.add_image("team/app", app, "v1")
    with running_cache(upstream, import_mode="lazy") as cache:
        cache.rule()
        cache.manifest(NAME, "v1")
        cache.settle()
        answer = head(cache, f"/v2/{NAME}/blobs/{app.layers[0].digest}")
        assert (answer.status_code, answer.content_length) == (200, app.layers[0].size)
        assert upstream.count(None, "/blobs/") == 0
