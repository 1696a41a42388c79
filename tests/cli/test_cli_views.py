"""Commands that show what an emulator has: repositories, images, findings, templates, events, its state."""

import json
import signal
import subprocess
from datetime import UTC, datetime, timedelta, timezone

import click
import pytest
import requests

from ecr_emulator.testing.embedded import EcrEmulator
from tests.support.command_line import invoke
from tests.support.processes import COMMAND, environment

ACCOUNT, REGION = "123456789012", "eu-west-1"
HERE = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_REGION": REGION}
FINDING = {
    "name": "CVE-2026-1",
    "severity": "HIGH",
    "description": "a hole",
    "attributes": [{"key": "package_name", "value": "bash"}, {"key": "package_version", "value": "5.2"}],
}


@pytest.fixture(scope="module")
def emulator():
    with EcrEmulator() as running:
        yield running


@pytest.fixture(scope="module")
def ecr(emulator):
    """Return a client of a registry that is not the emulator's own, with an image."""
    ecr = emulator.client("ecr", account=ACCOUNT, region_name=REGION)
    ecr.create_repository(repositoryName="team/app")
    emulator.push_image("team/app", "v1", account=ACCOUNT, region=REGION)
    return ecr


def shown(emulator, *arguments, **variables):
    done = invoke(emulator, *arguments, **HERE | variables)
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(emulator, *arguments):
    done = invoke(emulator, *arguments, **HERE)
    assert done.exit_code in (1, 2)
    assert done.stdout == ""
    return done.exit_code, done.stderr


def test_a_registry_is_named_by_the_variables_of_aws_or_by_flags(emulator, ecr):
    assert "team/app" in shown(emulator, "repos")
    own = {"AWS_ACCESS_KEY_ID": "", "AWS_REGION": ""}
    assert shown(emulator, "repos", **own) == "There are no repositories in 000000000000, us-east-1.\n"
    assert "team/app" in shown(emulator, "repos", "--account", ACCOUNT, "--region", REGION, **own)


def test_json_has_the_members_of_the_api_with_times_in_iso_format(emulator, ecr):
    (image,) = json.loads(shown(emulator, "images", "team/app", "--json"))
    (expected,) = ecr.describe_images(repositoryName="team/app")["imageDetails"]
    pushed_at = datetime.fromisoformat(image["imagePushedAt"])
    assert image | {"imagePushedAt": pushed_at} == expected
    assert pushed_at.utcoffset() == timedelta()


def test_looking_at_an_image_counts_as_no_pull(emulator, ecr):
    image = json.loads(shown(emulator, "image", "team/app:v1", "--json"))
    assert image["manifest"]["config"]["digest"] in shown(emulator, "image", "team/app:v1")
    (detail,) = ecr.describe_images(repositoryName="team/app")["imageDetails"]
    assert "lastRecordedPullTime" not in detail


def test_an_image_is_shown_with_its_referrers_and_by_the_registry_in_its_name(emulator, ecr):
    ecr.create_repository(repositoryName="team/signed")
    named = {"account": ACCOUNT, "region": REGION}
    pushed = emulator.push_image("team/signed", "v1", referrers=["application/spdx+json"], **named)
    name = f"localhost:1/{ACCOUNT}/{REGION}/team/signed@{pushed.digest}"
    assert "referrers\n  application/spdx+json" in shown(emulator, "image", name, AWS_REGION="us-east-1")
    assert "  artifact  " in shown(emulator, "images", "team/signed")


def test_findings_are_listed_or_missing(emulator, ecr):
    code, reason = refused(emulator, "findings", "team/app:v1")
    assert (code, "ScanNotFoundException" in reason) == (1, True)
    digest = json.loads(shown(emulator, "image", "team/app:v1", "--json"))["imageDigest"]
    requests.put(f"{emulator.endpoint_url}/_ecr/findings/{digest}", json={"findings": [FINDING]}, timeout=10)
    ecr.start_image_scan(repositoryName="team/app", imageId={"imageTag": "v1"})
    assert shown(emulator, "findings", "team/app:v1").splitlines() == [
        "NAME        SEVERITY  PACKAGE  VERSION  DESCRIPTION",
        "CVE-2026-1  HIGH      bash     5.2      a hole",
    ]
    assert json.loads(shown(emulator, "findings", "team/app:v1", "--json"))["findings"] == [FINDING]
    assert "COMPLETE (1 HIGH)" in shown(emulator, "image", "team/app:v1")


