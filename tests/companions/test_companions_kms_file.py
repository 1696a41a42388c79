"""Keys that are kept across restarts of the emulator."""

import json
import stat
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
from tests.support.docker import ACCOUNT, Docker
from tests.support.images import an_image

FILE = Path("companions") / "kms.json"
IMAGE = an_image()


def started(tmp_path):
    return Emulator(Settings(data_dir=tmp_path, account=ACCOUNT))


def kms_of(emulator):
    return client_of(emulator, "kms", account=ACCOUNT)


def without_metadata(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def told(kms, key, ciphertext):
    aliases = [each for each in kms.list_aliases()["Aliases"] if each["AliasName"] == "alias/images"]
    return [
        without_metadata(kms.describe_key(KeyId=key)),
        kms.list_resource_tags(KeyId=key)["Tags"],
        kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"],
        kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"],
        aliases,
        kms.list_grants(KeyId=key)["Grants"],
        kms.decrypt(CiphertextBlob=ciphertext)["Plaintext"],
    ]


def test_a_key_and_its_repository_work_after_a_restart(tmp_path):
    with started(tmp_path) as emulator:
        kms, docker = kms_of(emulator), Docker(emulator)
        tags = [{"TagKey": "team", "TagValue": "a"}]
        key = kms.create_key(Description="images", Tags=tags)["KeyMetadata"]["Arn"]
        kms.create_alias(AliasName="alias/images", TargetKeyId=key)
        kms.enable_key_rotation(KeyId=key)
        encryption = {"encryptionType": "KMS", "kmsKey": "alias/images"}
        docker.ecr.create_repository(repositoryName="team/app", encryptionConfiguration=encryption)
        assert docker.push(IMAGE, "v1").status_code == 201
        ciphertext = kms.encrypt(KeyId=key, Plaintext=b"text")["CiphertextBlob"]
        before = told(kms, key, ciphertext)
    with started(tmp_path) as emulator:
        docker = Docker(emulator)
        assert docker.get("/v2/team/app/manifests/v1").data == IMAGE.raw
        kms = kms_of(emulator)
        assert told(kms, key, ciphertext) == before
        kms.disable_key(KeyId=key)
    with started(tmp_path) as emulator:
        assert Docker(emulator).get("/v2/team/app/manifests/v1").status_code == 403
        kms_of(emulator).enable_key(KeyId=key)
        assert Docker(emulator).get("/v2/team/app/manifests/v1").status_code == 200
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_keys_that_sign_still_sign_after_a_restart(tmp_path):
    kinds = {"ECC_NIST_P384": "ECDSA_SHA_384", "RSA_2048": "RSASSA_PSS_SHA_256"}
    with started(tmp_path) as emulator:
        kms, signed = kms_of(emulator), []
        for spec, algorithm in kinds.items():
            key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec=spec)["KeyMetadata"]["KeyId"]
            how = {"KeyId": key, "Message": b"text", "SigningAlgorithm": algorithm}
            signed.append(how | {"Signature": kms.sign(**how)["Signature"]})
    with started(tmp_path) as emulator:
        assert all(kms_of(emulator).verify(**each)["SignatureValid"] for each in signed)


def test_the_key_of_aws_is_the_same_after_a_restart_and_has_its_grants(tmp_path):
    with started(tmp_path) as emulator:
        ecr = client_of(emulator, account=ACCOUNT)
        ecr.create_repository(repositoryName="team/app", encryptionConfiguration={"encryptionType": "KMS"})
        key = kms_of(emulator).describe_key(KeyId="alias/aws/ecr")["KeyMetadata"]["Arn"]
    assert not (tmp_path / FILE).exists()
    with started(tmp_path) as emulator:
        kms = kms_of(emulator)
        assert kms.describe_key(KeyId="alias/aws/ecr")["KeyMetadata"]["Arn"] == key
        assert len(kms.list_grants(KeyId=key)["Grants"]) == 2


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "[]",
        '{"version": 2, "keys": []}',
        '{"version": 1, "keys": [{"account": "123456789012"}]}',
        json.dumps(
            {
                "version": 1,
                "keys": [
                    {
                        **dict.fromkeys(["account", "region", "id", "arn", "policy", "usage"], "x"),
                        "spec": "x",
                        "material": "no base64",
                    }
                ],
            }
        ),
    ],
)
def test_a_broken_file_is_named_and_left_as_it_is(tmp_path, broken):
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_text(broken)
    with started(tmp_path) as emulator:
        with pytest.raises(ClientError, match=r"kms\.json does not hold keys as this emulator writes them"):
            kms_of(emulator).list_keys()
        # repositories without a key of their own do not need the file
        ecr = client_of(emulator, account=ACCOUNT)
        ecr.create_repository(repositoryName="team/app", encryptionConfiguration={"encryptionType": "KMS"})
    assert (tmp_path / FILE).read_text() == broken


def test_a_reset_deletes_the_keys(tmp_path):
    with started(tmp_path) as emulator:
        kms_of(emulator).create_key()
        emulator.reset()
        assert not (tmp_path / FILE).exists()
        assert kms_of(emulator).list_keys()["Keys"] == []


def test_a_snapshot_holds_the_keys(tmp_path):
    with started(tmp_path) as emulator:
        docker = Docker(emulator)
        key = kms_of(emulator).create_key()["KeyMetadata"]["Arn"]
        encryption = {"encryptionType": "KMS", "kmsKey": key}
        docker.ecr.create_repository(repositoryName="team/app", encryptionConfiguration=encryption)
        assert docker.push(IMAGE, "v1").status_code == 201
        snapshot = emulator.snapshots.take()
        kms_of(emulator).disable_key(KeyId=key)
        assert docker.get("/v2/team/app/manifests/v1").status_code == 403
        emulator.snapshots.restore(snapshot)
        assert docker.get("/v2/team/app/manifests/v1").status_code == 200


def test_a_key_that_cloudformation_creates_encrypts_a_repository_and_survives_a_restart(tmp_path):
    root = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [root]}
    tags = [{"Key": "team", "Value": "a"}]
    encryption = {"EncryptionType": "KMS", "KmsKey": {"Fn::GetAtt": ["Key", "Arn"]}}
    resources = {
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy, "Tags": tags}},
        "App": {"Type": "AWS::ECR::Repository", "Properties": {"EncryptionConfiguration": encryption}},
    }
    with started(tmp_path) as emulator:
        stacks = client_of(emulator, "cloudformation", account=ACCOUNT)
        stacks.create_stack(StackName="images", TemplateBody=json.dumps({"Resources": resources}))
        assert stacks.describe_stacks(StackName="images")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    with started(tmp_path) as emulator:
        [repository] = client_of(emulator, account=ACCOUNT).describe_repositories()["repositories"]
        key, kms = repository["encryptionConfiguration"]["kmsKey"], kms_of(emulator)
        assert json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]) == policy
        assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "team", "TagValue": "a"}]
        assert len(kms.list_grants(KeyId=key)["Grants"]) == 2
