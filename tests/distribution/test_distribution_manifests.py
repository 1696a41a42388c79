"""Manifests by tag and digest."""

import hashlib
import json

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import Content, image, index, multi_arch
from tests.support.docker import Docker, refusal
from tests.support.images import an_image

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def sha512(raw):
    return "sha512:" + hashlib.sha512(raw).hexdigest()


def test_a_pushed_manifest_is_served_as_it_was_sent(docker):
    app = image()
    answer = docker.push(app, "v1")
    assert (answer.status_code, answer.headers["Docker-Content-Digest"]) == (201, app.digest)
    assert answer.headers["Location"] == "http://localhost:4566/v2/team/app/manifests/v1"
    for reference in ("v1", app.digest):
        got = docker.get(f"/v2/team/app/manifests/{reference}")
        assert (got.status_code, got.data, got.headers["Content-Type"]) == (200, app.raw, OCI_MANIFEST)
        assert got.headers["Docker-Content-Digest"] == app.digest


def test_head_has_the_headers_of_get(docker):
    app = image()
    docker.push(app, "v1")
    head = docker.send("HEAD", "/v2/team/app/manifests/v1")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == str(len(app.raw))
    assert head.headers["Docker-Content-Digest"] == app.digest


def test_a_client_that_has_a_manifest_gets_304(docker):
    app = image()
    docker.push(app, "v1")
    answer = docker.get("/v2/team/app/manifests/v1", {"If-None-Match": f'"{app.digest}"'})
    assert (answer.status_code, answer.data) == (304, b"")
    assert docker.get("/v2/team/app/manifests/v1", {"If-None-Match": '"other"'}).status_code == 200


def test_the_stored_type_is_served_whatever_accept_says(docker):
    app = image(docker=True)
    docker.push(app, "v1")
    got = docker.get("/v2/team/app/manifests/v1", {"Accept": OCI_MANIFEST})
    assert (got.data, got.headers["Content-Type"]) == (app.raw, app.media_type)


def test_the_same_push_twice_is_no_error(docker):
    docker.push(image(), "v1")
    assert docker.put(image(), "v1").status_code == 201


def test_an_index_needs_its_children(docker):
    app = multi_arch()
    missing = ", ".join(child.digest for child in app.images)
    assert refusal(docker.put(app, "v1")) == (
        404,
        "MANIFEST_BLOB_UNKNOWN",
        f"Images with digests '[{missing}]' required for pushing image into repository with name 'team/app' "
        "in the registry with id '123456789012' do not exist",
    )
    for child in app.images:
        docker.push(child)
    assert docker.put(app, "v1").status_code == 201


def test_an_image_needs_its_layers(docker):
    app = image()
    missing = ", ".join(blob.digest for blob in app.blobs)
    assert refusal(docker.put(app, "v1")) == (
        404,
        "BLOB_UPLOAD_UNKNOWN",
        f"Layers with digests '[{missing}]' required for pushing image into repository with name 'team/app' "
        "in the registry with id '123456789012' do not exist",
    )


def test_an_immutable_tag_stays_where_it_is(docker):
    docker.ecr.put_image_tag_mutability(repositoryName="team/app", imageTagMutability="IMMUTABLE")
    docker.push(image(1), "v1")
    assert refusal(docker.push(image(2), "v1")) == (
        400,
        "TAG_INVALID",
        "The image tag 'v1' already exists in the 'team/app' repository and cannot be overwritten "
        "because the tag is immutable.",
    )
    assert docker.put(image(1), "v1").status_code == 201


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"schemaVersion": 2, "mediaType": "x"}', b"\xff" * 10])
def test_an_invalid_manifest_is_refused_in_ecrs_words(docker, raw):
    assert refusal(docker.put(Content(raw, OCI_MANIFEST), "v1")) == (
        405,
        "UNSUPPORTED",
        "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'",
    )


def test_a_manifest_has_at_most_4_mib(docker):
    status, code, _ = refusal(docker.put(Content(b" " * 4_194_305, OCI_MANIFEST), "v1"))
    assert (status, code) == (413, "SIZE_INVALID")


def test_a_push_by_digest_must_have_that_digest(docker):
    docker.push(image(1))
    status, code, _ = refusal(docker.put(image(1), "sha256:" + "0" * 64))
    assert (status, code) == (400, "DIGEST_INVALID")


def test_a_push_by_digest_can_carry_tags(docker):
    app = image()
    docker.push(app)
    answer = docker.put(app, f"{app.digest}?tag=a&tag=b")
    assert (answer.status_code, answer.headers.getlist("OCI-Tag")) == (201, ["a", "b"])
    assert docker.get("/v2/team/app/tags/list").json["tags"] == ["a", "b"]


def test_a_sha512_digest_is_kept(docker):
    app = image()
    for blob in app.blobs:
        docker.push_blob(blob)
    answer = docker.put(app, sha512(app.raw))
    assert (answer.status_code, answer.headers["Docker-Content-Digest"]) == (201, sha512(app.raw))
    assert docker.get(f"/v2/team/app/manifests/{sha512(app.raw)}").data == app.raw


@pytest.mark.parametrize("digest", ["sha256:a\nX-Header: 1", "sha256:", "none", "", "SHA256:a", "sha256:\u00e9"])
def test_a_subject_without_a_digest_is_refused(docker, digest):
    image = an_image(1, subject={"mediaType": OCI_MANIFEST, "digest": digest, "size": 2})
    for blob in image.blobs:
        docker.push_blob(blob)
    status, code, _ = refusal(docker.put(image, "v1"))
    assert (status, code) == (405, "UNSUPPORTED")


