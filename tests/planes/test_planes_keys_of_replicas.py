"""Keys of repositories that replication creates, and repositories whose keys are only names."""

from datetime import timedelta

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
from tests.support.docker import ACCOUNT, Docker
from tests.support.images import an_image

APP = "team/app"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ecr-template"
THERE = "eu-west-1"
IMAGE = an_image()


@pytest.fixture
def emulator():
    with Emulator(Settings(account=ACCOUNT, background_delay=60)) as emulator:
        emulator.clock.freeze()
        yield emulator


@pytest.fixture
def here(emulator):
    """A registry that replicates to another Region, where repositories are encrypted with keys of KMS."""
    docker = Docker(emulator)
    destination = {"region": THERE, "registryId": ACCOUNT}
    docker.ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [destination]}]})
    return docker


@pytest.fixture
def there(emulator):
    return client_of(emulator, account=ACCOUNT, region=THERE)


def create_template(there, **encryption):
    there.create_repository_creation_template(
        prefix="team",
        appliedFor=["REPLICATION"],
        encryptionConfiguration={"encryptionType": "KMS", **encryption},
        customRoleArn=ROLE,
    )


def status_of(docker):
    """Return the status of replication after a minute."""
    docker.emulator.clock.advance(timedelta(minutes=1))
    answer = docker.ecr.describe_image_replication_status(repositoryName=APP, imageId={"imageTag": "v1"})
    return answer["replicationStatuses"][0]["status"]


def test_a_replica_has_the_key_that_aws_manages_in_its_region(emulator, here, there):
    create_template(there)
    here.ecr.create_repository(repositoryName=APP, encryptionConfiguration={"encryptionType": "KMS"})
    assert here.push(IMAGE, "v1").status_code == 201
    assert status_of(here) == "COMPLETE"
    keys = {}
    for region in ("us-east-1", THERE):
        kms = client_of(emulator, "kms", account=ACCOUNT, region=region)
        keys[region] = kms.describe_key(KeyId="alias/aws/ecr")["KeyMetadata"]["Arn"]
        assert len(kms.list_grants(KeyId=keys[region])["Grants"]) == 2
    [replica] = there.describe_repositories()["repositories"]
    assert replica["encryptionConfiguration"]["kmsKey"] == keys[THERE] != keys["us-east-1"]


def test_replication_needs_the_keys_of_both_sides(emulator, here, there):
    kms = {region: client_of(emulator, "kms", account=ACCOUNT, region=region) for region in ("us-east-1", THERE)}
    keys = {region: each.create_key()["KeyMetadata"]["Arn"] for region, each in kms.items()}
    create_template(there, kmsKey=keys[THERE])
    encryption = {"encryptionType": "KMS", "kmsKey": keys["us-east-1"]}
    here.ecr.create_repository(repositoryName=APP, encryptionConfiguration=encryption)
    kms[THERE].disable_key(KeyId=keys[THERE])
    assert here.push(IMAGE, "v1").status_code == 201
    assert status_of(here) == "FAILED"
    assert there.describe_repositories()["repositories"] == []
    kms[THERE].enable_key(KeyId=keys[THERE])
    assert here.push(an_image("newer"), "v1").status_code == 201
    assert status_of(here) == "COMPLETE"
    assert here.push(an_image("newest"), "v1").status_code == 201
    kms["us-east-1"].disable_key(KeyId=keys["us-east-1"])
    assert status_of(here) == "FAILED"


def test_any_name_is_a_key_if_keys_are_only_names():
    with Emulator(Settings(account=ACCOUNT, any_kms_key=True)) as emulator:
        docker = Docker(emulator)
        encryption = {"encryptionType": "KMS", "kmsKey": "alias/none"}
        docker.ecr.create_repository(repositoryName=APP, encryptionConfiguration=encryption)
        assert docker.push(IMAGE, "v1").status_code == 201
        assert docker.get(f"/v2/{APP}/manifests/v1").data == IMAGE.raw
        docker.ecr.delete_repository(repositoryName=APP, force=True)
        assert not emulator._companions.is_loaded
