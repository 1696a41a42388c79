"""Upstreams with unusual answers: none of these makes a pull fail."""

import json

import pytest

from ecr_emulator.domain.manifest import MAX_MANIFEST_BYTES, OCI_INDEX, SCHEMA1, SCHEMA1_SIGNED
from ecr_emulator.testing.upstream.auth import Bearer
from ecr_emulator.testing.upstream.faults import Reply, answers, cut_after, with_headers
from ecr_emulator.testing.upstream.images import FOREIGN_LAYER, Content, image, layer, multi_arch
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.boto import client_of
from tests.support.images import upload_layer
from tests.support.pull_through import ACCOUNT, CREDENTIAL, running_cache

NAME = "quay/team/app"
OCI_FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"


@pytest.mark.parametrize("window", [";w=21600", ""])
def test_imports_do_not_wait_for_ever_for_a_limit_that_was_told_once(cache, upstream, window):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    upstream.fail("/manifests/", with_headers(RateLimit_Limit=f"100{window}", RateLimit_Remaining=f"3{window}"))
    cache.rule()
    assert cache.manifest(NAME, "v1").status_code == 200
    cache.settle()
    assert set(cache.images(NAME)) == {app.digest}
    cache.advance(hours=25)
    assert cache.manifest(NAME, "v1").status_code == 200
    cache.settle()
    assert set(cache.images(NAME)) == {app.digest, *(each.digest for each in app.images)}
    assert cache.events()[-1]["sync-status"] == "SUCCESS"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 501])
def test_a_tag_follows_an_upstream_that_refuses_head(cache, upstream, status):
    """Harbor and Nexus may refuse HEAD for a manifest that they send for GET."""
    old, new = image("old"), image("new")
    upstream.add_image("team/app", old, "v1")
    upstream.fail("HEAD /manifests/", answers(status), count=99)
    cache.rule()
    assert cache.pull(NAME, "v1") == old.raw
    cache.settle()

    cache.advance(hours=25)
    upstream.requests.clear()
    assert cache.pull(NAME, "v1") == old.raw, "the tag has not moved"
    assert [request.method for request in upstream.requests] == ["HEAD", "GET"]

    upstream.add_image("team/app", new, "v1")
    cache.advance(hours=25)
    upstream.requests.clear()
    cache.manifest(NAME, "v1")
    cache.settle()
    assert cache.pull(NAME, "v1") == new.raw
    assert (upstream.count("HEAD"), upstream.count("GET", "/manifests/")) == (1, 1), "it costs one pull of a rate limit"
    assert {event["sync-status"] for event in cache.events()} == {"SUCCESS"}


def test_an_upstream_that_has_the_tag_no_longer_is_asked_by_get_too_and_then_left_alone(cache, upstream):
    app = image()
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    upstream.remove("team/app", "v1")
    cache.advance(hours=25)
    upstream.requests.clear()
    for _ in range(3):
        assert cache.pull(NAME, "v1") == app.raw
    assert [request.method for request in upstream.requests] == ["HEAD", "GET"]
    assert cache.events()[-1]["failure-code"] == "ImageNotFound"


def test_a_token_service_that_is_not_there_is_named_with_the_upstream_of_the_rule(upstream):
    with ScriptedUpstream() as tokens:
        realm = f"{tokens.url}/token"
    upstream.auth = Bearer(realm=realm)
    upstream.add_image("team/app", image(), "v1")
    with running_cache(upstream, mapped={"auth.quay.io": tokens.url}) as mapped:
        mapped.rule()
        answer = mapped.manifest(NAME, "v1")
    assert answer.status_code == 503
    assert (
        f"127.0.0.1:{tokens.port}, to which quay.io redirects, cannot be reached: Connection refused"
        in answer.json["errors"][0]["message"]
    )


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_rule_with_a_secret_shows_it_to_an_upstream_that_hides_what_it_has(cache, upstream, status):
    """Such an upstream sends a challenge only at /v2/, where clients begin."""
    app = multi_arch()
    upstream.add_image("library/app", app, "v1")
    upstream.auth = Bearer(CREDENTIAL)
    hidden = ("/manifests/", "/blobs/", "/referrers/")
    upstream.deviation = lambda request, reply: (
        Reply(status) if reply.status == 401 and any(each in request.path for each in hidden) else reply
    )
    cache.rule("docker-hub", "registry-1.docker.io", credentialArn=cache.secret())
    assert cache.pull("docker-hub/library/app", "v1") == app.raw
    cache.settle()
    assert cache.events()[-1]["sync-status"] == "SUCCESS"
    assert upstream.count("GET", "/v2/?") == 1


