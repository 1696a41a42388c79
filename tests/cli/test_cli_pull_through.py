"""``ecr-emulator rules``, ``refresh`` and ``pull`` with a running emulator."""

import json
import os
import pty
import subprocess
from datetime import timedelta

import pytest

from ecr_emulator.cli.formatting import ago, ahead, size_in_words, time_in_words
from ecr_emulator.testing.embedded import EcrEmulator
from ecr_emulator.testing.upstream.images import image, layer, multi_arch
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.clock import FrozenClock
from tests.support.command_line import run_here
from tests.support.processes import COMMAND, environment

NAME = "quay/team/app"
ELSEWHERE = "{} has no rules in {}; there are some with --account 000000000000 --region us-east-1\n"
APP = multi_arch()
LARGE = image("large", layer("large", 9_000_000))


@pytest.fixture(scope="module")
def quay():
    with ScriptedUpstream() as upstream:
        upstream.add_image("team/app", APP, "v1")
        upstream.add_image("team/app", LARGE, "large")
        yield upstream


@pytest.fixture(scope="module")
def emulator(quay):
    with EcrEmulator(upstream_map={"quay.io": quay.url}) as running:
        running.client().create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
        yield running


@pytest.fixture
def port(emulator):
    return emulator.endpoint_url.rpartition(":")[2]


@pytest.fixture
def ask(port, tmp_path):
    return lambda *arguments: run_here(tmp_path, *arguments, "--port", port)


def test_a_pull_reports_the_imported_parts(ask, port, quay):
    image_name = f"localhost:{port}/{NAME}:v1"
    done = ask("pull", image_name)
    first, *_, last = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert first == f"{image_name}: {APP.digest}, 3 manifests, 4 blobs, 2.2 kB"
    assert last.startswith(f"{image_name} is cached: {APP.digest}, 3 manifests, 4 blobs, 2.2 kB, ")
    assert f"{image_name}: 4 of 4 blobs, 2.2 kB of 2.2 kB" in done.stdout
    asked = len(quay.requests)
    assert ask("pull", f"{NAME}:v1").stdout.endswith("all of it was cached\n")
    assert len(quay.requests) == asked


def test_on_a_terminal_a_pull_draws_a_bar(port, tmp_path):
    terminal, other_end = pty.openpty()
    arguments = [*COMMAND, "pull", f"{NAME}:large", "--port", port]
    how = {"cwd": tmp_path, "env": environment(TERM="xterm", COLUMNS="120"), "stdout": other_end}
    with subprocess.Popen(arguments, **how) as process:
        os.close(other_end)
        shown = b"".join(iter(lambda: _read(terminal), b"")).decode()
        assert process.wait() == 0
    os.close(terminal)
    assert "100%" in shown
    assert "2/2 blobs, 9.0 MB" in shown
    assert f"{NAME}:large is cached: {LARGE.digest}, 1 manifest, 2 blobs, 9.0 MB, " in shown


def _read(terminal):
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux raises it at the end of a terminal
        return b""


def test_a_pull_that_fails_ends_with_1_and_the_reason(ask, quay):
    done = ask("pull", "quay/team/typo:v1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: quay.io ({quay.url}) has no team/typo v1\n"


def test_a_refresh_reports_its_result(ask, quay):
    moved, new = image("moved"), image("new")
    quay.add_image("team/app", moved, "moving")
    assert ask("refresh", f"{NAME}:moving").stdout == f"{NAME}:moving  imported: {moved.digest}\n"
    assert ask("refresh", f"{NAME}:moving").stdout == f"{NAME}:moving  unchanged: {moved.digest}\n"
    quay.add_image("team/app", new, "moving")
    updated = ask("refresh", f"{NAME}:moving", "--json")
    assert updated.returncode == 0
    (told,) = json.loads(updated.stdout)["refreshed"]
    assert (told["outcome"], told["previous"], told["digest"]) == ("updated", moved.digest, new.digest)

    quay.remove("team/app", "moving")
    failed = ask("refresh", f"{NAME}:moving")
    assert failed.returncode == 1
    assert failed.stdout == (
        f"{NAME}:moving  failed: quay.io ({quay.url}) has no team/app moving; {new.digest} is served as before\n"
    )
    nothing = ask("refresh", f"{NAME}:never")
    assert nothing.stdout.endswith("has no team/app never; nothing is cached\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("refresh", "ordinary/app"), "No pull through cache rule of 000000000000 in us-east-1 covers 'ordinary/app'."),
        (("refresh", "quay/no/such"), "The repository with name 'quay/no/such' does not exist in the registry"),
        (("refresh", NAME, "--region", "eu-west-1"), "No pull through cache rule of 000000000000 in eu-west-1"),
        (("pull", "Bad"), "'Bad' is not a repository name"),
        (("pull", NAME, "--account", "123456789012"), f"The repository with name '{NAME}' does not exist"),
        (
            ("pull", NAME, "--account", "123456789012"),
            f"No pull through cache rule of 123456789012 in us-east-1 covers '{NAME}'.",
        ),
        (("pull", "ordinary/app:v1"), "No pull through cache rule of 000000000000 in us-east-1 covers 'ordinary/app'."),
        (("pull", NAME, "--account", "123456789012"), ELSEWHERE.format("123456789012", "us-east-1")),
        (("refresh", NAME, "--region", "eu-west-1"), ELSEWHERE.format("000000000000", "eu-west-1")),
    ],
)
def test_what_cannot_be_done_is_said(ask, arguments, words):
    done = ask(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr


@pytest.mark.parametrize("arguments", [("rules",), ("refresh", NAME), ("pull", NAME)])
def test_a_missing_emulator_is_reported(tmp_path, arguments):
    done = run_here(tmp_path, *arguments, "--port", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "No emulator on port 1: " in done.stderr


def test_rules_are_a_table_with_the_last_error_in_words(ask, quay):
    ask("pull", f"{NAME}:v1")
    ask("refresh", f"{NAME}:gone")
    header, row, error, *rest = ask("rules").stdout.splitlines()
    assert header.split("  ")[0] == "PREFIX"
    assert row.startswith(f"quay    quay.io ({quay.url})  ok ")
    assert " ago, ImageNotFound: quay.io" in error
    assert error.endswith("has no team/app gone")
    assert rest == []
    assert json.loads(ask("rules", "--json").stdout)["rules"][0]["prefix"] == "quay"
    assert ask("rules", "--region", "eu-west-1").stdout == (
        "There are no pull through cache rules in 000000000000, eu-west-1.\n"
        "There are rules in 000000000000, us-east-1 too: --account 000000000000 --region us-east-1\n"
    )


# --- Numbers and times in words --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (999, "999 B"), (3_400, "3.4 kB"), (12_000_000, "12.0 MB"), (2_500_000_000, "2.5 GB")],
)
def test_sizes_are_printed_with_units(count, words):
    assert size_in_words(count) == words


def test_times_are_printed_with_units():
    now = FrozenClock().now()
    assert [time_in_words(timedelta(seconds=each)) for each in (-1, 0, 59, 60, 7_200, 200_000)] == [
        "0s", "0s", "59s", "1m", "2h", "2d",
    ]  # fmt: skip
    assert ago((now - timedelta(minutes=5)).isoformat(), now) == "5m ago"
    assert ago(None, now) == "never"
    assert ahead((now + timedelta(seconds=12)).isoformat(), now) == "for another 12s"
    assert ahead(None, now) == ""
