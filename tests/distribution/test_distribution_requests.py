"""Requests of every form: the registry that they address, and their errors."""

import base64
from datetime import timedelta

import pytest
from werkzeug.test import Client

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import image, layer
from tests.support.docker import Docker, refusal

BLOB = layer("blob", 1_000)
MANY_DIGITS = "9" * 5_000
THEIRS = "210987654321.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture
def other_docker(docker):
    """Return a client of another registry of the same emulator, with a repository ``theirs``."""
    client = Docker(docker.emulator, "210987654321", "eu-west-1")
    client.ecr.create_repository(repositoryName="theirs")
    return client


# --- Addressed registry -------------------------------------------------------------------------------------


def test_a_namespace_that_named_the_registry_is_repeated(docker, other_docker):
    path = "/v2/theirs/tags/list"
    assert docker.get(f"{path}?ns={THEIRS}").headers["OCI-Namespace"] == THEIRS
    assert "OCI-Namespace" not in docker.get("/v2/team/app/tags/list?ns=docker.io").headers
    assert "OCI-Namespace" not in docker.get(path, {"Host": THEIRS}).headers


def test_the_next_page_is_of_the_same_namespace(docker, other_docker):
    other_docker.push(image(), "a", "theirs")
    other_docker.put(image(), "b", "theirs")
    link = docker.get(f"/v2/theirs/tags/list?ns={THEIRS}&n=1").headers["Link"]
    following = docker.get(link[1 : link.index(">")])
    assert following.json["tags"] == ["b"]
    assert "Link" not in following.headers


def test_the_host_outranks_the_namespace_which_outranks_the_path(docker, other_docker):
    ours = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
    assert docker.get(f"/v2/theirs/tags/list?ns={ours}", {"Host": THEIRS}).status_code == 200
    assert docker.get(f"/v2/210987654321/eu-west-1/theirs/tags/list?ns={ours}").status_code == 404


@pytest.mark.parametrize("host", ["[::1]:4566", "127.0.0.1:4566", "[::1]", "localhost"])
def test_urls_in_answers_have_the_address_that_the_client_used(docker, host):
    answer = docker.send("POST", "/v2/team/app/blobs/uploads/", {"Host": host})
    assert answer.headers["Location"].startswith(f"http://{host}/v2/team/app/blobs/uploads/")
    challenge = docker.http.get("/v2/", headers={"Host": host})
    assert f'realm="http://{host}/"' in challenge.headers["Www-Authenticate"]


def test_behind_a_proxy_urls_in_answers_have_the_address_of_the_proxy(docker, other_docker):
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "ecr.test:8443"}
    answer = docker.send("POST", "/v2/team/app/blobs/uploads/", forwarded)
    assert answer.headers["Location"].startswith("https://ecr.test:8443/v2/team/app/blobs/uploads/")
    assert docker.get("/v2/theirs/tags/list", {"X-Forwarded-Host": THEIRS}).json["name"] == "theirs"
    challenge = docker.http.get("/v2/", headers=forwarded)
    assert 'realm="https://ecr.test:8443/"' in challenge.headers["Www-Authenticate"]
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Port": "8443"}
    answer = docker.send("POST", "/v2/team/app/blobs/uploads/", forwarded)
    assert answer.headers["Location"].startswith("https://localhost:8443/v2/")


def test_a_push_by_path_answers_with_the_path(docker, other_docker):
    name = "210987654321/eu-west-1/theirs"
    docker.push_blob(BLOB, name)
    answer = docker.push(image(), "v1", name)
    assert answer.headers["Location"] == f"http://localhost:4566/v2/{name}/manifests/v1"
    assert docker.get(answer.headers["Location"]).status_code == 200
    assert docker.get(f"/v2/{name}/tags/list").json == {"name": name, "tags": ["v1"]}
    assert other_docker.get("/v2/theirs/tags/list").json["tags"] == ["v1"]


@pytest.mark.parametrize(
    ("source", "status"),
    [("210987654321/eu-west-1/theirs", 201), ("theirs", 201), ("123456789012/us-east-1/team/app", 202)],
)
def test_a_mount_by_path_is_of_the_same_registry(docker, other_docker, source, status):
    for client in (docker, other_docker):
        client.ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    other_docker.ecr.create_repository(repositoryName="other")
    other_docker.push_blob(BLOB, "theirs")
    docker.push_blob(BLOB)
    target = "/v2/210987654321/eu-west-1/other/blobs/uploads/"
    assert docker.send("POST", f"{target}?mount={BLOB.digest}&from={source}").status_code == status


def test_blobs_with_another_encryption_are_not_mounted(docker):
    docker.ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    docker.push_blob(BLOB)
    docker.ecr.create_repository(repositoryName="secret", encryptionConfiguration={"encryptionType": "KMS"})
    path = f"/v2/secret/blobs/uploads/?mount={BLOB.digest}&from=team/app"
    assert docker.send("POST", path).status_code == 202


