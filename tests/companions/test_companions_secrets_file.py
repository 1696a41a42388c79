"""Secrets that are kept across restarts of the process."""

import json
import stat
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from werkzeug.test import Client

from ecr_emulator.domain.names import Registry
from ecr_emulator.emulator import Emulator
from ecr_emulator.errors import UnableToAccessSecretException
from ecr_emulator.ports.upstream_failures import UpstreamAccessDenied
from ecr_emulator.settings import Settings
from tests.support.boto import client_of

FILE = Path("companions") / "secretsmanager.json"

ACCOUNT = "123456789012"
HERE = Registry(ACCOUNT, "us-east-1")
ARN = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:ecr-pullthroughcache/hub-abcdef"


def write_secrets(emulator, account):
    secrets = client_of(emulator, "secretsmanager", account=account, region="eu-west-1")
    arn = secrets.create_secret(
        Name="a/b",
        SecretString="one",
        Description="d",
        KmsKeyId="alias/mine",
        Tags=[{"Key": "k", "Value": "v"}],
        AddReplicaRegions=[{"Region": "us-east-1"}],
    )["ARN"]
    secrets.put_secret_value(SecretId=arn, SecretString="two ü")
    secrets.put_resource_policy(SecretId=arn, ResourcePolicy='{"Version": "2012-10-17", "Statement": []}')
    secrets.create_secret(Name="binary", SecretBinary=bytes(range(256)))
    secrets.create_secret(Name="deleted", SecretString="x")
    secrets.delete_secret(SecretId="deleted")
    secrets.create_secret(Name="rotated", SecretString="x")
    secrets.rotate_secret(SecretId="rotated", RotationRules={"AutomaticallyAfterDays": 3})


def read_secrets(emulator, account):
    secrets, replicas = (
        client_of(emulator, "secretsmanager", account=account, region=region) for region in ("eu-west-1", "us-east-1")
    )
    arn = secrets.describe_secret(SecretId="a/b")["ARN"]
    answers = [
        secrets.describe_secret(SecretId="a/b"),
        secrets.get_secret_value(SecretId=arn),
        secrets.get_secret_value(SecretId=arn[:-7], VersionStage="AWSPREVIOUS"),
        secrets.get_resource_policy(SecretId="a/b"),
        secrets.get_secret_value(SecretId="binary"),
        secrets.describe_secret(SecretId="deleted"),
        secrets.describe_secret(SecretId="rotated"),
        replicas.get_secret_value(SecretId=arn.replace("eu-west-1", "us-east-1")),
    ]
    return [{name: value for name, value in answer.items() if name != "ResponseMetadata"} for answer in answers]


@pytest.fixture
def secrets(emulator):
    return client_of(emulator, "secretsmanager", account=ACCOUNT)


def kept_in(tmp_path):
    return json.loads((tmp_path / FILE).read_text())["secrets"]


def test_a_restart_changes_nothing_about_secrets(tmp_path):
    accounts = (ACCOUNT, "210987654321")
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        for account in accounts:
            write_secrets(emulator, account)
        before = [read_secrets(emulator, account) for account in accounts]
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        assert [read_secrets(emulator, account) for account in accounts] == before
    ours, theirs = before
    assert ours[0]["ARN"] != theirs[0]["ARN"]
    assert [ours[1]["SecretString"], ours[2]["SecretString"]] == ["two ü", "one"]
    assert "DeletedDate" in ours[5]


def test_the_file_of_secrets_is_for_its_owner_only(secrets, tmp_path):
    secrets.create_secret(Name="a", SecretString="x")
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / FILE).parent.iterdir()] == [FILE.name]


def test_the_file_is_written_only_when_secrets_change(emulator, secrets, tmp_path):
    client_of(emulator, "sts").get_caller_identity()
    assert not (tmp_path / FILE).exists()
    secrets.create_secret(Name="a", SecretString="x")
    written = (tmp_path / FILE).stat()
    secrets.get_secret_value(SecretId="a")
    assert (tmp_path / FILE).stat() == written


def test_tags_given_through_another_service_are_kept(emulator, secrets, tmp_path):
    arn = secrets.create_secret(Name="a", SecretString="x")["ARN"]
    tagging = client_of(emulator, "resourcegroupstaggingapi", account=ACCOUNT)
    tagging.tag_resources(ResourceARNList=[arn], Tags={"k": "v"})
    assert kept_in(tmp_path)[0]["tags"] == [{"Key": "k", "Value": "v"}]


