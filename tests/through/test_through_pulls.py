"""Pull through cache as its users meet it."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tests.support.faults import answers, corrupted, stalls
from tests.support.scripted_upstream import Basic
from tests.support.upstream_images import image, index, layer, multi_arch
from tests.through.conftest import ACCOUNT

NAME = "quay/team/app"


def test_the_first_pull_fetches_stores_and_serves_the_upstreams_bytes(here, upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    here.rule()

    assert here.pull(NAME, "v1") == app.raw
    here.settle()

    assert here.repositories() == [NAME]
    assert here.images(NAME) == {app.digest: ["v1"]} | {child.digest: [] for child in app.images}
    for method, path in {(request.method, request.path) for request in upstream.requests}:
        assert upstream.count(method, path) == 1, f"{method} {path} was sent once"


def test_an_index_is_stored_with_every_child_even_if_the_client_pulls_none(here, upstream):
    app = multi_arch(architectures=("amd64", "arm64", "s390x"))
    upstream.add_image("team/app", app, "v1")
    here.rule()

    assert here.manifest(NAME, "v1").data == app.raw
    here.settle()
    upstream.stop()

    assert set(here.images(NAME)) == {app.digest, *(child.digest for child in app.images)}
    assert here.pull(NAME, "v1") == app.raw


def test_the_size_of_an_imported_index_is_its_largest_childs(here, upstream):
    small, large = image("small", layer("s", 10)), image("large", layer("l", 5_000))
    app = index(small, large)
    upstream.add_image("team/app", app, "v1")
    here.rule()
    here.manifest(NAME, "v1")
    here.settle()
    details = here.ecr.describe_images(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])["imageDetails"]
    assert details[0]["imageSizeInBytes"] == sum(blob.size for blob in large.blobs)


def test_a_warm_pull_asks_the_upstream_nothing_for_a_day_and_once_after_it(here, upstream):
    app = image()
    upstream.add_image("team/app", app, "v1")
    here.rule()
    here.pull(NAME, "v1")
    here.settle()
    before = len(upstream.requests)

    here.advance(hours=23, minutes=59)
    here.pull(NAME, "v1")
    assert len(upstream.requests) == before

    here.advance(minutes=2)
    here.pull(NAME, "v1")
    assert [(request.method, request.path) for request in upstream.requests[before:]] == [
        ("HEAD", "/v2/team/app/manifests/v1")
    ]

    here.advance(hours=23)
    here.pull(NAME, "v1")
    assert len(upstream.requests) == before + 1, "the check counts as a validation"


def test_a_tag_that_moved_upstream_moves_with_the_pull_after_a_day(here, upstream):
    old, new = image("old"), image("new")
    upstream.add_image("team/app", old, "v1")
    here.rule()
    here.pull(NAME, "v1")
    here.settle()

    upstream.add_image("team/app", new, "v1")
    assert here.pull(NAME, "v1") == old.raw
    here.advance(hours=24)
    assert here.pull(NAME, "v1") == new.raw
    here.settle()
    assert here.images(NAME) == {old.digest: [], new.digest: ["v1"]}


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_a_failing_upstream_leaves_the_cached_image_served(here, upstream, status):
    app = image()
    upstream.add_image("team/app", app, "v1")
    here.rule()
    here.pull(NAME, "v1")
    here.settle()

    here.advance(hours=25)
    upstream.fail(lambda request: True, answers(status), times=99)
    assert here.pull(NAME, "v1") == app.raw
    assert here.events()[-1]["sync-status"] == "FAILED"
    assert here.events()[-1]["failure-reason"]

    asked = len(upstream.requests)
    assert here.pull(NAME, "v1") == app.raw
    assert len(upstream.requests) == asked, "a failed check is not repeated at once"

    upstream.heal()
    here.advance(minutes=2)
    assert here.pull(NAME, "v1") == app.raw
    assert len(upstream.requests) == asked + 1


def test_a_dead_upstream_leaves_the_cached_image_served(here, upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    here.rule()
    here.pull(NAME, "v1")
    here.settle()
    upstream.stop()
    here.advance(days=3)
    assert here.pull(NAME, "v1") == app.raw


def test_a_deleted_rule_leaves_the_cached_image_served_without_checks(here, upstream):
    app = image()
    upstream.add_image("team/app", app, "v1")
    here.rule()
    here.pull(NAME, "v1")
    here.settle()
    here.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    asked = len(upstream.requests)
    here.advance(days=3)
    assert here.pull(NAME, "v1") == app.raw
    assert len(upstream.requests) == asked


def test_a_pull_by_digest_works_and_is_never_checked_again(here, upstream):
    app = image()
    upstream.add_image("team/app", app)
    here.rule()
    assert here.pull(NAME, app.digest) == app.raw
    here.settle()
    asked = len(upstream.requests)
    here.advance(days=30)
    assert here.pull(NAME, app.digest) == app.raw
    assert len(upstream.requests) == asked
    assert here.images(NAME) == {app.digest: []}


def test_a_strict_registry_never_asks_for_a_digest_that_no_tag_brought_in(strictly_here, upstream):
    app = image()
    upstream.add_image("team/app", app, "v1")
    strictly_here.rule()
    assert strictly_here.manifest(NAME, app.digest).status_code == 404
    assert upstream.requests == []
    assert strictly_here.pull(NAME, "v1") == app.raw
    assert strictly_here.pull(NAME, app.digest) == app.raw


def test_nothing_is_created_for_a_name_that_the_upstream_does_not_have(here, upstream):
    here.rule()
    answer = here.manifest("quay/no/such", "v1")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    assert here.repositories() == []
    event = here.events()[-1]
    assert (event["sync-status"], event["failure-code"]) == ("FAILED", "ImageNotFound")


def test_a_name_outside_every_rule_is_not_pulled_through(here, upstream):
    here.rule()
    answer = here.manifest("quayside/team/app", "v1")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "NAME_UNKNOWN")
    assert upstream.requests == []


@pytest.mark.parametrize("auth", ["bearer", "basic"])
def test_the_secret_signs_in_at_the_upstream_and_the_clients_token_stays_here(here, private_upstream, auth):
    if auth == "basic":
        private_upstream.auth = Basic("hub-user", "hub-token")
    app = image()
    private_upstream.add_image("library/nginx", app, "1.27")
    here.rule("docker-hub", "registry-1.docker.io", credentialArn=here.secret())
    assert here.pull("docker-hub/library/nginx", "1.27") == app.raw
    here.settle()
    sent = {request.authorization for request in private_upstream.requests}
    client = here.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    assert not any(client in authorization for authorization in sent)


def test_a_wrong_credential_is_denied_in_ecrs_words(here, private_upstream):
    private_upstream.add_image("library/nginx", image(), "1.27")
    here.rule("docker-hub", "registry-1.docker.io", credentialArn=here.secret(access_token="wrong"))
    answer = here.manifest("docker-hub/library/nginx", "1.27")
    assert answer.status_code == 403
    assert answer.json["errors"][0] | {"detail": None} == {
        "code": "DENIED",
        "message": "The authentication to the upstream registry failed. Verify that the credentials provided in "
        "the pull through cache rule are correct, and try again.",
        "detail": None,
    }
    assert here.repositories() == []


def test_a_rotated_secret_is_used_at_the_next_contact(here, private_upstream):
    private_upstream.add_image("library/nginx", image(), "1.27")
    arn = here.secret(access_token="old")
    here.rule("docker-hub", "registry-1.docker.io", credentialArn=arn)
    assert here.manifest("docker-hub/library/nginx", "1.27").status_code == 403
    here.secrets.put_secret_value(SecretId=arn, SecretString='{"username": "hub-user", "accessToken": "hub-token"}')
    assert here.manifest("docker-hub/library/nginx", "1.27").status_code == 200


@pytest.mark.parametrize(
    ("status", "expected", "code"),
    [(404, 404, "MANIFEST_UNKNOWN"), (429, 429, "TOOMANYREQUESTS"), (403, 403, "DENIED"), (503, 503, "UNKNOWN")],
)
def test_without_a_cached_image_the_client_hears_what_the_upstream_said(here, upstream, status, expected, code):
    upstream.fail("/manifests/", answers(status, b"<html>not json</html>", Retry_After="3600"), times=99)
    here.rule()
    answer = here.manifest(NAME, "v1")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (expected, code)
    assert (answer.headers.get("Retry-After") == "3600") == (expected in (429, 503))


def test_many_clients_pull_a_cold_image_and_the_upstream_sends_it_once(here, upstream):
    app = image(1, layer("large", 3_000_000))
    upstream.add_image("team/app", app, "v1")
    here.rule()
    with ThreadPoolExecutor(12) as clients:
        pulled = list(clients.map(lambda _: here.pull(NAME, "v1"), range(24)))
    here.settle()
    assert pulled == [app.raw] * 24
    assert upstream.count("GET", "/manifests/") == 1
    assert upstream.count("GET", "/blobs/") == len(app.blobs)


def test_all_who_wait_for_a_failing_pull_hear_the_same(here, upstream):
    upstream.fail("/manifests/", answers(429, Retry_After="3600"), times=99)
    here.rule()
    with ThreadPoolExecutor(12) as clients:
        answers_ = list(clients.map(lambda _: here.manifest(NAME, "v1"), range(12)))
    assert {(each.status_code, each.text) for each in answers_} == {(429, answers_[0].text)}


def test_a_blob_streams_to_the_client_while_it_is_cached(here, upstream):
    app = image(1, layer("large", 4_000_000))
    upstream.add_image("team/app", app, "v1")
    go_on = Event()
    upstream.fail(f"/blobs/{app.layers[0].digest}", stalls(go_on, after=2_000_000), times=1)
    here.rule()
    here.manifest(NAME, "v1")
    try:
        body = here.blob(NAME, app.layers[0].digest).iter_encoded()
        first = next(body)
        assert first == app.layers[0].raw[: len(first)]
    finally:
        go_on.set()
    assert first + b"".join(body) == app.layers[0].raw


def test_a_client_that_leaves_does_not_spoil_the_cache(here, upstream):
    app = image(1, layer("large", 2_000_000))
    upstream.add_image("team/app", app, "v1")
    here.rule()
    here.manifest(NAME, "v1")
    answer = here.blob(NAME, app.layers[0].digest)
    next(answer.iter_encoded())
    answer.close()
    here.settle()
    upstream.stop()
    assert here.blob(NAME, app.layers[0].digest).data == app.layers[0].raw


def test_wrong_bytes_from_the_upstream_are_never_cached(here, upstream):
    app = image()
    upstream.add_image("team/app", app, "v1")
    upstream.fail(f"/blobs/{app.layers[0].digest}", corrupted(), times=99)
    here.rule()
    assert here.manifest(NAME, "v1").status_code == 200
    here.settle()
    assert here.blob(NAME, app.layers[0].digest).status_code == 503
    upstream.heal()
    here.advance(minutes=1)
    assert here.blob(NAME, app.layers[0].digest).data == app.layers[0].raw


def test_the_event_tells_what_was_imported(here, upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    here.rule()
    here.pull(NAME, "v1")
    assert here.events() == [
        {
            "rule-version": "1",
            "sync-status": "SUCCESS",
            "ecr-repository-prefix": "quay",
            "repository-name": NAME,
            "upstream-registry-url": "quay.io",
            "image-tag": "v1",
            "image-digest": app.digest,
        }
    ]


def test_a_sparse_index_is_cached_without_its_missing_children(here, upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    upstream.remove("team/app", app.images[1].digest)
    here.rule()
    assert here.manifest(NAME, "v1").data == app.raw
    assert here.events()[-1]["sync-status"] == "SUCCESS"
    assert here.manifest(NAME, app.images[1].digest).status_code == 404


def test_the_api_pulls_through_the_cache_too(here, upstream):
    app = image()
    upstream.add_image("team/app", app, "v1")
    here.rule()
    answer = here.ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])
    assert answer["images"][0]["imageManifest"].encode() == app.raw
    assert here.repositories() == [NAME]


def test_a_pushed_tag_that_the_upstream_does_not_have_stays(here, upstream):
    app = image("mine")
    here.rule()
    here.ecr.create_repository(repositoryName=NAME)
    for blob in app.blobs:
        upload = here.ecr.initiate_layer_upload(repositoryName=NAME)["uploadId"]
        here.ecr.upload_layer_part(
            repositoryName=NAME, uploadId=upload, partFirstByte=0, partLastByte=blob.size - 1, layerPartBlob=blob.raw
        )
        here.ecr.complete_layer_upload(repositoryName=NAME, uploadId=upload, layerDigests=[blob.digest])
    here.ecr.put_image(repositoryName=NAME, imageManifest=app.raw.decode(), imageTag="local")
    assert here.pull(NAME, "local") == app.raw


def test_a_tag_that_is_immutable_here_stays_when_it_moves_upstream(here, upstream):
    old, new = image("old"), image("new")
    upstream.add_image("team/app", old, "v1")
    here.rule()
    here.pull(NAME, "v1")
    here.settle()
    here.ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    upstream.add_image("team/app", new, "v1")
    here.advance(hours=24)
    assert here.pull(NAME, "v1") == old.raw
    event = here.events()[-1]
    assert (event["sync-status"], event["failure-code"]) == ("FAILED", "ImageTagAlreadyExists")


@pytest.mark.parametrize(
    ("url", "credential"),
    [
        ("registry-1.docker.io", "credentialArn"),
        ("ghcr.io", "credentialArn"),
        ("registry.gitlab.com", "credentialArn"),
        ("cgr.dev", "credentialArn"),
        ("contoso.azurecr.io", "credentialArn"),
        ("quay.io", None),
        ("public.ecr.aws", None),
        ("registry.k8s.io", None),
        ("210987654321.dkr.ecr.eu-west-1.amazonaws.com", "customRoleArn"),
    ],
)
def test_all_nine_upstreams_can_be_pulled_through(here, upstream, url, credential):
    app = image()
    upstream.add_image("team/app", app, "v1")
    credentials = {"credentialArn": here.secret(), "customRoleArn": f"arn:aws:iam::{ACCOUNT}:role/puller"}
    here.rule("up", url, **({credential: credentials[credential]} if credential else {}))
    assert here.pull("up/team/app", "v1") == app.raw


def test_a_manifest_is_served_byte_for_byte_whatever_its_white_space(here, upstream):
    app = image()
    assert json.dumps(json.loads(app.raw)).encode() != app.raw
    upstream.add_image("team/app", app, "v1")
    here.rule()
    assert here.manifest(NAME, "v1").data == app.raw
    assert here.manifest(NAME, "v1").headers["Docker-Content-Digest"] == app.digest
