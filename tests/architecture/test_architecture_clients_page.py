"""Checks of docs/clients.md that need no client. A journey runs its commands and uses its files."""

import json
import re
import tomllib

import pytest
import yaml

from ecr_emulator.domain.addresses import STYLES, Addresses
from ecr_emulator.domain.names import Registry
from ecr_emulator.serving.certificates import registry_names
from tests.support.clients_page import TEXT, sections

FILES = [file for section in sections().values() for file in section.files]
READERS = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}


def test_the_page_lists_the_uri_of_each_style():
    written = dict(re.findall(r"^\| `(\w+)` \| `(\S+)` \|", TEXT, re.MULTILINE))
    registry = Registry("123456789012", "us-east-1")
    assert written == {
        style: Addresses(style).repository_uri(registry, "team/app", "localhost:4566", caller=registry)
        for style in STYLES
    }


def test_the_certificate_covers_the_endpoints_that_the_page_says_it_does():
    names = registry_names()
    assert "its certificate covers that name in all Regions" in TEXT
    assert {f"api.ecr.{region}.amazonaws.com" for region in ("us-east-1", "eu-west-1", "ap-southeast-7")} <= set(names)
    assert not [name for name in names if name.endswith(".api.aws")]


@pytest.mark.parametrize("file", [file for file in FILES if file.language in READERS], ids=lambda file: file.path)
def test_a_file_of_the_page_is_well_formed(file):
    assert READERS[file.language](file.text)


def test_files_for_clusters_name_the_hosts_that_containerd_was_tried_with():
    """The tests cannot start k3d and nodes of kind, but containerd was tried with the same hosts."""
    (k3d,) = (READERS[file.language](file.text) for file in sections()["k3d"].files)
    ((registry, mirror),) = k3d["mirrors"].items()
    hosts = [file for file in FILES if file.path.endswith("hosts.toml")]
    assert {file.path.split("/")[-2] for file in hosts} == {registry}
    assert {tomllib.loads(file.text)["server"] for file in hosts} == {f"https://{registry}"}
    assert all(endpoint.endswith(":4566") for endpoint in mirror["endpoint"])