@pytest.mark.parametrize("media_type", [FOREIGN_LAYER, OCI_FOREIGN])
@pytest.mark.parametrize("is_strict", [False, True], ids=["conformant", "strict"])
def test_a_foreign_layer_that_the_upstream_holds_comes_when_a_client_asks_for_it(upstream, media_type, is_strict):
    """Windows images: the base layers are foreign, but many registries hold them all the same."""
    base = layer("base", 3_000, media_type)
    windows = image("windows", base, layer("own"))
    upstream.add_image("team/app", windows, "v1")
    with running_cache(upstream, strict=is_strict) as cache:
        cache.rule()
        assert cache.manifest(NAME, "v1").status_code == 200
        cache.settle()
        assert cache.events()[-1]["sync-status"] == "SUCCESS"
        assert upstream.count("GET", base.digest) == 0
        assert cache.blob(NAME, base.digest).data == base.raw
        cache.settle()
        upstream.stop()
        cache.advance(hours=49)
        assert cache.blob(NAME, base.digest).data == base.raw, "the layer is cached as long as the image lists it"


def test_a_foreign_layer_can_be_downloaded_by_the_api(cache, upstream):
    base = layer("base", 3_000, FOREIGN_LAYER)
    upstream.add_image("team/app", image("windows", base, layer("own")), "v1")
    cache.rule()
    cache.manifest(NAME, "v1")
    cache.settle()
    url = cache.ecr.get_download_url_for_layer(repositoryName=NAME, layerDigest=base.digest)["downloadUrl"]
    assert cache.http.get(url).data == base.raw


def test_a_foreign_layer_that_the_upstream_does_not_hold_is_not_found_and_fails_nothing(cache, upstream):
    base = layer("base", 3_000, FOREIGN_LAYER)
    windows = image("windows", base, layer("own"))
    upstream.add_image("team/app", windows, "v1")
    upstream.remove("team/app", base.digest)
    cache.rule()
    assert cache.manifest(NAME, "v1").status_code == 200
    cache.settle()
    assert cache.events()[-1]["sync-status"] == "SUCCESS"
    answer = cache.blob(NAME, base.digest)
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "BLOB_UNKNOWN")
    with pytest.raises(cache.ecr.exceptions.UnableToGetUpstreamLayerException):
        cache.ecr.get_download_url_for_layer(repositoryName=NAME, layerDigest=base.digest)


def test_the_images_of_an_index_are_no_signatures_of_it(cache, upstream):
    """GitLab has no referrers API, and returns the image itself for its fallback tag."""
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    upstream.add_manifest("team/app", app, app.digest.replace(":", "-"))
    upstream.referrers_page = 0
    cache.rule("gitlab", "registry.gitlab.com", credentialArn=cache.secret())
    cache.pull("gitlab/team/app", "v1")
    cache.settle()
    assert cache.get(f"/v2/gitlab/team/app/referrers/{app.digest}").json["manifests"] == []
    listed = cache.ecr.list_image_referrers(repositoryName="gitlab/team/app", subjectId={"imageDigest": app.digest})
    assert listed["referrers"] == []


@pytest.mark.parametrize("label", ["gzip", "x-gzip"])
def test_a_layer_that_its_storage_calls_encoded_is_served_and_cached(cache, upstream, label):
    app = image()
    upstream.add_image("team/app", app, "v1")
    upstream.fail("/blobs/", with_headers(Content_Encoding=label), count=99)
    cache.rule()
    assert cache.pull(NAME, "v1") == app.raw
    cache.settle()
    answer = cache.blob(NAME, app.layers[0].digest)
    assert (answer.data, answer.headers.get("Content-Encoding")) == (app.layers[0].raw, None)
    assert cache.events()[-1]["sync-status"] == "SUCCESS"


