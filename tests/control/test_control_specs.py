"""The files of specs/, the script that writes them, and the effect of a newer API."""

from __future__ import annotations

import copy
import importlib.util
import json
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from ecr_emulator.control import dispatch, model
from ecr_emulator.control.handlers import HANDLERS, LACKING, lacks
from tests.support.boto import ENDPOINT, send_in_process

ROOT = Path(__file__).parents[2]
HAND_WRITTEN = (
    "docs/fidelity.md",
    "specs/fidelity.toml",
    "docs/pull-through-cache.md",
    "specs/considerations.toml",
)
CACHED = (
    model.service_model,
    model.target_prefix,
    model.wire_names,
    model.error_members,
    dispatch.find_operation,
    dispatch.handlers_by_operation,
    dispatch._validator,
)


@pytest.fixture
def refresh(monkeypatch, tmp_path):
    """Return the script. It reads and writes in a directory of its own."""
    spec = importlib.util.spec_from_file_location("refresh_specs", ROOT / "scripts" / "refresh_specs.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "ROOT", tmp_path)
    monkeypatch.setattr(script, "SPECS", tmp_path / "specs")
    monkeypatch.setattr(script, "AWS", tmp_path / "specs" / "aws" / "ecr")
    monkeypatch.setattr(script, "DOCS", tmp_path / "docs")
    for name in HAND_WRITTEN:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    return script


def forget():
    """Clear the caches of the model and the handlers."""
    for cached in CACHED:
        cached.cache_clear()


@pytest.fixture
def without_put_image(monkeypatch):
    """Remove the handler of PutImage."""
    with monkeypatch.context() as change:
        change.delitem(HANDLERS, "put_image")
        forget()
        yield
    forget()


@pytest.fixture
def newer_api(monkeypatch, tmp_path):
    """Simulate a later botocore, whose model and client have one more operation."""
    load = model.load
    document = copy.deepcopy(load("service-2"))
    document["operations"]["BrewImage"] = document["operations"]["DescribeRegistry"] | {"name": "BrewImage"}
    directory = tmp_path / "data" / "ecr" / "2015-09-21"
    directory.mkdir(parents=True)
    (directory / "service-2.json").write_text(json.dumps(document))
    with monkeypatch.context() as change:
        change.setenv("AWS_DATA_PATH", str(tmp_path / "data"))
        change.setattr(model, "load", lambda kind: document if kind == "service-2" else load(kind))
        forget()
        yield
    forget()


@pytest.fixture
def newer_ecr(newer_api, plane):
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="any", region_name="us-east-1")
    client = session.client("ecr", endpoint_url=ENDPOINT, config=Config(retries={"total_max_attempts": 1}))
    send_in_process(client, plane.wsgi)
    return client


def committed():
    return coverage_in(ROOT / "specs")


def coverage_in(specs):
    return json.loads((specs / "coverage.json").read_text(encoding="utf-8"))["operations"]


# --- Coverage --------------------------------------------------------------------------------------------


def test_the_coverage_file_agrees_with_the_code(refresh):
    """Compare only operations that both contain. The script reports the others as changes of ECR."""
    now = refresh.coverage()
    known = committed().keys() & now.keys()
    assert {name: committed()[name] for name in known} == {name: now[name] for name in known}


def test_no_operation_has_lost_coverage(refresh):
    assert list(refresh.worsened(committed(), refresh.coverage())) == []


@pytest.mark.parametrize(
    ("before", "now"),
    [("emulated", {"partial": "half"}), ("emulated", "refused"), ({"partial": "half"}, "refused")],
)
def test_the_coverage_may_only_improve(refresh, before, now):
    assert len(list(refresh.worsened({"PutImage": before}, {"PutImage": now}))) == 1
    assert list(refresh.worsened({"PutImage": now}, {"PutImage": before})) == []


def test_the_text_of_a_gap_may_change(refresh):
    assert list(refresh.worsened({"PutImage": {"partial": "half"}}, {"PutImage": {"partial": "a third"}})) == []


def test_the_gap_of_an_operation_is_declared_at_its_handler(monkeypatch):
    monkeypatch.setattr("ecr_emulator.control.handlers.LACKING", declared := {})

    @lacks("the tea")
    def put_image(request, members):
        return {}

    assert put_image(None, {}) == {}
    assert declared == {"put_image": "the tea"}


