"""Hostile clients: every request has a clear answer and leaves the registry unchanged."""

import json
from hashlib import sha512

import pytest

from ecr_emulator.domain.manifest import OCI_MANIFEST
from ecr_emulator.testing.upstream.images import layer
from tests.support.docker import refusal

BLOB = layer("hostile", 10_000)
HEX = BLOB.digest.partition(":")[2]


# --- Names and digests ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["..", "../..", "a/../../b", "team/app/..", ".", "./a", "a//b", "/a", "%2e%2e/a", "%2e%2e%2f%2e%2e", "%252e%252e",
     "a%00b", "a%5c..%5cb", "..%5c..", "A", "a b", "a%0ab", "a%c3%a9", "a" * 300, "~root", "a/-/b", "a%2f..%2fb"],
)  # fmt: skip
def test_a_name_that_is_a_path_is_refused(docker, name):
    for path in (f"/v2/{name}/manifests/latest", f"/v2/{name}/blobs/{BLOB.digest}", f"/v2/{name}/tags/list"):
        status, code, _ = refusal(docker.get(path))
        assert (status, code) in {(400, "NAME_INVALID"), (404, "UNSUPPORTED"), (404, "NAME_UNKNOWN")}
    assert docker.send("POST", f"/v2/{name}/blobs/uploads/").status_code in {400, 404}


DIGESTS = [
    "sha256:../../../../etc/passwd",
    "sha256:..%2f..%2fetc%2fpasswd",
    "sha256:%2e%2e",
    f"sha256:{HEX}%00",
    f"sha256:{HEX}%0a",
    f"sha256:{HEX.upper()}",
    f"SHA256:{HEX}",
    f"sha256:{HEX}{HEX}",
    f"sha512:{HEX}",
    f"sha256:{HEX[:-1]}",
    f"sha256:{HEX}0",
    "md5:d41d8cd98f00b204e9800998ecf8427e",
    f"sha384:{HEX}{HEX[:32]}",
    f"sha256+b64:{HEX}",
    f"sha256:sha256:{HEX}",
    f":{HEX}",
    "sha256:",
    f"sha256%3a{HEX}%3a",
    "sha256:" + "\uff11" * 64,
    f"sha256:{HEX} ",
]


@pytest.mark.parametrize("digest", DIGESTS)
def test_a_malformed_digest_is_refused_by_every_endpoint(docker, digest):
    docker.push_blob(BLOB)
    location = docker.begin()
    for answer in (
        docker.get(f"/v2/team/app/blobs/{digest}"),
        docker.send("PUT", location, query_string={"digest": digest}),
        docker.send("POST", "/v2/team/app/blobs/uploads/", query_string={"digest": digest}, data=BLOB.raw),
        docker.send("POST", "/v2/team/app/blobs/uploads/", query_string={"mount": digest, "from": "team/app"}),
        docker.get(f"/v2/team/app/referrers/{digest}"),
    ):
        status, code, _ = refusal(answer)
        assert (status, code) in {(400, "DIGEST_INVALID"), (404, "UNSUPPORTED")}, answer.text
    assert docker.get(location).status_code == 204


def test_bytes_are_never_served_under_another_algorithm(docker):
    digest = "sha512:" + sha512(BLOB.raw).hexdigest()
    answer = docker.send("PUT", f"{docker.begin()}?digest={digest}", data=BLOB.raw)
    assert answer.status_code == 201
    assert docker.get(f"/v2/team/app/blobs/{digest}").data == BLOB.raw
    assert docker.get(f"/v2/team/app/blobs/{BLOB.digest}").status_code == 404
    wrong = "sha512:" + HEX + HEX
    assert refusal(docker.send("PUT", f"{docker.begin()}?digest={wrong}", data=BLOB.raw))[:2] == (400, "DIGEST_INVALID")


# --- Manifests ------------------------------------------------------------------------------------------------


