"""The pytest plugin in suites as users have them: with warnings as errors, xdist, other plugins and other mocks."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ecr_emulator import EcrEmulator
from tests.support.storage import row_counts

pytest_plugins = ["pytester"]

PLUGIN = "ecr_emulator.testing.pytest_plugin"
ROOT = Path(__file__).parents[2]

EVERY_FIXTURE = """
    import json
    import os
    from datetime import UTC, datetime, timedelta
    from urllib.request import Request, urlopen

    import boto3
    import pytest


    @pytest.mark.parametrize("time", [1, 2])
    def test_every_test_begins_with_an_empty_registry(ecr, time):
        assert ecr.describe_repositories()["repositories"] == []
        ecr.create_repository(repositoryName="team/app")


    def test_time_moves(ecr, ecr_clock):
        ecr_clock.freeze(datetime(2030, 1, 1, tzinfo=UTC))
        token = ecr.get_authorization_token()["authorizationData"][0]
        assert token["expiresAt"] == ecr_clock.now() + timedelta(hours=12)


    def test_time_is_real_again(ecr_emulator):
        assert ecr_emulator.clock.now().year < 2030


    def test_docker_logs_in(ecr, ecr_registry):
        ecr.create_repository(repositoryName="team/app")
        auth = ecr_registry.docker_config()["auths"][ecr_registry.address]["auth"]
        request = Request(f"http://{ecr_registry.address}/v2/team/app/tags/list")
        request.add_header("Authorization", f"Basic {auth}")
        with urlopen(request, timeout=30) as answer:
            assert json.load(answer)["name"] == "team/app"


    def test_events_begin_with_the_test(ecr, ecr_events):
        assert list(ecr_events) == []
        ecr.create_repository(repositoryName="team/app")
        raw = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []})
        ecr.put_image(repositoryName="team/app", imageManifest=raw, imageTag="1.0")
        (event,) = ecr_events.of_type("ECR Image Action")
        assert (len(ecr_events), ecr_events[0]) == (1, event)
        assert event["detail"]["image-tag"] == "1.0"


    def test_a_fault_ends_with_its_test(ecr, ecr_faults):
        ecr_faults.throttle("DescribeRepositories")
        with pytest.raises(ecr.exceptions.ClientError, match="ThrottlingException"):
            ecr.describe_repositories()


    def test_no_fault_is_left(ecr):
        ecr.describe_repositories()


    @pytest.mark.parametrize("time", [1, 2])
    def test_an_upstream_fails_and_ends_with_its_test(ecr, ecr_emulator, ecr_upstream, ecr_clock, time):
        ecr_clock.freeze()
        quay = ecr_upstream("quay.io")
        assert quay.requests == []
        digest = quay.push_image("team/app", "v1")
        ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
        fault = quay.faults.answer(503, count=1)
        assert ecr_emulator.pull("quay/team/app:v1").digest == digest
        assert fault.hits == 1


    def test_code_that_makes_its_own_clients_finds_the_emulator(ecr_environment):
        with_defaults = boto3.client("ecr")
        with_defaults.create_repository(repositoryName="team/app")
        assert os.environ["AWS_ENDPOINT_URL"] in with_defaults.meta.endpoint_url
        assert "AWS_PROFILE" not in os.environ
        with_defaults.close()


    def test_no_fixture_is_used_without_being_asked(request):
        assert not [name for name in request.fixturenames if name.startswith("ecr")]


    def test_the_environment_is_as_it_was():
        assert os.environ["AWS_PROFILE"] == "of-the-user"
        assert "AWS_ENDPOINT_URL" not in os.environ
