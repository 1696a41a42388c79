"""Repositories whose KMS key cannot be used: pulls and pushes fail on both planes until the key works again."""

import pytest
from botocore.exceptions import ClientError

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
from tests.support.docker import ACCOUNT, Docker, refusal
from tests.support.images import an_image

APP = "team/app"
IMAGE = an_image()
LAYER = IMAGE.blobs[-1]


class Encrypted:
    """A repository with an image, encrypted with a key of its own."""

    def __init__(self, emulator):
        self.docker = Docker(emulator)
        self.ecr = self.docker.ecr
        self.kms = client_of(emulator, "kms", account=ACCOUNT)
        self.key = self.kms.create_key()["KeyMetadata"]["Arn"]
        encryption = {"encryptionType": "KMS", "kmsKey": self.key}
        self.ecr.create_repository(repositoryName=APP, encryptionConfiguration=encryption)
        self.ecr.create_repository(repositoryName="team/plain")
        assert self.docker.push(IMAGE, "v1").status_code == 201

    def disable(self):
        self.kms.disable_key(KeyId=self.key)

    def schedule_deletion(self):
        self.kms.schedule_key_deletion(KeyId=self.key)

    def revoke_grant(self):
        grant = self.kms.list_grants(KeyId=self.key)["Grants"][0]["GrantId"]
        self.kms.revoke_grant(KeyId=self.key, GrantId=grant)

    def delete(self):
        """Delete the key, as KMS does when its waiting period is over."""
        with self.docker.emulator._companions.entered():
            from moto.kms.models import kms_backends

            kms_backends[ACCOUNT]["us-east-1"].delete_key(self.key.rpartition("/")[2])


BROKEN = [
    (Encrypted.disable, "DisabledException", "is disabled."),
    (Encrypted.schedule_deletion, "KMSInvalidStateException", "is pending deletion."),
    (Encrypted.revoke_grant, "AccessDeniedException", "not allowed to access"),
    (Encrypted.delete, "NotFoundException", "does not exist"),
]
BROKEN_IDS = [how.__name__ for how, _, _ in BROKEN]


@pytest.fixture
def encrypted():
    with Emulator(Settings(account=ACCOUNT)) as emulator:
        yield Encrypted(emulator)


def error_of(operation, **members):
    with pytest.raises(ClientError) as error:
        operation(**members)
    answer = error.value.response
    return answer["Error"]["Code"], answer.get("kmsError"), answer["Error"]["Message"]


@pytest.mark.parametrize(("how", "error", "sentence"), BROKEN, ids=BROKEN_IDS)
def test_a_pull_fails(encrypted, how, error, sentence):
    url = encrypted.ecr.get_download_url_for_layer(repositoryName=APP, layerDigest=LAYER.digest)["downloadUrl"]
    how(encrypted)
    docker = encrypted.docker
    for path in (
        f"/v2/{APP}/manifests/v1",
        f"/v2/{APP}/manifests/{IMAGE.digest}",
        f"/v2/{APP}/blobs/{LAYER.digest}",
        url,
    ):
        status, code, message = refusal(docker.get(path))
        assert (status, code) == (403, "DENIED")
        assert sentence in message
    answer = encrypted.ecr.batch_get_image(repositoryName=APP, imageIds=[{"imageTag": "v1"}])
    assert answer["images"] == []
    [failure] = answer["failures"]
    assert failure["failureCode"] == "KmsError"
    assert sentence in failure["failureReason"]


@pytest.mark.parametrize(("how", "error", "sentence"), BROKEN, ids=BROKEN_IDS)
def test_a_push_fails(encrypted, how, error, sentence):
    other = an_image("other")
    location = encrypted.docker.begin(APP)
    upload = encrypted.ecr.initiate_layer_upload(repositoryName=APP)["uploadId"]
    how(encrypted)
    ecr, docker = encrypted.ecr, encrypted.docker
    part = {"repositoryName": APP, "uploadId": upload, "partFirstByte": 0, "partLastByte": 3, "layerPartBlob": b"data"}
    for code, kind, message in (
        error_of(ecr.initiate_layer_upload, repositoryName=APP),
        error_of(ecr.upload_layer_part, **part),
        error_of(ecr.put_image, repositoryName=APP, imageManifest=other.raw.decode()),
    ):
        assert (code, kind) == ("KmsException", error)
        assert sentence in message
    blob = other.blobs[-1]
    for answer in (
        docker.send("POST", f"/v2/{APP}/blobs/uploads/"),
        docker.send("PATCH", location, data=blob.raw),
        docker.send("PUT", f"{location}?digest={blob.digest}", data=blob.raw),
        docker.put(IMAGE, "v2"),
    ):
        assert refusal(answer)[:2] == (403, "DENIED")


def test_everything_that_reads_no_bytes_still_answers(encrypted):
    encrypted.disable()
    assert encrypted.docker.send("HEAD", f"/v2/{APP}/blobs/{LAYER.digest}").status_code == 200
    assert encrypted.docker.get(f"/v2/{APP}/tags/list").json["tags"] == ["v1"]
    assert len(encrypted.ecr.describe_images(repositoryName=APP)["imageDetails"]) == 1
    checked = encrypted.ecr.batch_check_layer_availability(repositoryName=APP, layerDigests=[LAYER.digest])
    assert checked["layers"][0]["layerAvailability"] == "AVAILABLE"
    assert encrypted.ecr.get_download_url_for_layer(repositoryName=APP, layerDigest=LAYER.digest)["downloadUrl"]
    missing = encrypted.ecr.batch_get_image(repositoryName=APP, imageIds=[{"imageTag": "none"}])["failures"]
    assert [each["failureCode"] for each in missing] == ["ImageNotFound"]


def test_a_key_that_is_enabled_again_heals_everything(encrypted):
    encrypted.disable()
    assert encrypted.docker.get(f"/v2/{APP}/manifests/v1").status_code == 403
    encrypted.kms.enable_key(KeyId=encrypted.key)
    assert encrypted.docker.get(f"/v2/{APP}/manifests/v1").data == IMAGE.raw
    assert encrypted.docker.get(f"/v2/{APP}/blobs/{LAYER.digest}").data == LAYER.raw
    assert encrypted.docker.push(an_image("other"), "v2").status_code == 201


def test_repositories_with_other_keys_are_not_affected(encrypted):
    encrypted.disable()
    assert encrypted.docker.push(IMAGE, "v1", "team/plain").status_code == 201
    assert encrypted.docker.get("/v2/team/plain/manifests/v1").data == IMAGE.raw


def test_a_repository_with_a_disabled_key_can_be_deleted(encrypted):
    encrypted.disable()
    encrypted.ecr.delete_repository(repositoryName=APP, force=True)
    assert encrypted.kms.list_grants(KeyId=encrypted.key)["Grants"] == []