def manifest_with(**more):
    return {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": BLOB.descriptor, "layers": []} | more


def put(docker, raw, media_type=OCI_MANIFEST, reference="hostile"):
    return docker.send("PUT", f"/v2/team/app/manifests/{reference}", {"Content-Type": media_type}, data=raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"\xff\xfe{}",
        json.dumps(manifest_with()).encode("utf-16"),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"schemaVersion": 2, "mediaType": "'
        + OCI_MANIFEST.encode()
        + b'", "x": '
        + b"[" * 50_000
        + b"]" * 50_000
        + b"}",
        b'{"schemaVersion": 1e999}',
        b'{"schemaVersion": ' + b"9" * 10_000 + b"}",
        b'{"schemaVersion": NaN}',
    ],
    ids=lambda raw: f"{raw[:12]!r}, {len(raw)} bytes",
)
def test_an_invalid_manifest_is_refused(docker, raw):
    status, code, message = refusal(put(docker, raw))
    assert (status, code) == (405, "UNSUPPORTED")
    assert message == "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
    assert docker.get("/v2/team/app/tags/list").json["tags"] == []


@pytest.mark.parametrize(
    "more",
    [
        {"layers": [{"digest": BLOB.digest, "size": -1}]},
        {"layers": [{"digest": BLOB.digest, "size": 2**63}]},
        {"layers": [{"digest": BLOB.digest, "size": 10**400}]},
        {"layers": [{"digest": BLOB.digest, "size": "10"}]},
        {"layers": [{"digest": BLOB.digest, "size": True}]},
        {"layers": [{"digest": BLOB.digest, "size": 1.5}]},
        {"layers": [{"digest": 7, "size": 1}]},
        {"layers": [{"digest": BLOB.digest, "size": 1, "mediaType": {"a": 1}}]},
        {"layers": [{"digest": BLOB.digest, "size": 1, "urls": 5}]},
        {"layers": {"digest": BLOB.digest}},
        {"layers": [[]]},
        {"layers": "text"},
        {"config": None},
        {"config": []},
        {"artifactType": ["a"]},
        {"artifactType": {"a": 1}},
        {"annotations": {"a": {"b": 1}}},
        {"annotations": [["a", "b"]]},
        {"annotations": "text"},
        {"subject": "text"},
        {"subject": {"digest": None, "size": 1}},
        {"mediaType": ["a"]},
        {"mediaType": "text/html"},
        {"mediaType": ""},
    ],
    ids=lambda more: json.dumps(more)[:60],
)
def test_a_manifest_whose_members_are_of_wrong_types_is_refused(docker, more):
    docker.push_blob(BLOB)
    answer = put(docker, json.dumps(manifest_with(**more)).encode())
    assert refusal(answer)[:2] == (405, "UNSUPPORTED"), answer.text


@pytest.mark.parametrize(
    "more",
    [
        {"artifactType": "\ud800"},
        {"annotations": {"\ud800": "\udfff"}},
        {"subject": {"digest": "\ud800", "size": 1, "mediaType": "a"}},
        {"layers": [{"digest": "\ud800", "size": 1}]},
        {"layers": [{"digest": "sha256:../../x", "size": 1}]},
    ],
    ids=lambda more: json.dumps(more)[:60],
)
def test_lone_surrogates_and_wrong_digests_in_a_manifest_are_no_internal_error(docker, more):
    docker.push_blob(BLOB)
    answer = put(docker, json.dumps(manifest_with(**more)).encode())
    assert answer.status_code in {201, 400, 404, 405}, answer.text
    for path in ("tags/list", "manifests/hostile", f"referrers/{BLOB.digest}"):
        assert docker.get(f"/v2/team/app/{path}").status_code in {200, 404}
    docker.ecr.describe_images(repositoryName="team/app")


@pytest.mark.parametrize("twice", ["schemaVersion", "mediaType", "layers", "config"])
def test_a_duplicate_key_is_named(docker, twice):
    docker.push_blob(BLOB)
    members = [*manifest_with().items(), (twice, manifest_with()[twice])]
    raw = "{" + ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in members) + "}"
    status, code, message = refusal(put(docker, raw.encode()))
    assert (status, code) == (405, "UNSUPPORTED")
    assert f"'Member must not have the key '{twice}' twice'" in message


