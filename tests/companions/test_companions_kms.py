"""The keys of repositories in KMS: which keys can be used, the key of AWS, and the grants of ECR."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.support.admin_api import AdminClient
from tests.support.boto import client_of
from tests.support.images import an_image, put_image

ACCOUNT = "123456789012"
OTHER = "210987654321"


@pytest.fixture
def emulator(shared_emulator):
    return shared_emulator


@pytest.fixture
def ecr(emulator):
    return client_of(emulator, account=ACCOUNT)


@pytest.fixture
def kms(emulator):
    return client_of(emulator, "kms", account=ACCOUNT)


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]["Arn"]


def create(ecr, key=None, name="team/app", kind="KMS"):
    named = {} if key is None else {"kmsKey": key}
    created = ecr.create_repository(repositoryName=name, encryptionConfiguration={"encryptionType": kind, **named})
    return created["repository"]["encryptionConfiguration"]["kmsKey"]


def refused(operation, **members):
    with pytest.raises(ClientError) as error:
        operation(**members)
    answer = error.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer.get("kmsError")


def grants(kms, key):
    return kms.list_grants(KeyId=key)["Grants"]


# --- Names -----------------------------------------------------------------------------------------------


def test_a_key_may_be_named_in_four_ways(ecr, kms, key):
    kms.create_alias(AliasName="alias/images", TargetKeyId=key)
    alias = f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/images"
    for number, name in enumerate([key, key.rpartition("/")[2], "alias/images", alias]):
        assert create(ecr, name, f"team/{number}") == key
    listed = ecr.describe_repositories()["repositories"]
    assert {each["encryptionConfiguration"]["kmsKey"] for each in listed} == {key}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("alias/none", f"Alias arn:aws:kms:us-east-1:{ACCOUNT}:alias/none is not found."),
        ("1234abcd", f"Key 'arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd' does not exist"),
        (f"arn:aws:kms:us-east-1:{OTHER}:key/1", f"Key 'arn:aws:kms:us-east-1:{OTHER}:key/1' does not exist"),
        (f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1", "Invalid arn eu-west-1"),
        (f"arn:aws:kms:us-east-1:{ACCOUNT}:grant/1", f"Invalid arn arn:aws:kms:us-east-1:{ACCOUNT}:grant/1"),
    ],
)
def test_an_unknown_key_is_refused_and_no_repository_remains(ecr, name, sentence):
    encryption = {"encryptionType": "KMS", "kmsKey": name}
    answer = refused(ecr.create_repository, repositoryName="team/app", encryptionConfiguration=encryption)
    assert answer == ("KmsException", sentence, "NotFoundException")
    assert ecr.describe_repositories()["repositories"] == []


def test_a_key_of_another_region_with_the_same_id_is_not_found(emulator, ecr):
    elsewhere = client_of(emulator, "kms", account=ACCOUNT, region="eu-west-1").create_key()["KeyMetadata"]["KeyId"]
    encryption = {"encryptionType": "KMS", "kmsKey": elsewhere}
    code, _, error = refused(ecr.create_repository, repositoryName="team/app", encryptionConfiguration=encryption)
    assert (code, error) == ("KmsException", "NotFoundException")


def test_a_key_of_another_account_needs_a_policy_that_admits_this_account(emulator, ecr):
    theirs = client_of(emulator, "kms", account=OTHER)
    key = theirs.create_key()["KeyMetadata"]["Arn"]
    encryption = {"encryptionType": "KMS", "kmsKey": key}
    code, sentence, error = refused(
        ecr.create_repository, repositoryName="team/app", encryptionConfiguration=encryption
    )
    assert (code, error) == ("KmsException", "AccessDeniedException")
    assert "kms:CreateGrant" in sentence
    open_to = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [open_to]}
    theirs.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    assert create(ecr, key) == key


def test_a_symmetric_key_is_made_without_one_of_rsa(kms, monkeypatch):
    monkeypatch.setattr("moto.kms.utils.RSAPrivateKey", None)
    made = kms.create_key()["KeyMetadata"]
    assert made["KeySpec"] == "SYMMETRIC_DEFAULT"
    assert made["EncryptionAlgorithms"] == ["SYMMETRIC_DEFAULT"]
    encrypted = kms.encrypt(KeyId=made["KeyId"], Plaintext=b"text")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=encrypted)["Plaintext"] == b"text"


@pytest.mark.parametrize(
    "kind",
    [{"KeyUsage": "SIGN_VERIFY", "KeySpec": "ECC_NIST_P256"}, {"KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "RSA_2048"}],
)
def test_a_key_that_is_not_symmetric_is_refused(ecr, kms, kind):
    key = kms.create_key(**kind)["KeyMetadata"]["Arn"]
    encryption = {"encryptionType": "KMS", "kmsKey": key}
    code, sentence, error = refused(
        ecr.create_repository, repositoryName="team/app", encryptionConfiguration=encryption
    )
    assert (code, error) == ("KmsException", "InvalidKeyUsageException")
    assert "not valid for GenerateDataKey" in sentence


def test_a_scan_fails_while_the_key_is_disabled(emulator, ecr, kms, key):
    create(ecr, key)
    manifest = an_image(1)
    put_image(ecr, "team/app", manifest, "v1")
    AdminClient(emulator.wsgi).put("/_ecr/findings/*", json={"findings": []})
    asked = {"repositoryName": "team/app", "imageId": {"imageTag": "v1"}}
    kms.disable_key(KeyId=key)
    assert ecr.start_image_scan(**asked)["imageScanStatus"]["status"] == "IN_PROGRESS"
    status = ecr.describe_image_scan_findings(**asked)["imageScanStatus"]
    assert status == {"status": "FAILED", "description": f"KmsException: {key} is disabled."}
    kms.enable_key(KeyId=key)
    assert AdminClient(emulator.wsgi).post("/_ecr/clock", json={"advance": "25h"}).status_code == 200
    ecr.start_image_scan(**asked)
    assert ecr.describe_image_scan_findings(**asked)["imageScanStatus"]["status"] == "COMPLETE"


# --- The key of AWS --------------------------------------------------------------------------------------


def test_the_key_of_aws_exists_after_the_first_repository_that_needs_it(ecr, kms):
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId="alias/aws/ecr")
    arn = create(ecr)
    described = kms.describe_key(KeyId="alias/aws/ecr")["KeyMetadata"]
    assert (described["Arn"], described["KeyManager"], described["KeyState"]) == (arn, "AWS", "Enabled")
    assert described["Description"] == "Default key that protects my ECR data when no other key is defined"
    aliases = {each["AliasName"]: each["TargetKeyId"] for each in kms.list_aliases()["Aliases"]}
    assert aliases["alias/aws/ecr"] == described["KeyId"]
    assert len(grants(kms, arn)) == 2
    assert create(ecr, "alias/aws/ecr", "team/named") == create(ecr, arn, "team/by-arn") == arn


def test_repositories_with_the_key_of_aws_do_not_import_moto(emulator, ecr):
    create(ecr)
    ecr.delete_repository(repositoryName="team/app")
    create(ecr)
    assert not emulator._companions.is_loaded
    kms = client_of(emulator, "kms", account=ACCOUNT)
    assert len(grants(kms, "alias/aws/ecr")) == 2


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("disable_key", {}),
        ("schedule_key_deletion", {}),
        ("encrypt", {"Plaintext": b"text"}),
        ("put_key_policy", {"PolicyName": "default", "Policy": "{}"}),
        ("update_key_description", {"Description": "mine"}),
    ],
)
def test_nobody_may_change_the_key_of_aws(ecr, kms, operation, more):
    arn = create(ecr)
    for name in (arn, arn.rpartition("/")[2], "alias/aws/ecr"):
        code, sentence, _ = refused(getattr(kms, operation), KeyId=name, **more)
        assert code == "AccessDeniedException"
        assert "no resource-based policy allows" in sentence
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "Enabled"


def test_nobody_may_take_the_alias_of_aws(kms, key):
    assert refused(kms.create_alias, AliasName="alias/aws/ecr", TargetKeyId=key)[0] == "NotAuthorizedException"


# --- Grants ----------------------------------------------------------------------------------------------


def test_a_repository_has_two_grants_until_it_is_deleted(ecr, kms, key):
    create(ecr, key)
    create(ecr, key, "team/other")
    arn = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"
    found = [each for each in grants(kms, key) if each["Constraints"]["EncryptionContextSubset"]["aws:ecr:arn"] == arn]
    assert [each["GranteePrincipal"] for each in found] == ["ecr.us-east-1.amazonaws.com"] * 2
    assert [each["RetiringPrincipal"] for each in found] == ["ecr.us-east-1.amazonaws.com"] * 2
    assert [each["Operations"] for each in found] == [["GenerateDataKey", "Decrypt"]] * 2
    assert {each["Constraints"]["EncryptionContextSubset"]["aws:s3:arn"] for each in found} == {
        "arn:aws:s3:::us-east-1-starport-manifest-bucket",
        "arn:aws:s3:::us-east-1-starport-layer-bucket",
    }
    ecr.delete_repository(repositoryName="team/app")
    assert {each["Constraints"]["EncryptionContextSubset"]["aws:ecr:arn"] for each in grants(kms, key)} == {
        f"{arn[:-3]}other"
    }


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("alias/none", "Alias {}alias/none is not found."), ("none", "Key '{}key/none' does not exist")],
)
@pytest.mark.parametrize("call", ["list_grants", "create_grant", "revoke_grant"])
def test_operations_on_a_key_that_does_not_exist_say_so(kms, call, name, sentence):
    more = {
        "create_grant": {"GranteePrincipal": f"arn:aws:iam::{ACCOUNT}:root", "Operations": ["Decrypt"]},
        "revoke_grant": {"GrantId": "1"},
    }
    code, message, _ = refused(getattr(kms, call), KeyId=name, **more.get(call, {}))
    assert (code, message) == ("NotFoundException", sentence.format(f"arn:aws:kms:us-east-1:{ACCOUNT}:"))


def test_a_replica_of_a_key_has_grants_of_its_own(emulator, kms):
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    arn = create(client_of(emulator, account=ACCOUNT, region="eu-west-1"), key)
    assert arn == f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{key}"
    there = client_of(emulator, "kms", account=ACCOUNT, region="eu-west-1")
    assert (len(grants(there, key)), len(grants(kms, key))) == (2, 0)


def test_a_repository_that_exists_gets_no_second_grants(ecr, kms, key):
    create(ecr, key)
    encryption = {"encryptionType": "KMS", "kmsKey": key}
    code, _, _ = refused(ecr.create_repository, repositoryName="team/app", encryptionConfiguration=encryption)
    assert code == "RepositoryAlreadyExistsException"
    assert len(grants(kms, key)) == 2
