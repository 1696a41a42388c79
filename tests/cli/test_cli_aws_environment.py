"""Commands in a shell with the environment variables of AWS tools."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys

import pytest

from ecr_emulator.cli.trust import certificate
from ecr_emulator.settings import Settings
from ecr_emulator.testing.embedded import EcrEmulator
from tests.support.command_line import run_here
from tests.support.processes import COMMAND, PACKAGE_ROOT, serving

ACCOUNT = "123456789012"
NOWHERE = {"ECR_EMULATOR_PORT": "1"}
ELSEWHERE = "There are rules in {}, {} too: --account {} --region {}\n"


@pytest.fixture(scope="module")
def emulator():
    """Start an emulator with a rule in an account and a Region that are not its own."""
    with EcrEmulator() as running:
        populate(running, ACCOUNT, "eu-west-1")
        yield running


def populate(emulator, account, region):
    client = emulator.client(account=account, region_name=region)
    client.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")


def port_of(emulator):
    return emulator.endpoint_url.rpartition(":")[2]


def rules(folder, *arguments, **variables):
    """Return the account and the Region whose rules are shown, and the prefixes of the rules."""
    done = run_here(folder, "rules", "--json", *arguments, **variables)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    return told["account"], told["region"], [rule["prefix"] for rule in told["rules"]]


def certificate_finding(folder, **variables):
    """Return the finding of the check of the certificate."""
    findings = json.loads(run_here(folder, "doctor", "--json", **variables, PATH=str(folder)).stdout)
    return next(finding for finding in findings if finding["check"] == "certificate")


THERE = (ACCOUNT, "eu-west-1", ["quay"])


# --- Output of serve ---------------------------------------------------------------------------------------


WITH_PERMISSIONS = ("--iam", "enforce", "--account", ACCOUNT, "--region", "eu-west-1")


@pytest.mark.parametrize("arguments", [(), pytest.param(WITH_PERMISSIONS, marks=pytest.mark.slow)])
def test_the_lines_that_serve_prints_are_enough_for_a_clean_shell(tmp_path, arguments):
    with serving(tmp_path, "--port", "0", *arguments) as served:
        lines = [line.strip() for line in served.output.splitlines() if line.startswith("  export ")]
        assert set(re.findall(r"(\w+)=", "\n".join(lines))) == {
            "AWS_ENDPOINT_URL",
            "AWS_DEFAULT_REGION",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
        }
        ask = "import boto3; print(boto3.client('ecr').describe_registry()['registryId'])"
        script = "\n".join([*lines, f'{sys.executable} -c "{ask}"', f"{' '.join(COMMAND)} rules --json | tr -d '\\n'"])
        clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PACKAGE_ROOT), "HOME": str(tmp_path)}
        how = {"input": script, "env": clean, "cwd": tmp_path, "capture_output": True, "text": True}
        done = subprocess.run([shutil.which("sh"), "-e"], check=True, **how)
        account, _, shown = done.stdout.partition("\n")
        settings = (ACCOUNT, "eu-west-1") if arguments else ("000000000000", "us-east-1")
        assert account == settings[0], done.stderr
        assert (json.loads(shown)["account"], json.loads(shown)["region"]) == settings
        assert served.stop() == 0


# --- Address -----------------------------------------------------------------------------------------------


def test_commands_ask_the_emulator_that_aws_tools_ask(emulator, tmp_path):
    variables = {
        "AWS_ENDPOINT_URL": emulator.endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    assert rules(tmp_path, **variables) == THERE
    assert run_here(tmp_path, "health", **variables).stdout.startswith("ok, version")
    assert run_here(tmp_path, "gc", **variables).stdout.startswith("Removed 0 uploads")


def test_the_endpoint_variable_of_ecr_wins_over_the_general_one(emulator, tmp_path):
    urls = {"AWS_ENDPOINT_URL": "http://localhost:1", "AWS_ENDPOINT_URL_ECR": f"{emulator.endpoint_url}/"}
    assert run_here(tmp_path, "health", **urls).returncode == 0
    assert run_here(tmp_path, "health", **urls | {"AWS_ENDPOINT_URL_ECR": ""}).returncode == 1
    (tmp_path / "ecr-emulator.toml").write_text(f"port = {port_of(emulator)}\n")
    urls |= {"AWS_ENDPOINT_URL_ECR": "http://localhost:1"}
    assert run_here(tmp_path, "health", **urls).returncode == 1
    assert run_here(tmp_path, "health", **urls, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true").returncode == 0


def test_an_emulator_without_https_is_told_from_another_program(emulator, tmp_path):
    done = run_here(tmp_path, "rules", AWS_ENDPOINT_URL=emulator.endpoint_url.replace("http:", "https:"))
    assert done.returncode == 1
    assert "it speaks no HTTPS (" in done.stderr


def test_flags_and_own_variables_win_over_the_endpoint_of_aws(emulator, tmp_path):
    nobody = {"AWS_ENDPOINT_URL": "http://localhost:1"}
    assert run_here(tmp_path, "health", "--port", port_of(emulator), **nobody).returncode == 0
    assert run_here(tmp_path, "health", **nobody, ECR_EMULATOR_PORT=port_of(emulator)).returncode == 0
    (tmp_path / "ecr-emulator.toml").write_text(f"port = {port_of(emulator)}\n")
    assert run_here(tmp_path, "health", **nobody).returncode == 1
    assert run_here(tmp_path, "health").returncode == 0


@pytest.mark.parametrize("command", [("rules",), ("refresh", "quay/a"), ("pull", "quay/a:v1"), ("gc",), ("reset",)])
def test_an_address_without_an_emulator_is_reported_with_its_variable(tmp_path, command):
    done = run_here(tmp_path, *command, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert done.returncode == 1
    assert "No emulator at http://127.0.0.1:1, which AWS_ENDPOINT_URL names: Connection refused" in done.stderr


@pytest.mark.parametrize("url", ["localhost:4566", "4566", "ftp://localhost", "http://", "http://[", "http://h:port"])
def test_an_invalid_address_is_refused(tmp_path, url):
    done = run_here(tmp_path, "rules", AWS_ENDPOINT_URL_ECR=url)
    assert done.returncode == 2
    assert f"AWS_ENDPOINT_URL_ECR must be an address like http://localhost:4566, not {url!r}" in done.stderr


@pytest.mark.slow
def test_https_addresses_are_verified_with_the_ca_bundle_of_aws_tools(tmp_path):
    tls = ("--tls", "--tls-dir", str(tmp_path / "tls"))
    with serving(tmp_path, "--port", "0", *tls) as served:
        url = {"AWS_ENDPOINT_URL": served.url.replace("http:", "https:")}
        ca = certificate(Settings(tls_dir=tmp_path / "tls")).authority
        assert run_here(tmp_path, "health", **url, AWS_CA_BUNDLE=str(ca)).returncode == 0
        distrusted = run_here(tmp_path, "health", **url)
        assert distrusted.returncode == 1
        assert certificate_finding(tmp_path, **url)["state"] == "failed"
        assert certificate_finding(tmp_path, **url, AWS_CA_BUNDLE=str(ca))["state"] == "ok"
        assert "its certificate is not trusted (unable to get local issuer certificate)" in distrusted.stderr
        (tmp_path / "empty").touch()
        for bundle, wrong in (("no-such", ": No such file or directory"), ("empty", ", which has no certificate")):
            words = f"AWS_CA_BUNDLE names {bundle}{wrong}"
            assert certificate_finding(tmp_path, **url, AWS_CA_BUNDLE=bundle)["words"] == words
            assert words in run_here(tmp_path, "rules", **url, AWS_CA_BUNDLE=bundle).stderr
        missing = run_here(tmp_path, "rules", **url, AWS_CA_BUNDLE="no-such", AWS_ACCESS_KEY_ID="AKIA")
        assert missing.stderr.endswith("names: AWS_CA_BUNDLE names no-such: No such file or directory\n")
        assert served.stop() == 0


def test_a_profile_that_the_user_names_says_which_emulator_and_registry(emulator, tmp_path):
    (tmp_path / ".aws").mkdir()
    config = tmp_path / ".aws" / "config"
    keys = f"region = eu-west-1\naws_access_key_id = {ACCOUNT}\n"
    config.write_text(f"[default]\nregion = us-west-2\n[profile local]\n{keys}endpoint_url = {emulator.endpoint_url}\n")
    home = {"HOME": str(tmp_path)}
    assert rules(tmp_path, **home, AWS_PROFILE="local") == THERE
    assert rules(tmp_path, **home, AWS_PROFILE="local", AWS_REGION="us-east-1")[:2] == (ACCOUNT, "us-east-1")
    assert rules(tmp_path, **home, AWS_ENDPOINT_URL=emulator.endpoint_url)[:2] == ("000000000000", "us-east-1")
    other = run_here(
        tmp_path, "rules", **home, AWS_PROFILE="local", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true", **NOWHERE
    )
    assert "No emulator on port 1:" in other.stderr
    services = f"[services own]\necr =\n  endpoint_url = {emulator.endpoint_url}\n"
    own = f"services = own\nendpoint_url = http://localhost:1\n{services}"
    (tmp_path / "elsewhere").write_text(f"[profile local]\n{keys}{own}")
    assert rules(tmp_path, **home, AWS_PROFILE="local", AWS_CONFIG_FILE="~/elsewhere") == THERE


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("[profile other]\n", "AWS_PROFILE is local, and no file has such a profile"),
        ("no section", "AWS_PROFILE is local, and no file has such a profile"),
        ("[profile local]\nendpoint_url = 4566\n", "The endpoint_url of the profile local must be an address like"),
        ("[profile local]\nregion = moon\n", "The region of the profile local must be a Region, like eu-west-1, not"),
    ],
)
def test_a_profile_that_cannot_be_used_is_refused(tmp_path, config, reason):
    (tmp_path / "config").write_text(config)
    done = run_here(tmp_path, "rules", AWS_PROFILE="local", AWS_CONFIG_FILE="config", HOME=str(tmp_path))
    assert done.returncode == 2
    assert reason in done.stderr


# --- Account and Region ------------------------------------------------------------------------------------


def test_account_and_region_are_those_of_aws_tools(emulator, tmp_path):
    port = ("--port", port_of(emulator))
    assert rules(tmp_path, *port) == ("000000000000", "us-east-1", [])
    assert rules(tmp_path, *port, AWS_ACCESS_KEY_ID=ACCOUNT) == (ACCOUNT, "us-east-1", [])
    named = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_DEFAULT_REGION": "eu-west-1"}
    assert rules(tmp_path, *port, **named) == THERE
    assert rules(tmp_path, *port, **named | {"AWS_DEFAULT_REGION": "us-west-2", "AWS_REGION": "eu-west-1"}) == THERE
    assert rules(tmp_path, *port, **named | {"AWS_REGION": ""}) == THERE


def test_flags_and_own_variables_win_over_account_and_region_of_aws(emulator, tmp_path):
    port = ("--port", port_of(emulator))
    other = {"AWS_ACCESS_KEY_ID": "111122223333", "AWS_REGION": "us-west-2"}
    assert rules(tmp_path, *port, "--account", ACCOUNT, "--region", "eu-west-1", **other) == THERE
    own = {"ECR_EMULATOR_ACCOUNT": ACCOUNT, "ECR_EMULATOR_REGION": "eu-west-1"}
    assert rules(tmp_path, *port, **other, **own) == THERE
    (tmp_path / "ecr-emulator.toml").write_text(f"account = '{ACCOUNT}'\nregion = 'eu-west-1'\n")
    assert rules(tmp_path, *port) == THERE
    assert rules(tmp_path, *port, **other) == ("111122223333", "us-west-2", [])


def test_a_variable_that_is_no_region_is_refused(tmp_path):
    done = run_here(tmp_path, "repos", AWS_DEFAULT_REGION="moon")
    assert done.returncode == 2
    assert "AWS_DEFAULT_REGION must be a Region, like eu-west-1, not 'moon'" in done.stderr


def test_an_access_key_of_iam_means_the_account_of_its_user(emulator, tmp_path):
    iam = emulator.client("iam", account=ACCOUNT)
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    variables = {"AWS_ENDPOINT_URL": emulator.endpoint_url, "AWS_ACCESS_KEY_ID": key, "AWS_REGION": "eu-west-1"}
    assert rules(tmp_path, **variables) == THERE


def test_an_unknown_access_key_means_the_account_of_the_emulator(emulator, tmp_path):
    port = ("--port", port_of(emulator))
    assert rules(tmp_path, *port, AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE") == ("000000000000", "us-east-1", [])
    assert rules(tmp_path, *port, AWS_ACCESS_KEY_ID="no\nkey") == ("000000000000", "us-east-1", [])


# --- reset -------------------------------------------------------------------------------------------------


@pytest.fixture
def populated():
    """Start an emulator with a rule in each of two Regions of two accounts."""
    with EcrEmulator() as running:
        for account in (ACCOUNT, "111122223333"):
            for region in ("us-east-1", "eu-west-1"):
                populate(running, account, region)
        yield running


def left(emulator):
    return [
        (account, region)
        for account in (ACCOUNT, "111122223333")
        for region in ("us-east-1", "eu-west-1")
        if emulator.client(account=account, region_name=region).describe_pull_through_cache_rules()[
            "pullThroughCacheRules"
        ]
    ]


def test_reset_removes_the_named_account_and_region_or_everything(populated, tmp_path):
    variables = {
        "AWS_ENDPOINT_URL": populated.endpoint_url,
        "AWS_ACCESS_KEY_ID": "111122223333",
        "AWS_REGION": "us-east-1",
    }
    done = run_here(tmp_path, "reset", "--account", ACCOUNT, "--region", "eu-west-1", **variables)
    assert (done.returncode, done.stdout) == (0, f"The resources of {ACCOUNT} in eu-west-1 are removed.\n")
    assert left(populated) == [(ACCOUNT, "us-east-1"), ("111122223333", "us-east-1"), ("111122223333", "eu-west-1")]
    done = run_here(tmp_path, "reset", "--account", ACCOUNT, **variables)
    assert done.stdout == f"The resources of {ACCOUNT} are removed.\n"
    assert left(populated) == [("111122223333", "us-east-1"), ("111122223333", "eu-west-1")]
    done = run_here(tmp_path, "reset", "--region", "eu-west-1", **variables)
    assert done.stdout == "The resources of 111122223333 in eu-west-1 are removed.\n"
    assert left(populated) == [("111122223333", "us-east-1")]
    populate(populated, ACCOUNT, "eu-west-1")
    assert run_here(tmp_path, "reset", **variables).stdout == "The emulator is empty.\n"
    assert left(populated) == []


def test_reset_of_a_region_needs_an_account(populated, tmp_path):
    done = run_here(tmp_path, "reset", "--region", "eu-west-1", "--port", port_of(populated))
    assert done.returncode == 1
    assert "A region needs an account" in done.stderr
    assert len(left(populated)) == 4


# --- trust -------------------------------------------------------------------------------------------------


def test_trust_has_help_texts_of_its_own(tmp_path):
    shown = " ".join(run_here(tmp_path, "trust", "--help").stdout.split())
    serve = run_here(tmp_path, "serve", "--help").stdout
    assert "0 picks a free one" in " ".join(serve.split())
    assert "0 picks a free one" not in shown
    assert "whose access key names none" not in shown
    assert "Port of the emulator." in shown


def test_a_port_without_an_emulator_is_reported_by_its_number(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        done = run_here(tmp_path, "reset", "--port", str(port))
    assert (done.returncode, f"No emulator on port {port}: " in done.stderr) == (1, True)
