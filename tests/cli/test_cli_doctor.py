"""``ecr-emulator doctor``: each check finds what it is for."""

import base64
import json
import re
import sys

import pytest

from ecr_emulator.testing.embedded import EcrEmulator
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from ecr_emulator.version import __version__
from tests.support.command_line import invoke
from tests.support.other_program import Program

HEALTH_OF_ANOTHER_YEAR = (
    b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2004 00:00:00 GMT\r\nContent-Length: 19\r\n\r\n" + b'{"version": "99.0"}'
)
ENGINE = {"ServerVersion": "27.0.1", "RegistryConfig": {"IndexConfigs": {"docker.io": {"Secure": True}}}}


@pytest.fixture(scope="module")
def emulator():
    with EcrEmulator() as running:
        yield running


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return the home directory of a user without settings. Its ``bin`` is the only place of programs."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "DOCKER_HOST", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path


def examined(emulator, check, *arguments, **variables):
    """Return the state and the words of a check."""
    done = invoke(emulator, "doctor", "--json", *arguments, **variables)
    findings = {each["check"]: each for each in json.loads(done.stdout)}
    assert done.exit_code == any(each["state"] == "failed" for each in findings.values())
    return findings[check]["state"], findings[check]["words"]


def host(emulator):
    return emulator.endpoint_url.removeprefix("http://")


def log_in(home, emulator, password):
    auth = base64.b64encode(f"AWS:{password}".encode()).decode()
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": {host(emulator): {"auth": auth}}}))


def test_a_healthy_emulator_passes_and_each_check_has_a_line(home, emulator):
    done = invoke(emulator, "doctor")
    assert done.exit_code == 0, done.output
    checks = [line.split()[1] for line in done.stdout.splitlines()]
    names = ["emulator", "localhost", "proxies", "certificate", "clock", "disk", "docker", "login", "aws"]
    assert checks == [f"{name}:" for name in names]
    assert f"ok       emulator: Version {__version__} answers at {emulator.endpoint_url}" in done.stdout
    assert "ok       clock: " in done.stdout


def test_a_port_on_which_nothing_listens_and_one_that_another_program_has(home):
    state, words = examined(None, "emulator", "--port", "1")
    assert (state, words) == ("failed", "Nothing listens on port 1. Start one: ecr-emulator serve")
    assert examined(None, "localhost", "--port", "1")[0] == "failed"
    with ScriptedUpstream() as other:
        port = other.url.rpartition(":")[2]
        state, words = examined(None, "emulator", "--port", port)
    assert (state, f"Port {port} is taken if this is another program" in words) == ("failed", True)


def test_a_proxy_for_the_emulator_is_found_unless_no_proxy_covers_it(home, emulator):
    proxy = {"HTTP_PROXY": "http://proxy.example:3128"}
    state, words = examined(emulator, "proxies", **proxy)
    assert (state, words.startswith("HTTP_PROXY holds for")) == ("warning", True)
    both = proxy | {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "example.com"}
    state, words = examined(None, "proxies", "--port", "1", **both)
    advice = "export NO_PROXY=example.com,localhost,127.0.0.1,::1"
    assert (state, words) == ("warning", f"HTTP_PROXY and HTTPS_PROXY hold for localhost too: {advice}")
    covered = examined(emulator, "proxies", **proxy, NO_PROXY="localhost,127.0.0.1")
    assert covered == ("ok", f"NO_PROXY covers {host(emulator)}")


def test_a_directory_that_does_not_exist_has_no_space(home, emulator):
    state, words = examined(emulator, "disk", "--data-dir", str(home / "missing"))
    assert (state, "missing cannot be used: No such file or directory" in words) == ("failed", True)


def test_a_stale_login_of_docker_is_found(home, emulator):
    assert examined(emulator, "login")[1] == f"docker has no login for {host(emulator)}: ecr-emulator login"
    log_in(home, emulator, "of yesterday")
    assert examined(emulator, "login") == (
        "failed",
        f"The login of docker for {host(emulator)} is stale: ecr-emulator login",
    )
    log_in(home, emulator, invoke(emulator, "login", "--print-password").stdout.strip())
    assert examined(emulator, "login")[0] == "ok"


