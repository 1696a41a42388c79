"""The other AWS services on the emulator's port, through boto3."""

import json
import stat
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

from ecr_emulator.companions.secrets import ELSEWHERE, SecretsFileBroken
from ecr_emulator.domain.names import Registry
from ecr_emulator.emulator import Emulator
from ecr_emulator.errors import (
    SecretNotFoundException,
    UnableToDecryptSecretValueException,
    UpstreamAccessDenied,
)
from ecr_emulator.settings import Settings
from tests.support.boto import client_of

ACCOUNT = "123456789012"
HERE = Registry(ACCOUNT, "us-east-1")
CREDENTIAL = '{"username": "u", "accessToken": "t"}'


@pytest.fixture
def emulator(tmp_path):
    with Emulator(Settings(data_dir=tmp_path)) as running:
        yield running
        running.reset()  # the companions belong to the process


@pytest.fixture
def secrets(emulator):
    return client_of(emulator, "secretsmanager", account=ACCOUNT)


def create(secrets, name="ecr-pullthroughcache/hub", value=CREDENTIAL, **more):
    return secrets.create_secret(Name=name, SecretString=value, **more)["ARN"]


# --- Accounts and services ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("access_key", "account"), [("AKIAIOSFODNN7EXAMPLE", "000000000000"), (ACCOUNT, ACCOUNT)])
def test_a_caller_has_the_same_account_everywhere(emulator, access_key, account):
    sts = client_of(emulator, "sts", account=access_key)
    ecr = client_of(emulator, "ecr", account=access_key)
    assert sts.get_caller_identity()["Account"] == account
    assert ecr.create_repository(repositoryName="app")["repository"]["registryId"] == account


def test_a_users_access_key_is_the_users_account(emulator):
    iam = client_of(emulator, "iam", account=ACCOUNT)
    iam.create_user(UserName="dev")
    key = iam.create_access_key(UserName="dev")["AccessKey"]["AccessKeyId"]
    ecr = client_of(emulator, "ecr", account=key)
    assert ecr.create_repository(repositoryName="app")["repository"]["registryId"] == ACCOUNT
    assert client_of(emulator, "sts", account=key).get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/dev"


def test_an_assumed_role_is_in_the_roles_account(emulator):
    client_of(emulator, "iam", account=ACCOUNT).create_role(RoleName="ci", AssumeRolePolicyDocument="{}")
    credentials = client_of(emulator, "sts", account=ACCOUNT).assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/ci", RoleSessionName="build"
    )["Credentials"]
    ecr = client_of(emulator, "ecr", account=credentials["AccessKeyId"])
    assert ecr.create_repository(repositoryName="app")["repository"]["registryId"] == ACCOUNT


def test_every_service_answers_on_the_same_port(emulator):
    def client(service):
        return client_of(emulator, service, account=ACCOUNT)

    queue = client("sqs").create_queue(QueueName="q")["QueueUrl"]
    client("sqs").send_message(QueueUrl=queue, MessageBody="hello")
    assert client("sqs").receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "hello"
    client("events").put_rule(Name="r", EventPattern='{"source": ["aws.ecr"]}')
    assert [rule["Name"] for rule in client("events").list_rules()["Rules"]] == ["r"]
    assert client("kms").create_key()["KeyMetadata"]["AWSAccountId"] == ACCOUNT
    client("s3").create_bucket(Bucket="bucket")
    client("s3").put_object(Bucket="bucket", Key="v2/k", Body=b"bytes")
    assert client("s3").get_object(Bucket="bucket", Key="v2/k")["Body"].read() == b"bytes"
    template = '{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}'
    assert client("cloudformation").create_stack(StackName="s", TemplateBody=template)["StackId"]