# --- Credentials --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("credentials", ["Basic \xe9", "Basic \xff\xff\xff\xff", "Basic ====", "Basic \t"])
def test_credentials_of_any_bytes_get_the_challenge(docker, credentials):
    answer = docker.http.get("/v2/", headers={"Authorization": credentials})
    assert (answer.status_code, answer.data) == (401, b"Not Authorized\n")


@pytest.mark.parametrize("scheme", ["basic", "BASIC", "Basic "])
def test_the_scheme_is_written_in_any_case(docker, scheme):
    assert docker.http.get("/v2/", headers={"Authorization": f"{scheme} {docker.token}"}).status_code == 200


@pytest.fixture
def open_registry():
    with Emulator(Settings(registry_auth="open")) as emulator:
        yield emulator


@pytest.mark.parametrize("credentials", ["Basic " + base64.b64encode(b"AWS:x").decode(), "Bearer x", "x"])
def test_an_open_registry_refuses_tokens_that_it_did_not_issue(open_registry, credentials):
    assert Client(open_registry.wsgi).get("/v2/", headers={"Authorization": credentials}).status_code == 401


def test_an_open_registry_refuses_an_expired_token(open_registry):
    client = Docker(open_registry)
    assert client.get("/v2/").status_code == 200
    open_registry.clock.advance(timedelta(hours=12))
    assert refusal(client.get("/v2/"))[:2] == (403, "DENIED")


# --- Errors -------------------------------------------------------------------------------------------------


def test_numbers_have_a_limit(docker):
    docker.push_blob(BLOB)
    whole = docker.get(f"/v2/team/app/blobs/{BLOB.digest}", {"Range": f"bytes=0-{MANY_DIGITS}"})
    assert (whole.status_code, whole.data) == (200, BLOB.raw)
    chunk = docker.send("PATCH", docker.begin(), {"Content-Range": f"0-{MANY_DIGITS}"}, data=b"x")
    assert refusal(chunk)[:2] == (400, "BLOB_UPLOAD_INVALID")
    assert refusal(docker.get(f"/v2/team/app/tags/list?n={MANY_DIGITS}"))[:2] == (400, "UNSUPPORTED")
    assert refusal(docker.get("/v2/team/app/tags/list?n=%D9%A3"))[:2] == (400, "UNSUPPORTED")


def test_the_answer_to_a_chunk_out_of_order_says_where_to_continue(docker):
    location = docker.begin()
    docker.send("PATCH", location, data=b"abc")
    answer = docker.send("PUT", f"{location}?digest={BLOB.digest}", {"Content-Range": "9-9"}, data=b"x")
    assert (answer.status_code, answer.headers["Range"], answer.headers["Location"]) == (416, "0-2", location)


def test_a_tag_that_only_the_api_takes_can_be_pulled(docker):
    app = image()
    docker.push(app)
    docker.ecr.put_image(repositoryName="team/app", imageManifest=app.raw.decode(), imageTag=".hidden")
    assert docker.get("/v2/team/app/manifests/.hidden").data == app.raw
    assert refusal(docker.put(app, ".hidden"))[:2] == (400, "TAG_INVALID")
    assert docker.send("DELETE", "/v2/team/app/manifests/.hidden").status_code == 202


def test_a_malformed_tag_is_refused(docker):
    assert refusal(docker.get("/v2/team/app/manifests/2024.42.27+1234a5c05")) == (
        400,
        "TAG_INVALID",
        "Invalid parameter at 'imageTag' failed to satisfy constraint: "
        "'must satisfy regular expression '[a-zA-Z0-9-_.]+''",
    )


def test_a_405_names_the_allowed_methods(docker):
    docker.push_blob(BLOB)
    assert docker.send("DELETE", f"/v2/team/app/blobs/{BLOB.digest}").headers["Allow"] == "GET, HEAD"
    answer = docker.http.post("/_ecr/layers/123456789012/us-east-1/team/app/x")
    assert (refusal(answer)[:2], answer.headers["Allow"]) == ((405, "UNSUPPORTED"), "GET, HEAD")


def test_a_push_stores_all_its_tags_or_none(docker):
    docker.push(image(1), "locked")
    docker.ecr.put_image_tag_mutability(repositoryName="team/app", imageTagMutability="IMMUTABLE")
    app = image(2)
    for blob in app.blobs:
        docker.push_blob(blob)
    assert refusal(docker.put(app, f"{app.digest}?tag=free&tag=locked"))[:2] == (400, "TAG_INVALID")
    assert docker.get("/v2/team/app/tags/list").json["tags"] == ["locked"]
    assert docker.get(f"/v2/team/app/manifests/{app.digest}").status_code == 404
