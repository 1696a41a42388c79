"""Private registries of one emulator as each other's upstreams: in other Regions and other accounts."""

from pathlib import Path

import pytest

from ecr_emulator.domain import names
from ecr_emulator.emulator import Emulator
from ecr_emulator.serving.threaded import ThreadedServer
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import artifact, image, multi_arch
from tests.support.blob_places import stored_blobs
from tests.support.boto import client_of
from tests.support.images import put_image
from tests.support.private_registry import OTHER_ACCOUNT, ROLE, PrivateRegistry
from tests.support.pull_through import running_cache


def test_another_region_of_the_account_is_pulled_through_without_a_credential(cache, upstream, down, up):
    app = multi_arch()
    up.push_index("team/app", app, "v1")
    created = down.rule("eu", up)
    assert (created["upstreamRegistry"], created["upstreamRepositoryPrefix"]) == ("ecr", "ROOT")

    assert down.pull("eu/team/app", "v1") == app.raw
    cache.settle()

    assert down.tags("eu/team/app") == {app.digest: ["v1"]} | {child.digest: [] for child in app.images}
    assert upstream.requests == [], "no request went over the network"


def test_another_account_is_pulled_through_with_a_role(cache, down):
    theirs = PrivateRegistry(cache, OTHER_ACCOUNT)
    app = image()
    theirs.push_image("team/app", app, "v1")
    down.rule("theirs", theirs, customRoleArn=ROLE)
    assert down.pull("theirs/team/app", "v1") == app.raw


def test_the_bytes_are_not_there_twice(cache, down, up):
    app = multi_arch()
    up.push_index("team/app", app, "v1")
    before = stored_blobs(cache.emulator)
    down.rule("eu", up)
    down.pull("eu/team/app", "v1")
    cache.settle()
    assert stored_blobs(cache.emulator) == before
    assert list(Path(cache.emulator.data_dir, "ingest").iterdir()) == []


def test_a_layer_is_in_the_cache_when_it_is_gone_from_its_source(cache, down, up):
    app = image()
    up.push_image("team/app", app, "v1")
    down.rule("eu", up)
    down.pull("eu/team/app", "v1")
    cache.settle()
    up.ecr.delete_repository(repositoryName="team/app", force=True)
    cache.advance(days=3)
    cache.http.post("/_ecr/gc", json={"grace": "0s"})
    assert down.pull("eu/team/app", "v1") == app.raw


@pytest.mark.parametrize(
    ("prefix", "upstream_prefix", "here_", "there"),
    [
        ("ROOT", None, "my-app/image1", "my-app/image1"),
        ("ROOT", "ROOT", "image1", "image1"),
        ("team-a", "team-a", "team-a/app1", "team-a/app1"),
        ("my-app", "upstream-app", "my-app/image1", "upstream-app/image1"),
        ("my-app", "ROOT", "my-app/team/image1", "team/image1"),
        ("a/b", "c/d/e", "a/b/image1", "c/d/e/image1"),
    ],
)
def test_prefixes_are_mapped_as_the_user_guide_says(down, up, prefix, upstream_prefix, here_, there):
    app = image()
    up.push_image(there, app, "v1")
    down.rule(prefix, up, upstream_prefix)
    assert down.pull(here_, "v1") == app.raw
    assert down.names() == [here_]


def test_a_rule_counts_in_its_own_region_only(cache, up):
    elsewhere = PrivateRegistry(cache, region="us-west-2")
    up.push_image("team/app", image(), "v1")
    PrivateRegistry(cache).rule("eu", up)
    assert elsewhere.manifest("eu/team/app", "v1").json["errors"][0]["code"] == "NAME_UNKNOWN"


def test_a_host_that_the_operator_mapped_is_asked_over_the_network(cache, upstream, down):
    mapped = "210987654321.dkr.ecr.eu-west-1.amazonaws.com"
    away, near = image("away"), image("near")
    upstream.add_image("team/app", away, "v1")
    PrivateRegistry(cache, "210987654321", "eu-west-1").push_image("team/app", near, "v1")
    down.rule("theirs", mapped, customRoleArn=ROLE)
    assert down.pull("theirs/team/app", "v1") == away.raw


@pytest.mark.parametrize("registry_auth", ["open", "token"])
def test_another_emulator_is_such_a_host_if_it_is_open(upstream, registry_auth):
    """ECR pulls over the network in a role, which the emulator cannot assume, so it sends no token."""
    there, app = names.Registry(OTHER_ACCOUNT, "eu-west-1"), image()
    settings = Settings(account=there.id, region=there.region, registry_auth=registry_auth)
    with Emulator(settings) as other, ThreadedServer(other.wsgi) as server:
        ecr = client_of(other, account=there.id, region=there.region)
        ecr.create_repository(repositoryName="team/app")
        put_image(ecr, "team/app", app, "v1")
        with running_cache(upstream, mapped={there.host: server.url}) as cache:
            down = PrivateRegistry(cache)
            down.rule("theirs", there.host, customRoleArn=ROLE)
            if registry_auth == "open":
                assert down.pull("theirs/team/app", "v1") == app.raw
            else:
                assert down.manifest("theirs/team/app", "v1").status_code == 404
                assert "without a credential" in down.events()[-1]["failure-reason"]