def test_moto_is_imported_when_a_companion_is_first_used():
    code = """
import sys
from werkzeug.test import Client
from ecr_emulator.emulator import Emulator
from tests.support.boto import client_of
with Emulator() as emulator:
    client_of(emulator, "ecr").create_repository(repositoryName="app")
    client_of(emulator, "ecr").create_pull_through_cache_rule(
        ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    assert "moto" not in sys.modules
    client_of(emulator, "sts").get_caller_identity()
    assert "moto" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# --- Secrets -----------------------------------------------------------------------------------------------


def test_a_secret_is_read_by_its_arn_with_or_without_the_suffix(emulator, secrets):
    arn = create(secrets)
    for each in (arn, arn[:-7]):
        emulator.services.secrets.check_exists(each, HERE)
        assert emulator.services.secrets.credential(each, HERE) == ("u", "t")


@pytest.mark.parametrize("elsewhere", [Registry("210987654321", "us-east-1"), Registry(ACCOUNT, "eu-west-1")])
def test_a_secret_of_another_account_or_region_is_not_found(emulator, secrets, elsewhere):
    arn = create(secrets)
    with pytest.raises(SecretNotFoundException) as refused:
        emulator.services.secrets.check_exists(arn, elsewhere)
    assert str(refused.value) == ELSEWHERE


def test_a_deleted_secret_is_not_found(emulator, secrets):
    arn = create(secrets)
    secrets.delete_secret(SecretId=arn)
    with pytest.raises(SecretNotFoundException):
        emulator.services.secrets.check_exists(arn, HERE)
    with pytest.raises(UpstreamAccessDenied, match="could not be found"):
        emulator.services.secrets.credential(arn, HERE)


def test_a_customer_managed_key_cannot_be_used(emulator, secrets):
    arn = create(secrets, KmsKeyId=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234")
    with pytest.raises(UnableToDecryptSecretValueException):
        emulator.services.secrets.check_exists(arn, HERE)


@pytest.mark.parametrize("value", ["not json", "[]", "{}", '{"username": "u"}', '{"username": 1, "accessToken": "t"}'])
def test_a_malformed_secret_says_what_it_must_hold(emulator, secrets, value):
    with pytest.raises(UpstreamAccessDenied, match="keys username and accessToken"):
        emulator.services.secrets.credential(create(secrets, value=value), HERE)


def test_secrets_survive_a_restart_with_arns_and_versions(tmp_path):
    """In processes of their own, since moto belongs to its process."""
    write = """
import sys
from pathlib import Path
from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
with Emulator(Settings(data_dir=Path(sys.argv[1]))) as emulator:
    for account in ("123456789012", "210987654321"):
        secrets = client_of(emulator, "secretsmanager", account=account, region="eu-west-1")
        arn = secrets.create_secret(Name="a/b", SecretString="one", Tags=[{"Key": "k", "Value": "v"}])["ARN"]
        secrets.put_secret_value(SecretId=arn, SecretString="two")
        secrets.create_secret(Name="binary", SecretBinary=b"\\x00\\xff")
        print(arn)
"""
    arns = subprocess.run(
        [sys.executable, "-c", write, str(tmp_path)], check=True, capture_output=True, text=True
    ).stdout.split()
    read = """
import json, sys
from pathlib import Path
from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
with Emulator(Settings(data_dir=Path(sys.argv[1]))) as emulator:
    for account in ("123456789012", "210987654321"):
        secrets = client_of(emulator, "secretsmanager", account=account, region="eu-west-1")
        found = secrets.describe_secret(SecretId="a/b")
        value = secrets.get_secret_value(SecretId=found["ARN"])["SecretString"]
        previous = secrets.get_secret_value(SecretId="a/b", VersionStage="AWSPREVIOUS")["SecretString"]
        binary = secrets.get_secret_value(SecretId="binary")["SecretBinary"].hex()
        print(json.dumps([found["ARN"], found["Tags"], value, previous, binary]))
"""
    out = subprocess.run([sys.executable, "-c", read, str(tmp_path)], check=True, capture_output=True, text=True).stdout
    assert [json.loads(line) for line in out.splitlines()] == [
        [arn, [{"Key": "k", "Value": "v"}], "two", "one", "00ff"] for arn in arns
    ]


def test_the_file_of_secrets_is_for_its_owner_only(emulator, secrets, tmp_path):
    create(secrets)
    assert stat.S_IMODE((tmp_path / "companions" / "secretsmanager.json").stat().st_mode) == 0o600


def test_a_broken_file_of_secrets_is_named(tmp_path):
    (tmp_path / "companions").mkdir()
    file = tmp_path / "companions" / "secretsmanager.json"
    file.write_text("{broken")
    with (
        Emulator(Settings(data_dir=tmp_path)) as emulator,
        pytest.raises(SecretsFileBroken, match=r"secretsmanager\.json does not hold secrets"),
    ):
        emulator.services.secrets.check_exists(f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:x-abcdef", HERE)
    assert file.read_text() == "{broken"


# --- Roles -------------------------------------------------------------------------------------------------


def test_the_first_rule_makes_the_service_linked_role(emulator):
    ecr, iam = (client_of(emulator, service, account=ACCOUNT) for service in ("ecr", "iam"))
    name = "AWSServiceRoleForECRPullThroughCache"
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(RoleName=name)
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    role = iam.get_role(RoleName=name)["Role"]
    assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/pullthroughcache.ecr.amazonaws.com/{name}"
    statement = role["AssumeRolePolicyDocument"]["Statement"][0]
    assert statement["Principal"] == {"Service": "pullthroughcache.ecr.amazonaws.com"}


def test_a_deleted_service_linked_role_comes_back_with_the_next_rule(emulator):
    ecr, iam = (client_of(emulator, service, account=ACCOUNT) for service in ("ecr", "iam"))
    name = "AWSServiceRoleForECRPullThroughCache"
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    iam.delete_service_linked_role(RoleName=name)
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="k8s", upstreamRegistryUrl="registry.k8s.io")
    assert iam.get_role(RoleName=name)
