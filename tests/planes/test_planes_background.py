"""A push starts the same background work through either plane."""

from __future__ import annotations

import pytest

from tests.support.boto import client_of
from tests.support.images import an_image
from tests.support.planes import push

APP = "team/app"
PROFILE = "arn:aws:signer:us-east-1:000000000000:/signing-profiles/first"


@pytest.fixture
def app(client):
    client.ecr.create_repository(repositoryName=APP)
    return APP


@pytest.fixture
def destination_ecr(client):
    """Return a client of another registry, to which images and deletions are replicated."""
    rule = {
        "destinations": [{"region": "eu-west-1", "registryId": "111122223333"}],
        "deleteReplication": {"enabled": True},
    }
    client.ecr.put_replication_configuration(replicationConfiguration={"rules": [rule]})
    return client_of(client.emulator, account="111122223333", region="eu-west-1")


def test_a_push_through_either_plane_is_replicated(app, plane, destination_ecr):
    image = an_image()
    push(plane, app, image, "v1")
    assert destination_ecr.list_images(repositoryName=app)["imageIds"] == [
        {"imageDigest": image.digest, "imageTag": "v1"}
    ]


def test_a_replica_is_served_by_the_other_registry(client, app, plane, destination_ecr):
    image = an_image()
    push(plane, app, image, "v1")
    token = destination_ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    for path, raw in [("manifests/v1", image.raw), *((f"blobs/{blob.digest}", blob.raw) for blob in image.blobs)]:
        answer = client.http.get(f"/v2/{app}/{path}", headers={"Authorization": f"Basic {token}"})
        assert (answer.status_code, answer.data) == (200, raw)


def test_a_deletion_through_either_plane_is_replicated(app, plane, other_plane, destination_ecr):
    push(plane, app, an_image(), "v1")
    assert destination_ecr.list_images(repositoryName=app)["imageIds"]
    other_plane.delete(app, "v1")
    assert destination_ecr.list_images(repositoryName=app)["imageIds"] == []


def test_a_push_through_either_plane_starts_signing(client, app, plane):
    client.ecr.put_signing_configuration(signingConfiguration={"rules": [{"signingProfileArn": PROFILE}]})
    push(plane, app, an_image(), "v1")
    answer = client.ecr.describe_image_signing_status(repositoryName=app, imageId={"imageTag": "v1"})
    assert [status["status"] for status in answer["signingStatuses"]] == ["FAILED"]


def test_an_archived_image_cannot_be_pulled_until_it_is_pushed_again(client, app, plane):
    image = an_image()
    push(plane, app, image, "v1")
    client.ecr.update_image_storage_class(repositoryName=app, imageId={"imageTag": "v1"}, targetStorageClass="ARCHIVE")
    for reference in ("v1", image.digest):
        answer = client.call("GET", f"/v2/{app}/manifests/{reference}")
        assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    assert client.call("GET", f"/v2/{app}/blobs/{image.config.digest}").status_code == 404
    push(plane, app, image, "v1")
    assert client.call("GET", f"/v2/{app}/manifests/v1").data == image.raw
    assert client.call("GET", f"/v2/{app}/blobs/{image.config.digest}").data == image.config.raw


def test_archived_referrers_are_left_out(client, app, plane):
    subject = an_image()
    push(plane, app, subject, "v1")
    artifact = an_image("signature", subject=subject.descriptor)
    push(plane, app, artifact)
    path = f"/v2/{app}/referrers/{subject.digest}"
    assert [each["digest"] for each in client.call("GET", path).json["manifests"]] == [artifact.digest]
    client.ecr.update_image_storage_class(
        repositoryName=app, imageId={"imageDigest": artifact.digest}, targetStorageClass="ARCHIVE"
    )
    assert client.call("GET", path).json["manifests"] == []


def test_a_docker_pull_of_an_excluded_principal_is_not_recorded(client, app, plane):
    push(plane, app, an_image(), "v1")
    iam = client_of(client.emulator, "iam")
    name = f"ci-{type(plane).__name__}"  # the companions' state outlives the emulator
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    key = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
    client.ecr.register_pull_time_update_exclusion(principalArn=arn)

    def pulled_at(ecr):
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        path = f"/v2/{app}/manifests/v1"
        assert client.http.get(path, headers={"Authorization": f"Basic {token}"}).status_code == 200
        return client.ecr.describe_images(repositoryName=app)["imageDetails"][0].get("lastRecordedPullTime")

    assert pulled_at(client_of(client.emulator, account=key)) is None
    assert pulled_at(client.ecr) == client.emulator.clock.now()


def test_a_push_through_either_plane_is_scanned(client, app, plane):
    client.ecr.put_image_scanning_configuration(repositoryName=app, imageScanningConfiguration={"scanOnPush": True})
    push(plane, app, an_image(), "v1")
    answer = client.ecr.describe_image_scan_findings(repositoryName=app, imageId={"imageTag": "v1"})
    assert answer["imageScanStatus"]["status"] == "FAILED"