def test_a_gap_must_belong_to_an_operation(refresh, monkeypatch):
    monkeypatch.setitem(LACKING, "make_tea", "the tea")
    with pytest.raises(LookupError, match="make_tea"):
        refresh.coverage()


def test_a_new_gap_makes_an_operation_partial_and_is_a_step_back(refresh, monkeypatch, capsys):
    refresh.main([])
    monkeypatch.setitem(LACKING, "put_image", "half of it")
    assert refresh.coverage()["PutImage"] == {"partial": "half of it"}
    assert refresh.main(["--check"]) == 1
    assert "PutImage was emulated and is partial now; the coverage may only improve" in capsys.readouterr().out


def test_a_missing_handler_is_reported_and_not_written(refresh, request, capsys):
    refresh.main([])
    request.getfixturevalue("without_put_image")
    assert refresh.main([]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "PutImage was emulated and is refused now; the coverage may only improve",
        "Nothing was written.",
    ]
    assert coverage_in(refresh.SPECS)["PutImage"] == "emulated"
    assert refresh.main(["--check"]) == 1


# --- Files -----------------------------------------------------------------------------------------------


def test_written_files_are_up_to_date(refresh, capsys):
    assert refresh.main([]) == 0
    assert refresh.main(["--check"]) == 0
    assert capsys.readouterr().out == "specs/ and docs/ are up to date\n"


def test_a_difference_is_summarized(refresh, capsys):
    refresh.main([])
    version = refresh.AWS / "paginators-1.json"
    version.write_text(version.read_text().replace("nextToken", "token", 1))
    (refresh.AWS / "responses" / "Gone.json").write_text("{}")
    assert refresh.main(["--check"]) == 1
    output = capsys.readouterr().out
    assert "specs/aws/ecr/paginators-1.json: 2 lines differ" in output
    assert "specs/aws/ecr/responses/Gone.json: ECR has no such operation" in output
    refresh.main([])
    assert refresh.main(["--check"]) == 0


def test_a_page_with_another_coverage_is_stale(refresh, capsys):
    refresh.main([])
    page = refresh.DOCS / "fidelity.md"
    page.write_text(page.read_text().replace("| emulated |", "| perfect |", 1))
    assert refresh.main(["--check"]) == 1
    assert "docs/fidelity.md: 2 lines differ" in capsys.readouterr().out


def test_an_unknown_argument_prints_the_usage(refresh, capsys):
    assert refresh.main(["--chek"]) == 2
    assert "usage" in capsys.readouterr().err


# --- A newer API -----------------------------------------------------------------------------------------


def test_a_new_operation_is_refused_by_name(newer_ecr):
    with pytest.raises(ClientError) as refused:
        newer_ecr.brew_image()
    assert refused.value.response["Error"] == {
        "Code": "UnknownOperationException",
        "Message": "BrewImage is an operation of Amazon ECR that is not emulated yet.",
    }


def test_other_operations_work_beside_a_new_one(newer_ecr):
    newer_ecr.create_repository(repositoryName="team/app")
    assert [each["repositoryName"] for each in newer_ecr.describe_repositories()["repositories"]] == ["team/app"]
    assert newer_ecr.describe_registry()["replicationConfiguration"] == {"rules": []}
    assert newer_ecr.get_authorization_token()["authorizationData"]


def test_a_new_operation_is_reported_and_then_written(refresh, request, capsys):
    refresh.main([])
    request.getfixturevalue("newer_api")
    assert refresh.main(["--check"]) == 1
    report = capsys.readouterr().out.splitlines()
    assert report[0] == "BrewImage is a new operation of Amazon ECR; it is refused"
    assert any(line.startswith("specs/coverage.json: ") for line in report)
    assert refresh.main([]) == 0
    assert refresh.main(["--check"]) == 0
    assert coverage_in(refresh.SPECS)["BrewImage"] == "refused"
    assert "| refused | not known yet |" in (refresh.DOCS / "fidelity.md").read_text()


def test_an_operation_that_ecr_removed_is_reported_and_not_a_step_back(refresh):
    assert list(refresh.news({"Old": "emulated"}, {})) == ["Old is not an operation of Amazon ECR any more"]
    assert list(refresh.worsened({"Old": "emulated"}, {})) == []
