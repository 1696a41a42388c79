"""``EcrEmulator``: boto3 clients without a socket, several accounts and Regions, and an address when one is needed."""

import socket
import subprocess
import sys
from urllib.request import urlopen

import boto3
import pytest

from ecr_emulator import EcrEmulator
from ecr_emulator.setting_sources import SettingsError
from ecr_emulator.settings import SETTINGS
from ecr_emulator.testing.arguments import OF_THE_SERVER, EmulatorSettings


@pytest.fixture(scope="module")
def emulator():
    with EcrEmulator() as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def _empty(emulator):
    emulator.reset()


def names(ecr):
    return [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]


def test_a_client_calls_the_emulator_without_a_socket(monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("a socket was opened"))
    with EcrEmulator() as emulator:
        emulator.client("ecr").create_repository(repositoryName="team/app")
        assert names(emulator.client()) == ["team/app"]
        assert emulator.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_accounts_and_regions_have_registries_of_their_own(emulator):
    emulator.client("ecr", account="111111111111").create_repository(repositoryName="team/one")
    emulator.client("ecr", region_name="eu-west-1").create_repository(repositoryName="team/two")
    assert names(emulator.client("ecr", account="111111111111")) == ["team/one"]
    assert names(emulator.session("eu-west-1").client("ecr")) == ["team/two"]
    assert names(emulator.client("ecr")) == []


def test_a_session_makes_clients_and_resources(emulator):
    session = emulator.session(account="222222222222")
    session.client("ecr").create_repository(repositoryName="team/app")
    session.resource("s3").create_bucket(Bucket="bucket").put_object(Key="key", Body=b"of the test")
    assert session.client("s3").get_object(Bucket="bucket", Key="key")["Body"].read() == b"of the test"
    assert session.client("sts").get_caller_identity()["Account"] == "222222222222"


def test_the_address_answers_and_answers_show_it():
    with EcrEmulator() as emulator:
        ecr = emulator.client("ecr")
        url = emulator.endpoint_url
        address = url.removeprefix("http://")
        made = ecr.create_repository(repositoryName="team/app")["repository"]["repositoryUri"]
        assert made == f"{address}/team/app"
        keys = {"aws_access_key_id": emulator.account, "aws_secret_access_key": "any"}
        other = boto3.client("ecr", emulator.region, endpoint_url=url, **keys)
        assert other.describe_repositories()["repositories"][0]["repositoryUri"] == made
        other.close()
        with urlopen(f"{url}/_ecr/health", timeout=10) as answer:
            assert answer.status == 200
        assert emulator.endpoint_url == url


def test_the_profiles_of_the_user_are_not_read(emulator, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "of-nobody")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://192.0.2.1")
    assert names(emulator.client("ecr")) == names(emulator.session().client("ecr")) == []


def test_reset_forgets_one_account_or_everything(emulator):
    for account in ("111111111111", "222222222222"):
        emulator.client("ecr", account=account).create_repository(repositoryName="team/app")
    emulator.reset(account="111111111111")
    assert names(emulator.client("ecr", account="111111111111")) == []
    assert names(emulator.client("ecr", account="222222222222")) == ["team/app"]
    emulator.reset()
    assert names(emulator.client("ecr", account="222222222222")) == []


def test_state_in_a_directory_is_there_for_the_next_emulator(tmp_path):
    with EcrEmulator(data_dir=tmp_path / "state", account="111111111111") as emulator:
        emulator.client("ecr").create_repository(repositoryName="team/app")
    with EcrEmulator(data_dir=str(tmp_path / "state"), account="111111111111") as emulator:
        assert names(emulator.client("ecr")) == ["team/app"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"acount": "1"}, "Unknown setting acount. Did you mean account?"),
        ({"account": "12"}, "account must be an account: 12 digits, as text, not '12'"),
        ({"offline": "yes"}, "offline must be true or false, not 'yes'"),
        ({"tls": True}, "EcrEmulator has no setting tls; start `ecr-emulator serve` to use it"),
    ],
)
def test_wrong_settings_are_refused_with_a_sentence(settings, sentence):
    with pytest.raises(SettingsError) as refused:
        EcrEmulator(**settings)
    assert str(refused.value) == sentence


def test_every_setting_is_an_argument_or_is_about_the_server():
    assert EmulatorSettings.__annotations__.keys() | OF_THE_SERVER == SETTINGS.keys()
    assert not EmulatorSettings.__annotations__.keys() & OF_THE_SERVER


def test_importing_the_class_loads_nothing_heavy():
    probe = "import sys; from ecr_emulator import EcrEmulator; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"flask", "sqlalchemy", "botocore", "boto3", "moto", "requests", "werkzeug"}