def test_a_template_is_a_row(emulator, ecr):
    ecr.create_repository_creation_template(prefix="ROOT", appliedFor=["REPLICATION"], imageTagMutability="IMMUTABLE")
    assert shown(emulator, "templates").splitlines()[1].split() == [
        "ROOT",
        "REPLICATION",
        "immutable",
        "AES256",
        "-",
        "-",
    ]
    (template,) = json.loads(shown(emulator, "templates", "--json"))
    assert template["prefix"] == "ROOT"


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["images", "team/apq"], 1, "Did you mean team/app?"),
        (["images", "zzz"], 1, "'zzz' does not exist in the registry with id '123456789012'\n"),
        (["images", "Team"], 2, "'Team' is not a repository name"),
        (["images", "team/app:v1"], 2, "ecr-emulator image team/app:v1 shows it"),
        (["image", "team/app:v11"], 1, "Did you mean v1?"),
        (["image", "team/app@v1"], 2, "'v1' is not a digest"),
        (["clock", "advance", "soon"], 2, "advance needs a length of time, like 25h or 7d: 'soon'"),
        (["clock", "advance"], 2, "advance needs a length of time"),
        (["clock", "set", "noon"], 2, "set needs a time, like 2030-01-01T00:00:00Z"),
        (["clock", "set", "2030-01-01T00:00:00"], 1, "the time needs a time zone"),
        (["clock", "freeze", "now"], 2, "freeze takes no value"),
        (["clock", "back"], 2, "'back' is not one of 'advance', 'set', 'freeze', 'follow-machine'"),
        (["lifecycle", "preview"], 2, "preview needs a repository, like: lifecycle preview team/web"),
        (["lifecycle", "preview", "team/app"], 1, "LifecyclePolicyNotFoundException"),
        (["lifecycle", "preview", "team/app", "--policy", "none.json"], 2, "'none.json' does not exist"),
        (["wait", "--timeout", "long"], 2, "'long' is not a length of time"),
        (["events", "--after", "-1"], 2, "-1 is not in the range"),
    ],
)
def test_wrong_arguments_are_refused_with_a_sentence(emulator, ecr, arguments, code, reason):
    done = refused(emulator, *arguments)
    assert done[0] == code
    assert reason in " ".join(done[1].split()) + "\n"


@pytest.mark.parametrize("command", ["repos", "images", "templates", "events", "clock", "lifecycle", "status"])
def test_without_an_emulator_each_command_says_so(command):
    done = invoke(None, command, "--port", "1")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: No emulator on port 1: Connection refused")


def test_the_clock_is_moved_set_and_stopped(emulator):
    before = datetime.fromisoformat(json.loads(shown(emulator, "clock", "freeze", "--json"))["now"])
    assert shown(emulator, "clock", "advance", "1d12h") == f"{(before + timedelta(hours=36)).isoformat()}\n"
    later = (before + timedelta(days=10)).astimezone(timezone(timedelta(hours=1)))
    assert shown(emulator, "clock", "set", later.isoformat()) == f"{later.astimezone(UTC).isoformat()}\n"
    assert "behind" not in shown(emulator, "status")
    assert "ahead of this machine" in shown(emulator, "status")
    shown(emulator, "clock", "follow-machine")
    assert "this machine" not in shown(emulator, "status")


def test_a_policy_in_a_file_is_previewed_and_the_stored_policies_are_evaluated(emulator, ecr, tmp_path):
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}
    policy = json.dumps({"rules": [{"rulePriority": 7, "selection": selection, "action": {"type": "expire"}}]})
    (tmp_path / "policy.json").write_text(policy)
    ecr.create_repository(repositoryName="team/old")
    for tag in ("1", "2"):
        emulator.push_image("team/old", tag, account=ACCOUNT, region=REGION)
    preview = shown(emulator, "lifecycle", "preview", "team/old", "--policy", str(tmp_path / "policy.json"))
    assert [line.split()[:2] for line in preview.splitlines()] == [["RULE", "ACTION"], ["7", "EXPIRE"]]
    ecr.put_lifecycle_policy(repositoryName="team/old", lifecyclePolicyText=policy)
    assert shown(emulator, "lifecycle") == "1 lifecycle policy evaluated.\n"
    assert len(json.loads(shown(emulator, "images", "team/old", "--json"))) == 1


def test_events_are_followed_until_an_interrupt(emulator, ecr, tmp_path):
    how = {"cwd": tmp_path, "env": environment(AWS_ENDPOINT_URL=emulator.endpoint_url, PYTHONUNBUFFERED="1")}
    arguments = [*COMMAND, "events", "--follow", "--json", "--account", ACCOUNT, "--region", REGION]
    # It takes no lock, and so does no harm between fork and exec.
    how["preexec_fn"] = _heed_interrupts
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, **how) as process:
        try:
            first = json.loads(process.stdout.readline())
            assert (first["account"], first["detail"]["image-tag"]) == (ACCOUNT, "v1")
            emulator.push_image("team/app", "v9", account=ACCOUNT, region=REGION)
            assert any('"v9"' in line for line in process.stdout)
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()


def _heed_interrupts():
    """Undo what a shell does with its background processes, of which this test may be one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_events_are_printed_one_on_a_line(emulator, ecr):
    lines = shown(emulator, "events", "--account", ACCOUNT).splitlines()
    assert lines[0].endswith("Z  ECR Image Action  team/app:v1  PUSH  SUCCESS")
    assert len(shown(emulator, "events", "--json").splitlines()) >= len(lines)
    assert shown(emulator, "events", "--region", "us-west-1") == ""


def test_colours_are_for_terminals_and_no_color_turns_them_off(emulator, ecr):
    shown(emulator, "clock", "freeze")  # so that ages are equal
    coloured = invoke(emulator, "images", color=True, **HERE).stdout
    assert "\x1b[32mACTIVE\x1b[0m" in coloured
    assert invoke(emulator, "images", color=True, **HERE, NO_COLOR="1").stdout == click.unstyle(coloured)
    assert shown(emulator, "images") == click.unstyle(coloured)
