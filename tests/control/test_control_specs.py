"""What specs/ says of the API, and the script that says it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from ecr_emulator.control.emulated import emulated_handlers

ROOT = Path(__file__).parents[2]


@pytest.fixture
def refresh(monkeypatch, tmp_path):
    """The script, at work in a directory of its own."""
    spec = importlib.util.spec_from_file_location("refresh_specs", ROOT / "scripts" / "refresh_specs.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "ROOT", tmp_path)
    monkeypatch.setattr(script, "SPECS", tmp_path / "specs")
    monkeypatch.setattr(script, "AWS", tmp_path / "specs" / "aws" / "ecr")
    return script


def test_what_is_emulated_stays_emulated():
    coverage = json.loads((ROOT / "specs" / "coverage.json").read_text(encoding="utf-8"))
    assert {name for name, state in coverage.items() if state == "emulated"} <= emulated_handlers().keys()


def test_what_was_written_is_up_to_date(refresh, capsys):
    assert refresh.main([]) == 0
    assert refresh.main(["--check"]) == 0
    assert capsys.readouterr().out == "specs/ is up to date\n"


def test_a_difference_is_summed_up(refresh, capsys):
    refresh.main([])
    coverage = refresh.SPECS / "coverage.json"
    coverage.write_text(coverage.read_text().replace("emulated", "refused", 1))
    (refresh.AWS / "responses" / "Gone.json").write_text("{}")
    assert refresh.main(["--check"]) == 1
    output = capsys.readouterr().out
    assert "specs/coverage.json: 2 lines differ" in output
    assert "specs/aws/ecr/responses/Gone.json: ECR has no such operation" in output
    refresh.main([])
    assert refresh.main(["--check"]) == 0


def test_another_argument_is_explained(refresh, capsys):
    assert refresh.main(["--chek"]) == 2
    assert "usage" in capsys.readouterr().err
