"""Each upstream of ECR is in the warnings about the upstream map, in the tests' descriptions, and on the page."""

import re
from pathlib import Path

import pytest

from ecr_emulator.domain import unknown_hosts
from ecr_emulator.domain.upstreams import UPSTREAM_KINDS
from ecr_emulator.testing.upstream import kinds

PAGE = Path(__file__).parents[2] / "docs" / "pull-through-cache.md"
EXAMPLES = {"<name>": "contoso", "<account>": "210987654321", "<region>": "eu-west-1"}


def hosts_of_the_page():
    table = PAGE.read_text(encoding="utf-8").partition("\n## The upstreams\n")[2].partition("\n## ")[0]
    hosts = " ".join(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE))
    for placeholder, example in EXAMPLES.items():
        hosts = hosts.replace(placeholder, example)
    return hosts.split()


def hosts_of_the_tests():
    return [each.host for each in vars(kinds).values() if isinstance(each, kinds.UpstreamKind)]


@pytest.mark.parametrize("hosts", [hosts_of_the_page, hosts_of_the_tests])
@pytest.mark.parametrize("kind", UPSTREAM_KINDS, ids=lambda kind: kind.name)
def test_an_upstream_has_a_row_and_a_description(kind, hosts):
    assert len([host for host in hosts() if kind.url.fullmatch(host)]) == 1


@pytest.mark.parametrize("kind", UPSTREAM_KINDS, ids=lambda kind: kind.name)
def test_a_misspelt_host_is_recognized(kind):
    host = kind.url.pattern.replace("\\", "")
    has_one_host = re.fullmatch(r"[a-z0-9.-]+", host)
    assert not has_one_host or host in unknown_hosts.UPSTREAMS