def test_a_temporary_emulator_writes_no_secrets():
    with Emulator() as emulator:
        client_of(emulator, "secretsmanager").create_secret(Name="a", SecretString="x")
        assert not (emulator.data_dir / FILE).exists()
        emulator.reset()


def test_a_reset_deletes_secrets_that_were_never_read(tmp_path):
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        client_of(emulator, "secretsmanager").create_secret(Name="a", SecretString="x")
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        emulator.reset()
        assert not (tmp_path / FILE).exists()
        client_of(emulator, "secretsmanager").delete_secret(SecretId="a", ForceDeleteWithoutRecovery=True)


def test_motos_own_api_is_refused_and_the_error_names_the_alternative(emulator, secrets, tmp_path):
    secrets.create_secret(Name="a", SecretString="x")
    for path in ("/moto-api/reset", "/moto-api/data.json", "/moto-api/"):
        answer = Client(emulator.wsgi).post(path)
        assert answer.status_code == 403
        assert "POST /_ecr/reset" in answer.get_json(force=True)["message"]
    assert len(kept_in(tmp_path)) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"{broken",
        b"\xff",
        b"[]",
        b'{"version": 3, "secrets": []}',
        b'{"version": 1, "secrets": [{"name": "a"}]}',
        b'{"version": 2, "secrets": [{"account": "1", "region": "us-east-1", "name": "a", "colour": "red"}]}',
        b'{"version": 2, "secrets": [{"account": 1, "region": "a", "name": "a", "arn": "a", "versions": {}}]}',
        b'{"version": 2, "secrets": [{"account": "1", "region": "a", "name": "a", "arn": "a", "versions": {"v": {}}}]}',
    ],
)
def test_a_broken_file_of_secrets_is_named_and_left_alone(tmp_path, content):
    file = tmp_path / FILE
    file.parent.mkdir()
    file.write_bytes(content)
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        for _ in range(2):
            with pytest.raises(ClientError, match=rf"InternalFailure.*{FILE} does not hold secrets"):
                client_of(emulator, "secretsmanager").create_secret(Name="a", SecretString="x")
        with pytest.raises(UnableToAccessSecretException, match=f"{FILE} does not hold secrets"):
            emulator.services.secrets.check_exists(ARN, HERE)
        with pytest.raises(UpstreamAccessDenied, match=f"{FILE} does not hold secrets"):
            emulator.services.secrets.credential(ARN, HERE)
        assert file.read_bytes() == content
        file.unlink()
        assert client_of(emulator, "secretsmanager").list_secrets()["SecretList"] == []


def test_no_rule_is_made_or_given_a_secret_of_a_broken_file(tmp_path):
    file = tmp_path / FILE
    rule = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io"}
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        secrets = client_of(emulator, "secretsmanager", account=ACCOUNT)
        arn = secrets.create_secret(Name="ecr-pullthroughcache/hub", SecretString="{}")["ARN"]
        client_of(emulator, account=ACCOUNT).create_pull_through_cache_rule(**rule, credentialArn=arn)
    file.write_text("{broken")
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        ecr = client_of(emulator, account=ACCOUNT)
        with pytest.raises(ecr.exceptions.UnableToAccessSecretException, match=f"{FILE} does not hold secrets"):
            ecr.create_pull_through_cache_rule(**rule | {"ecrRepositoryPrefix": "new"}, credentialArn=arn)
        with pytest.raises(ecr.exceptions.UnableToAccessSecretException, match=f"{FILE} does not hold secrets"):
            ecr.update_pull_through_cache_rule(ecrRepositoryPrefix="hub", credentialArn=arn)
        file.unlink()
        assert client_of(emulator, "secretsmanager", account=ACCOUNT).list_secrets()["SecretList"] == []


def test_creating_a_secret_fails_if_its_file_cannot_be_written(secrets, tmp_path):
    obstacle = tmp_path / "companions"
    obstacle.write_text("in the way of the folder")
    with pytest.raises(ClientError, match=r"InternalFailure.*FileExistsError"):
        secrets.create_secret(Name="a", SecretString="x")
    obstacle.unlink()
    secrets.describe_secret(SecretId="a")
    assert kept_in(tmp_path)[0]["name"] == "a"
