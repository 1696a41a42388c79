"""Secrets that were saved with another version of moto."""

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from moto.secretsmanager.models import FakeSecret

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of

FILE = Path("companions") / "secretsmanager.json"
ACCOUNT = "123456789012"
ARN = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:ecr-pullthroughcache/hub-abcdef"

VERSION_1 = {
    "secret_id": "ecr-pullthroughcache/hub",
    "name": "ecr-pullthroughcache/hub",
    "arn": ARN,
    "account_id": ACCOUNT,
    "region": "us-east-1",
    "secret_string": "one",
    "secret_binary": None,
    "description": "d",
    "tags": [{"Key": "k", "Value": "v"}],
    "kms_key_id": None,
    "version_stages": None,
    "last_changed_date": 1767225600,
    "created_date": 1767225600,
    "rotation_requested": True,
    "rotation_enabled": True,
    "rotation_lambda_arn": "",
    "auto_rotate_after_days": 3,
    "deleted_date": None,
    "policy": None,
    "next_rotation_date": 1767484800,
    "last_rotation_date": None,
    "versions": {
        "1" * 32: {
            "createdate": 1767225600,
            "version_id": "1" * 32,
            "version_stages": ["AWSCURRENT"],
            "secret_string": "two",
        }
    },
    "default_version_id": "1" * 32,
    "replicas": ["eu-west-1"],
}
"""A secret as emulators before version 2 of the file saved it."""


def save(tmp_path, version, *secrets):
    file = tmp_path / FILE
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"version": version, "secrets": secrets}))


def opened(tmp_path):
    return Emulator(Settings(data_dir=tmp_path))


def secrets_of(emulator, region="us-east-1"):
    return client_of(emulator, "secretsmanager", account=ACCOUNT, region=region)


def written_and_read(tmp_path, between=lambda: None):
    """Return Secrets Manager's answers about a secret, before a restart and after it."""
    answers = []
    for write in (True, False):
        with opened(tmp_path) as emulator:
            client = secrets_of(emulator)
            if write:
                client.create_secret(Name="a", SecretString="x", Description="d", Tags=[{"Key": "k", "Value": "v"}])
                client.put_secret_value(SecretId="a", SecretString="y")
            answers.append(
                [
                    {name: value for name, value in answer.items() if name != "ResponseMetadata"}
                    for answer in (client.describe_secret(SecretId="a"), client.get_secret_value(SecretId="a"))
                ]
            )
        between()
    return answers


@pytest.fixture
def another_moto(monkeypatch):
    """Return a function that adds and removes attributes of moto's secrets, as another version of moto might."""
    made = FakeSecret.__init__

    def become(gained=None, lost=()):
        def init(secret, *arguments, **named):
            made(secret, *arguments, **named)
            vars(secret).update(gained or {})
            for name in lost:
                delattr(secret, name)

        monkeypatch.setattr(FakeSecret, "__init__", init)

    return become


def test_secrets_saved_before_moto_gained_an_attribute_are_there(tmp_path, another_moto):
    before, after = written_and_read(tmp_path, lambda: another_moto(gained={"colour": "red", "shades": {object()}}))
    assert after == before


def test_secrets_saved_before_moto_lost_an_attribute_are_there(tmp_path, another_moto):
    lost = ("rotation_enabled", "auto_rotate_after_days", "policy", "version_stages")
    before, after = written_and_read(tmp_path, lambda: another_moto(lost=lost))
    assert after == before


@pytest.mark.parametrize("difference", [{"gained": {"colour": object()}}, {"lost": ("rotation_enabled", "policy")}])
def test_secrets_saved_with_another_moto_can_be_read(tmp_path, another_moto, monkeypatch, difference):
    another_moto(**difference)
    before, after = written_and_read(tmp_path, monkeypatch.undo)
    assert after == before


def test_an_incompatible_moto_is_named_and_the_file_is_left_alone(tmp_path, monkeypatch):
    save(tmp_path, 1, VERSION_1)
    content = (tmp_path / FILE).read_bytes()
    monkeypatch.setattr(FakeSecret, "__init__", lambda secret, *, owner, values: None)
    with opened(tmp_path) as emulator, pytest.raises(ClientError) as refused:
        secrets_of(emulator).list_secrets()
    assert "keeps secrets in a way that this emulator does not know" in str(refused.value)
    assert FILE.name not in str(refused.value)
    assert (tmp_path / FILE).read_bytes() == content


def test_a_file_of_version_1_is_read_and_written_again_as_version_2(tmp_path):
    save(tmp_path, 1, VERSION_1, VERSION_1 | {"name": "b", "arn": f"{ARN[:-11]}/b-abcdef", "replicas": []})
    for _ in range(2):
        with opened(tmp_path) as emulator:
            client = secrets_of(emulator)
            told = client.describe_secret(SecretId=ARN)
            assert (told["Tags"], told["RotationRules"]) == (VERSION_1["tags"], {"AutomaticallyAfterDays": 3})
            assert client.get_secret_value(SecretId=ARN)["SecretString"] == "two"
            replica = ARN.replace("us-east-1", "eu-west-1")
            assert secrets_of(emulator, "eu-west-1").get_secret_value(SecretId=replica)["SecretString"] == "two"
            assert len(client.list_secrets()["SecretList"]) == 2
        assert json.loads((tmp_path / FILE).read_text())["version"] == 2


def test_a_file_of_version_1_may_be_from_another_moto(tmp_path):
    older = {name: value for name, value in VERSION_1.items() if name not in ("next_rotation_date", "secret_id")}
    save(tmp_path, 1, older | {"colour": "red"})
    with opened(tmp_path) as emulator:
        assert secrets_of(emulator).get_secret_value(SecretId=ARN)["SecretString"] == "two"
