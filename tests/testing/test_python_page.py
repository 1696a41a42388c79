"""docs/python.md and the README: their Python examples run as they stand, and the page names what there is."""

import inspect
import re
from pathlib import Path

import pytest

from ecr_emulator import EcrEmulator
from ecr_emulator.services import request_faults
from ecr_emulator.testing import pytest_plugin
from ecr_emulator.testing.endpoint import EcrEndpoint
from ecr_emulator.testing.faults import EcrFaults, FaultInjector, UpstreamFaults
from ecr_emulator.testing.running import RunningEcrEmulator
from ecr_emulator.upstream import faults as upstream_faults

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


def examples(page):
    """Return the Python examples of a page by the file name in their first line."""
    blocks = re.findall(r"^```python\n# (\S+\.py)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return dict(blocks)


def test_the_examples_of_faults_and_upstreams_pass(run_suite):
    pages = [(ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("faults.md", "upstreams.md")]
    run_suite(examples(pages[0]) | examples(pages[1])).assert_outcomes(passed=3)


def test_the_examples_of_the_page_pass(run_suite):
    suites = {name: text for name, text in examples(PAGE).items() if name != "asynchronous.py"}
    assert len(suites) == 5
    run_suite(suites).assert_outcomes(passed=5)


@pytest.mark.parametrize(
    ("heading", "methods", "kinds"),
    [
        ("Kinds", EcrFaults, request_faults.KINDS),
        ("Faults of upstreams", UpstreamFaults, upstream_faults.KINDS),
    ],
)
def test_python_and_http_have_the_same_faults_and_the_page_names_them(heading, methods, kinds):
    section = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", section.partition("\n## ")[0], re.MULTILINE)
    others = {name for name in vars(FaultInjector) if not name.startswith("_")} | {"at_upstream"}
    assert {kind for _, kind in rows} == set(kinds)
    assert {name for name, _ in rows} == {name for name in dir(methods) if not name.startswith("_")} - others


def test_the_example_of_the_readme_is_one_of_them():
    readme = examples((ROOT / "README.md").read_text(encoding="utf-8"))
    (text,) = readme.values()
    assert examples(PAGE)["test_cleanup.py"] == text
    assert len(text.strip().replace("\n\n", "\n").splitlines()) <= 10


def test_every_fixture_is_in_the_table():
    fixtures = {name for name in vars(pytest_plugin) if name.startswith("ecr")}
    assert set(re.findall(r"^\| `(ecr\w*)` \|", PAGE, re.MULTILINE)) == fixtures


@pytest.mark.parametrize("kind", [EcrEmulator, RunningEcrEmulator, EcrEndpoint])
def test_every_public_member_is_in_the_table(kind):
    table = set(re.findall(r"`(\w+)[`(]", "".join(re.findall(r"^\| `.*?\|", PAGE, re.MULTILINE))))
    members = {name for name, _ in inspect.getmembers(kind) if not name.startswith("_")}
    assert members - table == set()