def test_the_answer_names_the_subject(docker):
    subject = image(1)
    app = image(2)
    document = json.loads(app.raw) | {"subject": subject.descriptor}
    referrer = Content(json.dumps(document).encode(), OCI_MANIFEST)
    for blob in app.blobs:
        docker.push_blob(blob)
    assert docker.put(referrer).headers["OCI-Subject"] == subject.digest


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("v1", "MANIFEST_UNKNOWN"),
        (".INVALID_MANIFEST_NAME", "MANIFEST_UNKNOWN"),
        ("sha256:" + "0" * 64, "MANIFEST_UNKNOWN"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_what_is_not_there_is_not_found(docker, reference, code, method):
    answer = docker.send(method, f"/v2/team/app/manifests/{reference}")
    assert refusal(answer) == (404, code, "Requested image not found")


@pytest.mark.parametrize(
    ("reference", "code"), [("a b", "TAG_INVALID"), ("a+b", "TAG_INVALID"), ("sha256:abc", "DIGEST_INVALID")]
)
def test_a_reference_must_be_a_tag_or_a_digest(docker, reference, code):
    status, found, _ = refusal(docker.get(f"/v2/team/app/manifests/{reference}"))
    assert (status, found) == (400, code)


def test_deleting_by_digest_deletes_the_image_and_its_tags(docker):
    app = image()
    docker.push(app, "a")
    docker.put(app, "b")
    assert docker.send("DELETE", f"/v2/team/app/manifests/{app.digest}").status_code == 202
    assert docker.get("/v2/team/app/manifests/a").status_code == 404
    assert docker.get("/v2/team/app/tags/list").json["tags"] == []


def test_deleting_a_tag_leaves_the_image_while_it_has_another(docker):
    app = image()
    docker.push(app, "a")
    docker.put(app, "b")
    assert docker.send("DELETE", "/v2/team/app/manifests/a").status_code == 202
    assert docker.get("/v2/team/app/manifests/a").status_code == 404
    assert docker.get("/v2/team/app/manifests/b").status_code == 200
    assert docker.send("DELETE", "/v2/team/app/manifests/b").status_code == 202
    assert docker.get(f"/v2/team/app/manifests/{app.digest}").status_code == 404


def test_a_child_of_an_index_cannot_be_deleted(docker):
    child = image()
    app = index(child)
    docker.push(child)
    docker.put(app, "v1")
    assert refusal(docker.send("DELETE", f"/v2/team/app/manifests/{child.digest}")) == (
        405,
        "UNSUPPORTED",
        f"Requested image referenced by manifest list: [{app.digest}]",
    )


def test_a_repository_must_exist(docker):
    sentence = "The repository with name 'no/such' does not exist in the registry with id '123456789012'"
    for method, path in (
        ("GET", "manifests/v1"),
        ("DELETE", "manifests/v1"),
        ("GET", "tags/list"),
        ("POST", "blobs/uploads/"),
        ("GET", "blobs/sha256:" + "0" * 64),
        ("GET", "referrers/sha256:" + "0" * 64),
    ):
        assert refusal(docker.send(method, f"/v2/no/such/{path}")) == (404, "NAME_UNKNOWN", sentence)


def test_a_create_on_push_template_makes_the_repository(docker):
    docker.ecr.create_repository_creation_template(
        prefix="new", appliedFor=["CREATE_ON_PUSH"], imageTagMutability="IMMUTABLE"
    )
    assert docker.get("/v2/new/app/manifests/v1").status_code == 404
    assert docker.push(image(), "v1", "new/app").status_code == 201
    made = docker.ecr.describe_repositories(repositoryNames=["new/app"])["repositories"][0]
    assert made["imageTagMutability"] == "IMMUTABLE"


def test_a_pull_is_recorded(docker):
    app = image()
    docker.push(app, "v1")

    def pulled():
        return docker.ecr.describe_images(repositoryName="team/app")["imageDetails"][0].get("lastRecordedPullTime")

    assert pulled() is None
    docker.get("/v2/team/app/manifests/v1")
    assert pulled() is not None


@pytest.fixture
def sparse(tmp_path):
    with Emulator(Settings(data_dir=tmp_path / "sparse", accept_sparse=True)) as emulator:
        client = Docker(emulator)
        for name in ("team/app", "team/other"):
            client.ecr.create_repository(repositoryName=name)
        yield client


def test_a_sparse_manifest_is_refused_unless_the_operator_accepts_them(docker, sparse):
    whole = multi_arch()
    assert refusal(docker.put(whole, "v1"))[:2] == (404, "MANIFEST_BLOB_UNKNOWN")
    assert sparse.put(whole, "v1").status_code == 201
    assert sparse.get("/v2/team/app/manifests/v1").data == whole.raw
    absent = whole.images[0]
    assert refusal(sparse.get(f"/v2/team/app/manifests/{absent.digest}"))[:2] == (404, "MANIFEST_UNKNOWN")
    assert sparse.push(absent).status_code == 201
    assert sparse.get(f"/v2/team/app/manifests/{absent.digest}").data == absent.raw


def test_a_sparse_manifest_opens_no_blob_of_another_repository(sparse):
    secret = image("secret")
    sparse.push(secret, name="team/other")
    assert sparse.put(secret, "v1").status_code == 201
    for blob in secret.blobs:
        assert refusal(sparse.get(f"/v2/team/app/blobs/{blob.digest}"))[:2] == (404, "BLOB_UNKNOWN")
        assert sparse.get(f"/v2/team/other/blobs/{blob.digest}").data == blob.raw
