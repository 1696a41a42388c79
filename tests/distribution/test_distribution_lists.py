"""Lists of tags, repositories and referrers; unknown paths and methods."""

import json
import re

import pytest

from ecr_emulator.testing.upstream.images import Content, image
from tests.support.docker import Docker, refusal

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def pages(docker, path):
    """Return the answers of all pages, by following the Link headers."""
    while path:
        answer = docker.get(path)
        assert answer.status_code == 200
        yield answer.json
        link = re.fullmatch(r'<(.+)>; rel="next"', answer.headers.get("Link", ""))
        path = link[1] if link else None


@pytest.fixture
def tagged(docker):
    docker.push(image(), "b")
    for tag in ("a", "C", "d", "e"):
        docker.put(image(), tag)
    return docker


def test_tags_come_in_ascii_order(tagged):
    assert tagged.get("/v2/team/app/tags/list").json == {"name": "team/app", "tags": ["C", "a", "b", "d", "e"]}


def test_tags_come_in_pages(tagged):
    listed = [page["tags"] for page in pages(tagged, "/v2/team/app/tags/list?n=2")]
    assert listed == [["C", "a"], ["b", "d"], ["e"]]
    assert tagged.get("/v2/team/app/tags/list?last=b").json["tags"] == ["d", "e"]
    assert tagged.get("/v2/team/app/tags/list?n=5").headers.get("Link") is None


def test_no_tags_are_an_empty_list(docker):
    assert docker.get("/v2/team/app/tags/list").json == {"name": "team/app", "tags": []}


def test_a_page_of_size_zero_is_empty_and_the_last(tagged):
    answer = tagged.get("/v2/team/app/tags/list?n=0")
    assert (answer.json["tags"], answer.headers.get("Link")) == ([], None)


@pytest.mark.parametrize("n", ["-1", "x", "1.5", ""])
def test_a_page_size_is_a_number(docker, n):
    assert refusal(docker.get(f"/v2/team/app/tags/list?n={n}"))[0] == 400


def test_a_page_has_at_most_1000_entries(docker):
    docker.push(image(1), "last")
    docker.push(image(2), "t0000")
    for number in range(1, 1_000):
        docker.put(image(2), f"t{number:04}")
    listed = [len(page["tags"]) for page in pages(docker, "/v2/team/app/tags/list?n=5000")]
    assert listed == [1_000, 1]


def test_the_catalog_has_the_callers_repositories_in_pages(docker):
    for name in ("a1", "z/9"):
        docker.ecr.create_repository(repositoryName=name)
    Docker(docker.emulator, "210987654321").ecr.create_repository(repositoryName="theirs")
    assert [page["repositories"] for page in pages(docker, "/v2/_catalog?n=2")] == [["a1", "team/app"], ["z/9"]]


def referrer(docker, subject, artifact_type, **annotations):
    app = image(artifact_type)
    for blob in app.blobs:
        docker.push_blob(blob)
    document = json.loads(app.raw) | {
        "subject": subject.descriptor,
        "artifactType": artifact_type,
        "annotations": annotations,
    }
    content = Content(json.dumps(document).encode(), OCI_MANIFEST)
    assert docker.put(content).status_code == 201
    return content


def test_referrers_are_an_index_of_images_with_this_subject(docker):
    subject = image("subject")
    docker.push(subject, "v1")
    signature = referrer(docker, subject, "application/vnd.sig", signer="me")
    sbom = referrer(docker, subject, "application/spdx+json")
    answer = docker.get(f"/v2/team/app/referrers/{subject.digest}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, OCI_INDEX)
    found = {each["digest"]: each for each in answer.json["manifests"]}
    assert found.keys() == {signature.digest, sbom.digest}
    assert found[signature.digest] == signature.descriptor | {
        "artifactType": "application/vnd.sig",
        "annotations": {"signer": "me"},
    }

    filtered = docker.get(f"/v2/team/app/referrers/{subject.digest}?artifactType=application/vnd.sig")
    assert [each["digest"] for each in filtered.json["manifests"]] == [signature.digest]
    assert filtered.headers["OCI-Filters-Applied"] == "artifactType"


def test_nothing_refers_to_an_unknown_image(docker):
    answer = docker.get("/v2/team/app/referrers/sha256:" + "0" * 64)
    assert (answer.status_code, answer.json["manifests"]) == (200, [])
    assert refusal(docker.get("/v2/team/app/referrers/sha256:abc"))[:2] == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("name", ["Team/app", "a..b", "-a", "a" * 257, "a//b", "..%2f..%2fetc"])
def test_a_name_must_be_a_repository_name(docker, name):
    assert refusal(docker.get(f"/v2/{name}/tags/list"))[:2] == (400, "NAME_INVALID")


@pytest.mark.parametrize("path", ["/v2/team/app", "/v2/team/app/unknown/x", "/v2/_unknown"])
def test_other_paths_are_not_found(docker, path):
    assert refusal(docker.get(path))[:2] == (404, "UNSUPPORTED")


def test_other_methods_are_not_allowed(docker):
    answer = docker.send("POST", "/v2/team/app/manifests/v1")
    assert refusal(answer)[:2] == (405, "UNSUPPORTED")
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, PUT"


def test_an_internal_error_shows_no_details(docker, caplog, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(type(docker.emulator.services.pulls), "pull", broken)
    status, code, message = refusal(docker.get("/v2/team/app/manifests/v1"))
    assert (status, code) == (500, "UNKNOWN")
    assert "secret" not in message
    assert "the secret inside" in caplog.text


def test_referrers_under_the_fallback_tag_are_found_there_and_in_the_list(docker):
    """Push an index under the referrers tag, the fallback of the specification that older clients use."""
    subject = image("subject")
    docker.push(subject, "v1")
    signature = referrer(docker, subject, "application/vnd.sig")
    fallback = subject.digest.replace(":", "-")
    listing = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [signature.descriptor]}
    answer = docker.put(Content(json.dumps(listing).encode(), OCI_INDEX), fallback)
    assert answer.status_code == 201, answer.text
    assert docker.get(f"/v2/team/app/manifests/{fallback}").json["manifests"] == [signature.descriptor]
    listed = docker.get(f"/v2/team/app/referrers/{subject.digest}").json["manifests"]
    assert [each["digest"] for each in listed] == [signature.digest]