def test_offline_a_private_registry_still_answers(upstream):
    app = image()
    with running_cache(upstream, offline=True) as cache:
        down, up = PrivateRegistry(cache), PrivateRegistry(cache, region="eu-central-1")
        up.push_image("team/app", app, "v1")
        down.rule("eu", up)
        assert down.pull("eu/team/app", "v1") == app.raw


def test_a_rule_for_a_private_registry_is_valid(down, up):
    down.rule("eu", up)
    assert down.ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="eu")["isValid"]


def test_the_source_sees_that_it_was_pulled_from(down, up):
    up.push_image("team/app", image(), "v1")
    down.rule("eu", up)
    assert "lastRecordedPullTime" not in up.detail("team/app", "v1")
    down.pull("eu/team/app", "v1")
    assert "lastRecordedPullTime" in up.detail("team/app", "v1")


def test_the_role_of_a_rule_may_be_excluded_from_pull_times(down, up):
    up.push_image("team/app", image(), "v1")
    up.ecr.register_pull_time_update_exclusion(principalArn=ROLE)
    down.rule("eu", up, customRoleArn=ROLE)
    down.pull("eu/team/app", "v1")
    assert "lastRecordedPullTime" not in up.detail("team/app", "v1")


@pytest.mark.parametrize(("name", "tag"), [("team/none", "v1"), ("team/app", "none")])
def test_an_image_missing_in_the_other_registry_is_not_found_and_creates_nothing(down, up, name, tag):
    up.push_image("team/app", image(), "v1")
    down.rule("eu", up)
    answer = down.manifest(f"eu/{name}", tag)
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    assert down.names() == []
    (event,) = down.events()
    assert (event["sync-status"], event["failure-code"]) == ("FAILED", "ImageNotFound")
    assert up.host in event["failure-reason"]


def test_the_api_pulls_from_a_private_registry_too(down, up):
    app = image()
    up.push_image("team/app", app, "v1")
    down.rule("eu", up)
    (pulled,) = down.ecr.batch_get_image(repositoryName="eu/team/app", imageIds=[{"imageTag": "v1"}])["images"]
    assert pulled["imageManifest"].encode() == app.raw


def test_signatures_in_the_other_registry_are_listed_and_pulled(cache, down, up):
    app = image()
    signature = artifact(app)
    up.push_image("team/app", app, "v1")
    put_image(up.ecr, "team/app", signature)
    down.rule("eu", up)
    down.pull("eu/team/app", "v1")
    cache.settle()
    assert down.referrers("eu/team/app", app) == [signature.digest]
    assert down.pull("eu/team/app", signature.digest) == signature.raw
    _delete_repository(up)
    cache.advance(hours=25)
    assert down.referrers("eu/team/app", app) == [signature.digest]


# --- Later pulls --------------------------------------------------------------------------------------


def test_a_tag_is_checked_again_after_a_day_and_moves_with_its_source(cache, down, up):
    old, new = image("old"), image("new")
    up.push_image("team/app", old, "v1")
    down.rule("eu", up)
    down.pull("eu/team/app", "v1")
    cache.settle()

    put_image(up.ecr, "team/app", new, "v1")
    cache.advance(hours=23, minutes=59)
    assert down.pull("eu/team/app", "v1") == old.raw
    cache.advance(minutes=2)
    assert down.pull("eu/team/app", "v1") == new.raw
    cache.settle()
    assert down.tags("eu/team/app") == {old.digest: [], new.digest: ["v1"]}


def _delete_tag(up):
    up.ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])


def _delete_repository(up):
    up.ecr.delete_repository(repositoryName="team/app", force=True)


def _archive(up):
    digest = image().digest
    up.ecr.update_image_storage_class(
        repositoryName="team/app", imageId={"imageDigest": digest}, targetStorageClass="ARCHIVE"
    )


@pytest.mark.parametrize("happens", [_delete_tag, _delete_repository, _archive])
def test_an_image_deleted_at_the_source_is_served_from_the_cache(cache, down, up, happens):
    app = image()
    up.push_image("team/app", app, "v1")
    down.rule("eu", up)
    down.pull("eu/team/app", "v1")
    cache.settle()
    happens(up)
    cache.advance(hours=25)
    assert down.pull("eu/team/app", "v1") == app.raw
    assert down.events()[-1]["failure-code"] == "ImageNotFound"


def test_an_archived_image_cannot_be_pulled_through(down, up):
    up.push_image("team/app", image(), "v1")
    _archive(up)
    down.rule("eu", up)
    assert down.manifest("eu/team/app", "v1").status_code == 404
    assert down.names() == []
