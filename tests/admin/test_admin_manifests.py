"""``/_ecr/manifests``: the manifest of an image, without a pull."""

from __future__ import annotations

import pytest

from ecr_emulator.emulator import Emulator
from tests.support.admin_api import AdminClient
from tests.support.boto import client_of
from tests.support.images import an_image, put_image

UNKNOWN = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def emulator():
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def digest(emulator):
    client_of(emulator).create_repository(repositoryName="team/app")
    return put_image(client_of(emulator), "team/app", an_image("app"), "v1")


def test_a_manifest_is_returned_and_counts_as_no_pull(emulator, digest):
    ecr = client_of(emulator)
    answer = AdminClient(emulator.wsgi).get(f"/_ecr/manifests/{digest}?repository=team/app").json
    assert "lastRecordedPullTime" not in ecr.describe_images(repositoryName="team/app")["imageDetails"][0]
    (image,) = ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])["images"]
    assert answer == {
        "digest": digest,
        "media_type": image["imageManifestMediaType"],
        "manifest": image["imageManifest"],
    }


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ("", 400, "The query must name the repository of the image, like ?repository=team/app"),
        ("repository=team/none", 404, "The repository with name 'team/none' does not exist"),
        ("repository=team/app&account=123456789012", 404, "in the registry with id '123456789012'"),
        ("repository=team/app&region=moon", 400, "region must be a Region, like eu-west-1"),
        ("repository=team/app&tag=v1", 400, "tag"),
    ],
)
def test_a_query_without_such_a_repository_is_refused(emulator, digest, query, status, reason):
    answer = AdminClient(emulator.wsgi).get(f"/_ecr/manifests/{digest}?{query}")
    assert answer.status_code == status
    assert reason in answer.json["error"]


def test_an_unknown_digest_is_not_found(emulator, digest):
    answer = AdminClient(emulator.wsgi).get(f"/_ecr/manifests/{UNKNOWN}?repository=team/app")
    assert answer.status_code == 404
    assert UNKNOWN in answer.json["error"]