def test_a_duplicate_key_deep_inside_is_named(docker):
    docker.push_blob(BLOB)
    raw = json.dumps(manifest_with(layers=[BLOB.descriptor])).replace('"layers": [{', '"layers": [{"size": 1, ')
    assert "'size' twice" in refusal(put(docker, raw.encode()))[2]


@pytest.mark.parametrize("media_type", ["text/html", "application/json", "", "a" * 5_000, "x/y; charset=\u00e9"])
def test_a_malformed_media_type_does_not_replace_that_of_the_manifest(docker, media_type):
    docker.push_blob(BLOB)
    answer = put(docker, json.dumps(manifest_with()).encode(), media_type)
    assert answer.status_code in {201, 405}
    if answer.status_code == 201:
        assert docker.get("/v2/team/app/manifests/hostile").headers["Content-Type"] == OCI_MANIFEST


# --- Ranges and headers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    ["bytes=" + "0-0," * 2_000 + "0-0", "bytes=--1", "bytes=-", "bytes=0--", "bytes=a-b", "bytes=\u0661-\u0662",
     "bytes=1e3-2e3", "bytes=0x0-0x9", "bytes=" + "9" * 5_000 + "-", "bytes=-" + "9" * 5_000, "bytes =0-1", "items=0-1",
     "bytes=0-1;", "", "bytes=18446744073709551615-18446744073709551616", "bytes=0-1,0-1,0-1"],
    ids=lambda asked: ascii(asked)[:30],
)  # fmt: skip
def test_an_absurd_range_returns_everything_or_is_not_satisfiable(docker, asked):
    docker.push_blob(BLOB)
    answer = docker.get(f"/v2/team/app/blobs/{BLOB.digest}", {"Range": asked})
    assert answer.status_code in {200, 416}
    if answer.status_code == 200:
        assert answer.data == BLOB.raw


@pytest.mark.parametrize(
    "said",
    ["-1-5", "5", "5-", "-", "a-b", "9" * 5_000 + "-" + "9" * 5_000, "5-1", "0-4294967296", "bytes 0-4/3/2",
     "\u0660-\u0664"],
    ids=lambda said: ascii(said)[:30],
)  # fmt: skip
def test_an_absurd_content_range_is_refused_and_does_not_change_the_session(docker, said):
    location = docker.begin()
    answer = docker.send("PATCH", location, {"Content-Range": said}, data=b"12345")
    assert refusal(answer)[:2] in {(400, "BLOB_UPLOAD_INVALID"), (400, "SIZE_INVALID"), (416, "BLOB_UPLOAD_INVALID")}
    assert docker.get(location).headers["Range"] == "0-0"


@pytest.mark.parametrize(
    "credentials",
    ["Basic", "Basic ", "Basic !!!!", "Basic " + "A" * 100_000, "Basic QVdTOg==", "Basic Og==", "Bearer x",
     "Basic \u00e9", "Basic QVdTOnBhc3M6d29yZA==", "AWS4-HMAC-SHA256", "Digest x"],
    ids=lambda text: ascii(text)[:30],
)  # fmt: skip
def test_malformed_credentials_get_the_challenge(docker, credentials):
    answer = docker.http.get("/v2/", headers={"Authorization": credentials})
    if not credentials.startswith("AWS4"):  # a request with a SigV4 signature goes to another service
        assert (answer.status_code, answer.data) == (401, b"Not Authorized\n")


@pytest.mark.parametrize("number", ["-1", "0x10", "1e3", "\u0661", " 1", "9" * 50, "", "a", "1,2"])
def test_an_absurd_number_of_tags_is_refused(docker, number):
    answer = docker.send("GET", "/v2/team/app/tags/list", query_string={"n": number})
    assert refusal(answer)[:2] == (400, "UNSUPPORTED")