"""


def names(ecr):
    return [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]


def test_every_fixture_with_warnings_as_errors(run_suite, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "of-the-user")
    run_suite({"test_suite.py": EVERY_FIXTURE}).assert_outcomes(passed=13)


@pytest.mark.slow
def test_every_worker_of_xdist_has_an_emulator_of_its_own(run_suite, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "of-the-user")
    run_suite({"test_suite.py": EVERY_FIXTURE}, "-n", "2", plugins=["xdist"]).assert_outcomes(passed=13)


def test_a_suite_beside_others_at_a_running_emulator(run_suite, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "of-the-user")
    with EcrEmulator() as shared:
        shared.client("ecr").create_repository(repositoryName="of/somebody/else")
        result = run_suite({"test_suite.py": EVERY_FIXTURE}, "--ecr-emulator-url", shared.endpoint_url)
        result.assert_outcomes(passed=13)
        result.stdout.fnmatch_lines([f"ecr-emulator: {shared.endpoint_url}"])
        assert names(shared.client("ecr")) == ["of/somebody/else"]
        assert row_counts(shared._emulator.services.store)["repositories"] == 1


def test_a_suite_with_snapshots_is_told_what_a_running_emulator_has_instead(run_suite):
    suite = {"test_suite.py": "def test_one(ecr_emulator):\n    ecr_emulator.snapshot()\n"}
    with EcrEmulator() as shared:
        result = run_suite(suite, "--ecr-emulator-url", shared.endpoint_url)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*NotImplementedError: *no snapshot() and restore()*ecr_state*save_snapshot(path)*"])


def test_an_address_at_which_nothing_runs_is_named(run_suite):
    suite = {"test_suite.py": "def test_one(ecr):\n    pass\n"}
    result = run_suite(suite, "--ecr-emulator-url", "http://127.0.0.1:9")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*No emulator answers at http://127.0.0.1:9: *"])


def test_a_suite_chooses_settings_and_the_state_of_its_tests(run_suite):
    conftest = """
        import pytest


        @pytest.fixture(scope="session")
        def ecr_emulator_settings():
            return {"account": "123456789012", "region": "eu-west-1"}


        @pytest.fixture
        def ecr_state(ecr_emulator):
            ecr_emulator.reset()
            ecr_emulator.client("ecr").create_repository(repositoryName="team/app")
    """
    suite = """
        def test_the_state_is_there(ecr):
            (found,) = ecr.describe_repositories()["repositories"]
            assert found["repositoryArn"] == "arn:aws:ecr:eu-west-1:123456789012:repository/team/app"
    """
    run_suite({"conftest.py": conftest, "test_suite.py": suite}).assert_outcomes(passed=1)


BESIDE_OTHERS = """
    from datetime import UTC, datetime

    import boto3
    import time_machine
    from freezegun import freeze_time
    from moto import mock_aws


    def names(client):
        return [each["repositoryName"] for each in client.describe_repositories()["repositories"]]


    @freeze_time("2021-05-06 07:08:09")
    def test_freezegun_stops_the_emulator_too(ecr):
        created = ecr.create_repository(repositoryName="team/app")["repository"]["createdAt"]
        assert created == datetime(2021, 5, 6, 7, 8, 9, tzinfo=UTC)


    def test_time_machine_moves_the_emulator_too(ecr, ecr_registry):
        password = ecr_registry.password
        with time_machine.travel(datetime(2031, 2, 3, tzinfo=UTC), tick=False) as traveller:
            assert ecr.create_repository(repositoryName="team/app")["repository"]["createdAt"].year == 2031
            traveller.shift(3600)
            assert ecr.get_authorization_token()["authorizationData"][0]["expiresAt"].hour == 13
        assert password


    def test_a_clock_that_is_set_ignores_frozen_time(ecr, ecr_clock):
        ecr_clock.freeze(datetime(2030, 1, 1, tzinfo=UTC))
        with freeze_time("2021-05-06"):
            assert ecr.create_repository(repositoryName="team/app")["repository"]["createdAt"].year == 2030


    def test_moto_and_the_emulator_have_registries_of_their_own(ecr):
        with mock_aws():
            mocked = boto3.client("ecr", "us-east-1")
            mocked.create_repository(repositoryName="of/moto")
            ecr.create_repository(repositoryName="of/the/emulator")
            assert (names(mocked), names(ecr)) == (["of/moto"], ["of/the/emulator"])
        assert names(ecr) == ["of/the/emulator"]


    def test_clients_are_not_mocked_after_the_emulator_was_used(ecr):
        assert names(ecr) == []
"""


def test_a_suite_with_freezegun_time_machine_and_mock_aws(run_suite):
    for library in ("freezegun", "time_machine"):
        pytest.importorskip(library)
    run_suite({"test_suite.py": BESIDE_OTHERS}).assert_outcomes(passed=5)


def test_the_installed_package_brings_the_plugin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"ecr-emulator": PLUGIN}


def test_loading_the_plugin_imports_nothing_but_pytest():
    probe = (
        f"import sys, pytest; before = {{*sys.modules}}; import {PLUGIN}; print(' '.join({{*sys.modules}} - before))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert loaded == {"ecr_emulator", "ecr_emulator.version", "ecr_emulator.testing", PLUGIN}
