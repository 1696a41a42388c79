"""Nodes on one state, in PostgreSQL."""

import pytest

from ecr_emulator.storage.blobs.s3_place import read_place
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.pull_through import Cache


@pytest.fixture
def nodes(start_nodes):
    """Two nodes."""
    return start_nodes()


def _place(request, kind):
    """Return the settings of nodes whose blobs are in a folder, or in S3."""
    return {"blobs": read_place(request.getfixturevalue("s3_server").new_url())} if kind == "s3" else {}


@pytest.fixture(params=["folder", "s3"])
def nodes_anywhere(request, start_nodes):
    """Two nodes, whose blobs are in a folder, or in S3."""
    return start_nodes(**_place(request, request.param))


@pytest.fixture
def upstream():
    """The upstream of ``caches``."""
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def caching_nodes(request, start_nodes, upstream):
    """Two nodes that pull ``quay/…`` through the upstream. Their blobs are in a folder unless the parameter is S3."""
    place = _place(request, getattr(request, "param", "folder"))
    nodes = start_nodes(2, upstream_map={"quay.io": upstream.url}, **place)
    Cache(nodes.emulators[0]).rule()
    return nodes


@pytest.fixture
def caches(caching_nodes):
    """The two nodes, as users reach them."""
    return [Cache(emulator) for emulator in caching_nodes.emulators]
