"""Commands that start no emulator: help, version and settings."""

import re
import subprocess
import sys
import tomllib
from ast import literal_eval

import pytest
from click import Context

from ecr_emulator import __version__
from ecr_emulator.cli.main import COMMANDS, main
from ecr_emulator.settings import SETTINGS
from tests.support.command_line import run_here
from tests.support.processes import environment

HEAVY = ["flask", "werkzeug", "sqlalchemy", "botocore", "boto3", "moto", "requests", "jsonschema", "granian"]


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["serve", "--help"], ["settings"]])
def test_commands_that_run_nothing_import_no_heavy_package(arguments, tmp_path):
    probe = (
        "import sys\nfrom ecr_emulator.cli.main import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        f"print(*(name for name in {HEAVY!r} if name in sys.modules))"
    )
    how = {"cwd": tmp_path, "env": environment(), "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, "-c", probe], check=True, **how)
    assert done.stdout.splitlines()[-1] == ""


def test_the_version_is_that_of_the_package(tmp_path):
    assert run_here(tmp_path, "--version").stdout.split()[-1] == __version__


def test_every_command_is_listed(tmp_path):
    listed = run_here(tmp_path, "--help").stdout.partition("Commands:")[2]
    names = [line.split()[0] for line in listed.strip().splitlines()]
    assert names == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_summary_begins_like_the_help_of_its_command(name):
    command = main.get_command(Context(main), name)
    assert COMMANDS[name].summary.split()[:2] == command.help.split()[:2]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_has_an_example(name):
    assert re.search(rf"Example.*: .*ecr-emulator {name}\b", main.get_command(Context(main), name).help)


def test_the_list_of_commands_imports_no_command(tmp_path):
    probe = "import sys\nfrom ecr_emulator.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    probe += "print([name for name in sys.modules if name.startswith('ecr_emulator.')])"
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True
    )
    modules = {"ecr_emulator.version", "ecr_emulator.cli", "ecr_emulator.cli.main"}
    assert set(literal_eval(done.stdout.splitlines()[-1])) == modules


def test_every_setting_is_an_option_of_serve(tmp_path):
    shown = run_here(tmp_path, "serve", "--help").stdout.split()
    assert {setting.flag for setting in SETTINGS.values()} < set(shown)


@pytest.mark.parametrize("command", ["rules", "refresh", "pull", "seed", "reset", "gc", "health"])
def test_commands_for_a_running_emulator_have_no_options_of_serve(tmp_path, command):
    shown = " ".join(run_here(tmp_path, command, "--help").stdout.split())
    assert "Address of the emulator." in shown
    assert "0 picks a free one" not in shown
    assert "whose access key names none" not in shown


def test_an_unknown_command_is_refused(tmp_path):
    done = run_here(tmp_path, "serv")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such command 'serv'. Did you mean serve?" in done.stderr


def test_settings_come_with_their_sources(tmp_path):
    (tmp_path / "ecr-emulator.toml").write_text("port = 1\nregion = 'eu-west-1'\n[upstream_map]\n'a.b' = 'http://c'\n")
    done = run_here(tmp_path, "settings", "--port", "2", "--host", "::1", ECR_EMULATOR_LOG_LEVEL="error")
    lines = dict(line.split("  # ") for line in done.stdout.splitlines() if " = " in line)
    sources = {line.partition(" = ")[0]: source for line, source in lines.items()}
    assert (sources["port"], sources["log_level"], sources["region"], sources["account"]) == (
        "--port",
        "ECR_EMULATOR_LOG_LEVEL",
        "ecr-emulator.toml",
        "default",
    )


def test_printed_settings_are_a_settings_file(tmp_path):
    given = [
        "--upstream-map",
        "a.b=http://c/",
        "--upstream-map",
        "d=http://e",
        "--data-dir",
        'quote"d',
        "--host",
        "::1",
    ]
    first = run_here(tmp_path, "settings", *given)
    (tmp_path / "ecr-emulator.toml").write_text(first.stdout)
    again = run_here(tmp_path, "settings")
    assert (again.returncode, tomllib.loads(again.stdout)) == (0, tomllib.loads(first.stdout))
    assert tomllib.loads(again.stdout)["upstream_map"] == {"a.b": "http://c/", "d": "http://e"}


def test_a_wrong_setting_ends_with_2_and_a_sentence(tmp_path):
    done = run_here(tmp_path, "serve", ECR_EMULATOR_PROT="1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(
        "Error: Unknown environment variable ECR_EMULATOR_PROT. Did you mean ECR_EMULATOR_PORT?\n"
    )


def test_an_unknown_option_is_refused_with_a_suggestion(tmp_path):
    done = run_here(tmp_path, "serve", "--data-dri", "x")
    assert done.returncode == 2
    assert "--data-dir" in done.stderr


def test_health_without_an_emulator_exits_with_1(tmp_path):
    done = run_here(tmp_path, "health", "--port", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: No healthy emulator on port 1: Connection refused")


def test_variables_that_kubernetes_sets_for_a_service_are_explained(tmp_path):
    of_kubernetes = {"ECR_EMULATOR_PORT": "tcp://10.96.0.12:4566", "ECR_EMULATOR_SERVICE_HOST": "10.96.0.12"}
    refused = run_here(tmp_path, "settings", **of_kubernetes)
    assert refused.returncode == 2
    assert "enableServiceLinks: false" in refused.stderr
    assert "Kubernetes" not in run_here(tmp_path, "settings", ECR_EMULATOR_PORT="tcp://10.96.0.12:4566").stderr