@pytest.mark.parametrize(
    ("config", "state", "words"),
    [
        ("{", "warning", "cannot be read as JSON of docker"),
        ("[]", "warning", "cannot be read as JSON of docker"),
        ('{"auths": {"HOST": "x"}}', "warning", "cannot be read as JSON of docker"),
        ('{"auths": {"other": {"auth": "x"}}, "credsStore": "desktop"}', "warning", "docker has no login for HOST"),
        ('{"auths": {"HOST": {}}, "credsStore": "desktop"}', "skipped", "The password for HOST is kept by desktop"),
        ('{"credHelpers": {"HOST": "ecr-login"}}', "skipped", "The password for HOST is kept by ecr-login"),
        ('{"auths": {"HOST": {"auth": "b\u00e4d"}}}', "failed", "The login of docker for HOST is stale"),
    ],
)
def test_other_configurations_of_docker(home, emulator, config, state, words):
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text(config.replace("HOST", host(emulator)), encoding="utf-8")
    found = examined(emulator, "login")
    assert (found[0], words.replace("HOST", host(emulator)) in found[1]) == (state, True), found


@pytest.mark.parametrize(
    ("engine", "variables", "state", "words"),
    [
        (ENGINE, {}, "ok", "Engine 27.0.1"),
        (ENGINE, {"DOCKER_HOST": "tcp://192.0.2.1:2375"}, "warning", "the engine's localhost is another machine"),
        ({"ServerErrors": ["no permission"]}, {}, "warning", "Its engine does not answer: no permission"),
        ({}, {}, "warning", "Its engine does not answer: Cannot connect"),
        ("nonsense", {}, "warning", "Its engine does not answer"),
        (None, {}, "skipped", "There is no docker here"),
    ],
)
def test_the_view_of_docker(home, emulator, engine, variables, state, words):
    if engine is not None:
        shown = engine if isinstance(engine, str) else json.dumps(engine)
        (home / "bin" / "docker").write_text(
            f"#!{sys.executable}\nimport sys\nprint({shown!r})\nsys.exit('Cannot connect')\n"
        )
        (home / "bin" / "docker").chmod(0o755)
    found = examined(emulator, "docker", **variables)
    assert found[0] == state
    assert words in found[1]


def test_the_configuration_of_the_aws_cli(home, emulator):
    complete = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "123456789012"}
    assert examined(emulator, "aws", **complete) == ("ok", f"The AWS CLI asks {emulator.endpoint_url}")
    state, words = examined(None, "aws", "--port", "1")
    assert state == "warning"
    assert "the AWS CLI asks Amazon: export AWS_ENDPOINT_URL=http://localhost:1" in words
    assert "it has no Region" in words
    assert "it has no credentials" in words
    state, words = examined(emulator, "aws", "--port", "1", **complete)
    asked = f"the AWS CLI asks {emulator.endpoint_url}, not this emulator: export AWS_ENDPOINT_URL=http://localhost:1"
    assert (state, words) == ("warning", asked)
    state, words = examined(emulator, "aws", **complete, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true")
    assert (state, words.endswith(" and unset AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) == ("warning", True)


def test_a_profile_of_the_aws_cli(home, emulator):
    missing = ("failed", "AWS_PROFILE is ci, and no file has such a profile: unset AWS_PROFILE")
    assert examined(emulator, "aws", AWS_PROFILE="ci") == missing
    assert examined(None, "aws", AWS_PROFILE="ci") == missing
    (home / ".aws").mkdir()
    config = f"[profile ci]\nregion = eu-west-1\nendpoint_url = {emulator.endpoint_url}\naws_access_key_id = x\n"
    (home / ".aws" / "config").write_text(config)
    assert examined(None, "aws", AWS_PROFILE="ci") == ("ok", f"The AWS CLI asks {emulator.endpoint_url}")
    assert examined(None, "emulator", AWS_PROFILE="ci")[0] == "ok"


def test_a_disk_that_is_fuller_than_the_reserve(home, emulator):
    state, words = examined(emulator, "disk", ECR_EMULATOR_DISK_RESERVE="999999999")
    assert (state, words.endswith("less than --disk-reserve: pushes are refused")) == ("failed", True)


def test_the_clock_of_another_machine(home):
    with Program() as machine:
        machine.answer = HEALTH_OF_ANOTHER_YEAR
        state, words = examined(None, "clock", AWS_ENDPOINT_URL=machine.url)
    assert state == "warning"
    assert re.fullmatch(r"The clocks of the two machines are \d+d apart: set them, for example by NTP", words)


def test_an_emulator_of_another_version(home):
    with Program() as machine:
        machine.answer = HEALTH_OF_ANOTHER_YEAR
        found = examined(None, "emulator", AWS_ENDPOINT_URL=machine.url)
    assert found == ("warning", f"It has version 99.0, this command has {__version__}")
