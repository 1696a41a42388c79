"""CI installs every client that journeys need, and a journey without its client fails in CI."""

import re
from pathlib import Path

import pytest

from tests.support.programs import program

ROOT = Path(__file__).parents[2]
INSTALLED_WITH = {
    "aws": "awscli", "ctr": "containerd", "docker": "docker.io", "dockerd": "docker.io", "ip": "iproute2",
    "rpmbuild": "rpm", "systemd-analyze": "systemd",
}  # fmt: skip
"""Packages by the name of their program, if the names differ."""
EVERYWHERE = {"script", "unshare"}


def test_a_missing_client_skips_a_journey_locally_and_fails_it_in_ci(monkeypatch):
    monkeypatch.delenv("JOURNEYS_REQUIRE_CLIENTS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-client is not installed"):
        program("no-such-client")
    monkeypatch.setenv("JOURNEYS_REQUIRE_CLIENTS", "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-client is not installed"):
        program("no-such-client")


def sources(*folders):
    return "".join(path.read_text(encoding="utf-8") for each in folders for path in (ROOT / each).rglob("*.py"))


def test_ci_installs_and_requires_every_client():
    clients = sources("tests/journeys", "tests/support")
    asked = re.findall(r'\bprogram\("([\w-]+)"\)', clients + sources("scripts"))
    programs = {*asked, *re.findall(r'^    name = "([\w-]+)"$', clients, re.MULTILINE)} - EVERYWHERE
    assert {"docker", "crane", "buildkitd", "conformance"} <= programs
    told = (ROOT / ".ci" / "run").read_text(encoding="utf-8") + (ROOT / "tox.ini").read_text(encoding="utf-8")
    missing = {each for each in programs if not re.search(rf"\b{re.escape(INSTALLED_WITH.get(each, each))}\b", told)}
    assert not missing
    assert "JOURNEYS_REQUIRE_CLIENTS=1 .venv/bin/tox -e journeys" in told
