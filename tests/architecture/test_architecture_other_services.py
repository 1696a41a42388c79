"""The page about other services lists what moto has, and which extras its services need."""

import re
import tomllib
from pathlib import Path

import pytest

from ecr_emulator.settings import SETTINGS

ROOT = Path(__file__).parents[2]
LEFT_OUT = {"ecr", "instance_metadata", "moto_api._internal"}
"""Packages of moto that are no services here: ECR is our own, and the others are moto's own API."""


@pytest.fixture
def page():
    return (ROOT / "docs" / "other-services.md").read_text(encoding="utf-8")


def section(page, title):
    return page.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_the_page_lists_all_services_of_moto(page):
    from moto.backend_index import backend_url_patterns

    listed = re.findall(r"`([a-z0-9]+)`", section(page, "All services").partition("Some of")[0])
    assert listed == sorted({name for name, _ in backend_url_patterns} - LEFT_OUT)


def test_the_page_lists_the_services_that_need_an_extra(page):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [companions] = project["optional-dependencies"]["companions"]
    needing = re.fullmatch(r"moto\[([a-z0-9,]+)\]", companions)[1].split(",")
    sentence = section(page, "All services").partition("`ecr-emulator[companions]` for ")[2]
    assert re.findall(r"`([a-z0-9]+)`", sentence.partition(", and `ecr-emulator")[0]) == needing


def test_flags_on_the_page_exist(page):
    assert set(re.findall(r"`(--[a-z][a-z-]+)", page)) <= {setting.flag for setting in SETTINGS.values()}
