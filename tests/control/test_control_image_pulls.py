"""BatchGetImage and GetDownloadUrlForLayer under pull through cache rules."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from math import inf

import pytest
from botocore.exceptions import ClientError

from ecr_emulator.control.app import ControlApp
from ecr_emulator.domain.manifest import OCI_MANIFEST
from ecr_emulator.ports.secrets import Credential
from ecr_emulator.services.pull_through import BlobDownloads, PullThrough, Referrers
from ecr_emulator.services.pulls import Pulls
from ecr_emulator.services.repositories import NewRepositories
from ecr_emulator.testing.upstream.auth import Basic
from ecr_emulator.testing.upstream.images import image, multi_arch
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from ecr_emulator.upstream.addresses import UpstreamMap
from ecr_emulator.upstream.client import HttpUpstreams
from ecr_emulator.upstream.retries import Retries
from tests.support.boto import client_of
from tests.support.control_plane import ControlPlane
from tests.support.images import put_image

ACCOUNT = "000000000000"
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:ecr-pullthroughcache/hub-AbCdEf"
CREDENTIAL = Credential("user", "token")
OPEN, GUARDED = "quay/team/app", "hub/team/app"
ABSENT = "sha256:" + "0" * 64


@pytest.fixture
def upstream():
    with ScriptedUpstream() as registry:
        yield registry


class PullThroughPlane(ControlPlane):
    """A control plane with a scripted upstream, a rule without a credential and a rule with one."""

    def __init__(self, directory, cleanup, upstream):
        super().__init__(directory, cleanup)
        addresses = UpstreamMap({"quay.io": upstream.url, "registry-1.docker.io": upstream.url})
        upstreams = HttpUpstreams(self.secrets, addresses, Retries(pause=lambda seconds: None))
        cleanup.callback(upstreams.close)
        store, blobs, ids = self.services.store, self.services.blobs, self.services.ids
        downloads = BlobDownloads(store, blobs, ids, self.clock, upstreams, make_room=lambda: None)
        cleanup.callback(downloads.close)
        referrers = Referrers(store, upstreams)
        cleanup.callback(referrers.close)
        self.pull_through = PullThrough(
            store, self.clock, upstreams, downloads, referrers, new_repositories=NewRepositories(self.keys)
        )
        cleanup.callback(self.pull_through.close)
        pulls = Pulls(store, blobs, self.pull_through, downloads, self.keys)
        self.services = replace(self.services, upstreams=upstreams, pulls=pulls)
        self.wsgi = ControlApp(self.services, self.callers, strict=True)
        self.secrets.secrets[SECRET] = CREDENTIAL

    def settle(self):
        assert self.pull_through.settle(timeout=20)


@pytest.fixture
def plane(tmp_path, upstream):
    with ExitStack() as cleanup:
        plane = PullThroughPlane(tmp_path, cleanup, upstream)
        yield plane
        plane.settle()


@pytest.fixture
def ecr(plane):
    client = client_of(plane)
    client.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    client.create_pull_through_cache_rule(
        ecrRepositoryPrefix="hub", upstreamRegistryUrl="registry-1.docker.io", credentialArn=SECRET
    )
    return client


def got(ecr, name, *image_ids):
    answer = ecr.batch_get_image(repositoryName=name, imageIds=list(image_ids))
    return answer["images"], answer["failures"]


@pytest.mark.parametrize("by", ["imageTag", "imageDigest"])
def test_an_uncached_image_comes_from_the_upstream(ecr, upstream, by):
    app = image()
    upstream.add_image("team/app", app, "v1")
    wanted = {"imageTag": "v1"} if by == "imageTag" else {"imageDigest": app.digest}
    expected = {
        "registryId": ACCOUNT,
        "repositoryName": OPEN,
        "imageId": {"imageDigest": app.digest} | wanted,
        "imageManifest": app.raw.decode(),
        "imageManifestMediaType": OCI_MANIFEST,
    }
    assert got(ecr, OPEN, wanted) == ([expected], [])
    assert ecr.describe_repositories()["repositories"][0]["repositoryName"] == OPEN


def test_a_tag_and_a_digest_must_agree_upstream_too(ecr, upstream):
    first, second = image(1), image(2)
    upstream.add_image("team/app", first, "v1")
    upstream.add_image("team/app", second, "v2")
    both = {"imageTag": "v1", "imageDigest": first.digest}
    assert [each["imageId"] for each in got(ecr, OPEN, both)[0]] == [both]
    got(ecr, OPEN, {"imageTag": "v2"})
    [failure] = got(ecr, OPEN, {"imageTag": "v1", "imageDigest": second.digest})[1]
    assert failure["failureCode"] == "ImageTagDoesNotMatchDigest"


@pytest.mark.parametrize("image_id", [{"imageTag": "absent"}, {"imageDigest": ABSENT}, {"imageDigest": "sha256:00"}])
def test_an_image_that_the_upstream_lacks_is_not_found(ecr, image_id):
    failure = {
        "imageId": image_id,
        "failureCode": "ImageNotFound",
        "failureReason": "Requested image not found",
    }
    assert got(ecr, OPEN, image_id) == ([], [failure])
    assert ecr.describe_repositories()["repositories"] == []


def test_an_ill_formed_id_does_not_reach_the_upstream(ecr, upstream):
    failures = got(ecr, OPEN, {}, {"imageTag": "a b"}, {"imageDigest": "sha256"})[1]
    assert [each["failureCode"] for each in failures] == [
        "MissingDigestAndTag",
        "InvalidImageTag",
        "InvalidImageDigest",
    ]
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "UpstreamAccessDenied"), (429, "UpstreamTooManyRequests"), (500, "UpstreamUnavailable")],
)
def test_the_failure_of_an_upstream_is_a_failure_of_the_image(ecr, upstream, status, code):
    upstream.add_image("team/app", image(), "v1")
    upstream.fail("/manifests/v2", status=status, count=inf)
    images, failures = got(ecr, OPEN, {"imageTag": "v1"}, {"imageTag": "v2"})
    assert len(images) == 1
    assert [(each["imageId"], each["failureCode"]) for each in failures] == [({"imageTag": "v2"}, code)]
    assert failures[0]["failureReason"]


def test_a_credential_that_the_upstream_refuses_is_access_denied(ecr, plane, upstream):
    upstream.auth = Basic("user", "another")
    [failure] = got(ecr, GUARDED, {"imageTag": "v1"})[1]
    assert failure["failureCode"] == "UpstreamAccessDenied"


def test_a_secret_that_cannot_be_read_fails_the_call(ecr, plane, upstream):
    upstream.auth = Basic(*CREDENTIAL)
    plane.secrets.secrets[SECRET] = None
    with pytest.raises(ecr.exceptions.UnableToGetUpstreamImageException, match="Secrets Manager secret"):
        got(ecr, GUARDED, {"imageTag": "v1"})


def test_a_cached_image_is_served_without_its_secret(ecr, plane, upstream):
    upstream.auth = Basic(*CREDENTIAL)
    upstream.add_image("team/app", image(), "v1")
    got(ecr, GUARDED, {"imageTag": "v1"})
    plane.secrets.secrets[SECRET] = None
    assert len(got(ecr, GUARDED, {"imageTag": "v1"})[0]) == 1


def test_without_a_rule_the_repository_must_exist(ecr):
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        got(ecr, "elsewhere/team/app", {})


def test_an_image_pushed_under_a_rule_is_served_although_the_upstream_lacks_it(ecr):
    ecr.create_repository(repositoryName=OPEN)
    put_image(ecr, OPEN, image(), "mine")
    assert len(got(ecr, OPEN, {"imageTag": "mine"})[0]) == 1


def test_describing_and_listing_import_nothing(ecr, upstream):
    upstream.add_image("team/app", image(), "v1")
    ecr.create_repository(repositoryName=OPEN)
    with pytest.raises(ecr.exceptions.ImageNotFoundException):
        ecr.describe_images(repositoryName=OPEN, imageIds=[{"imageTag": "v1"}])
    assert ecr.list_images(repositoryName=OPEN)["imageIds"] == []
    assert upstream.requests == []


# --- Layers ----------------------------------------------------------------------------------------------


def layer_url(ecr, name, digest):
    return ecr.get_download_url_for_layer(repositoryName=name, layerDigest=digest)["downloadUrl"]


@pytest.fixture
def uncached(ecr, plane, upstream):
    """Return the layer of a cached image. The upstream did not have the layer when the image was imported."""
    app = multi_arch()
    upstream.auth = Basic(*CREDENTIAL)
    upstream.add_image("team/app", app, "v1")
    upstream.fail("/blobs/", status=404, count=inf)
    got(ecr, GUARDED, {"imageTag": "v1"})
    plane.settle()
    upstream.heal()
    plane.services.upstreams.forget()  # the negative answers of the upstream
    return app.images[0].layers[0].digest


def availability(ecr, digest):
    [layer] = ecr.batch_check_layer_availability(repositoryName=GUARDED, layerDigests=[digest])["layers"]
    return layer["layerAvailability"]


def test_a_layer_that_is_not_cached_yet_is_fetched_when_its_url_is_asked_for(ecr, upstream, uncached):
    assert availability(ecr, uncached) == "UNAVAILABLE"
    upstream.requests.clear()
    assert uncached in layer_url(ecr, GUARDED, uncached)
    assert upstream.count("GET", f"/blobs/{uncached}") == 1


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
def test_a_layer_that_the_upstream_does_not_give_has_no_url(ecr, upstream, uncached, status):
    upstream.fail("/blobs/", status=status, count=inf)
    with pytest.raises(ecr.exceptions.UnableToGetUpstreamLayerException):
        layer_url(ecr, GUARDED, uncached)
    assert availability(ecr, uncached) == "UNAVAILABLE"


def test_a_layer_that_is_not_cached_needs_a_readable_secret(ecr, plane, uncached):
    plane.secrets.secrets[SECRET] = None
    with pytest.raises(ecr.exceptions.UnableToGetUpstreamLayerException):
        layer_url(ecr, GUARDED, uncached)


def test_a_layer_that_is_not_cached_needs_its_rule(ecr, uncached):
    ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="hub")
    with pytest.raises(ClientError) as refused:
        layer_url(ecr, GUARDED, uncached)
    assert refused.value.response["Error"] == {
        "Code": "UnableToGetUpstreamLayerException",
        "Message": "There was an issue getting the upstream layer matching the pull through cache rule.",
    }


def test_a_layer_of_an_image_that_is_not_cached_is_not_fetched(ecr, upstream):
    app = image()
    upstream.add_image("team/app", app, "v1")
    ecr.create_repository(repositoryName=OPEN)
    with pytest.raises(ecr.exceptions.LayersNotFoundException):
        layer_url(ecr, OPEN, app.layers[0].digest)
    assert upstream.requests == []