@pytest.mark.parametrize("status", [400, 403, 416, 501])
def test_a_layer_that_breaks_off_reaches_its_client_though_ranges_are_refused(cache, upstream, status):
    big = layer("big", 1_000_000)
    app = image("app", big)
    upstream.add_image("team/app", app, "v1")
    upstream.fail(f"/blobs/{big.digest}", cut_after(400_000))
    upstream.fail(lambda request: "Range" in request.headers, answers(status), count=99)
    cache.rule()
    assert cache.pull(NAME, "v1") == app.raw
    assert [request.headers.get("Range") for request in upstream.asked("GET", big.digest)] == [
        None,
        "bytes=400000-",
        None,
    ]


def schema_1(*layers):
    """Return an image as docker pushed it before 2016, and its digest in distribution, computed without signatures."""
    document = {
        "schemaVersion": 1,
        "name": "team/app",
        "tag": "v1",
        "fsLayers": [{"blobSum": each.digest} for each in layers],
        "history": [{"v1Compatibility": "{}"} for _ in layers],
    }
    signed = json.dumps(document | {"signatures": [{"signature": "c2lnbmVk"}]}, indent=3).encode()
    return Content(signed, SCHEMA1_SIGNED), Content(json.dumps(document, indent=3).encode(), SCHEMA1).digest


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_an_image_of_schema_1_is_refused_in_words_and_not_to_be_asked_for_again(cache, upstream, by):
    old, digest = schema_1(layer("one"))
    upstream.add_manifest("team/app", old, "v1")
    upstream.add_manifest("team/app", old, digest)
    upstream.fail("/manifests/", with_headers(Docker_Content_Digest=digest), count=99)
    cache.rule()
    for _ in range(3):
        answer = cache.manifest(NAME, "v1" if by == "tag" else digest)
        (error,) = answer.json["errors"]
        assert (answer.status_code, error["code"]) == (404, "MANIFEST_UNKNOWN")
        assert "manifest of schema 1, which is not pulled through" in error["message"]
        assert "Retry-After" not in answer.headers
    assert len(upstream.requests) == 1
    assert cache.repositories() == []
    image_id = {"imageTag": "v1"} if by == "tag" else {"imageDigest": digest}
    cache.ecr.create_repository(repositoryName=NAME)
    (failure,) = cache.ecr.batch_get_image(repositoryName=NAME, imageIds=[image_id])["failures"]
    assert "manifest of schema 1" in failure["failureReason"]


def test_an_image_of_schema_1_in_a_private_registry_is_refused_too(cache):
    """ECR itself accepts such an image when a client pushes it."""
    own = layer("one")
    old, _ = schema_1(own)
    there = client_of(cache.emulator, "ecr", account=ACCOUNT, region="eu-central-1")
    there.create_repository(repositoryName="team/app")
    upload_layer(there, "team/app", own.raw)
    there.put_image(
        repositoryName="team/app", imageManifest=old.raw.decode(), imageManifestMediaType=SCHEMA1_SIGNED, imageTag="v1"
    )
    cache.rule("eu", f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com")
    answer = cache.manifest("eu/team/app", "v1")
    assert answer.status_code == 404
    assert "manifest of schema 1" in answer.json["errors"][0]["message"]


@pytest.mark.parametrize(
    "manifest",
    [
        Content(b'{"schemaVersion": 2, "mediaType": "application/vnd.oci.artifact.manifest.v1+json"}', "text/plain"),
        Content(json.dumps({"schemaVersion": 2, "manifests": [layer("cache").descriptor]}).encode(), OCI_INDEX),
        Content(b'{"schemaVersion": 2, "x": "' + b" " * MAX_MANIFEST_BYTES + b'"}', OCI_INDEX),
    ],
    ids=["an artifact manifest", "a BuildKit cache", "more than 4 MiB"],
)
def test_clients_do_not_retry_an_image_that_ecr_never_stores(cache, upstream, manifest):
    upstream.add_manifest("team/app", manifest, "v1")
    cache.rule()
    answer = cache.manifest(NAME, "v1")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    assert cache.events()[-1]["sync-status"] == "FAILED"
