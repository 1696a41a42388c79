"""Properties of the parts of an image, whatever its indexes list and whatever goes wrong."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.import_policy import FULL, MANIFESTS, MAX_DEPTH, WITH_SUBJECT, ImportPolicy
from ecr_emulator.domain.manifest import OCI_INDEX, OCI_MANIFEST
from ecr_emulator.ports.upstream_failures import UpstreamNotFound, UpstreamUnavailable
from ecr_emulator.services.pull_through.image_parts import ImageParts, Sources

NAMES = st.integers(0, 9).map(str)
GRAPHS = st.dictionaries(NAMES, st.lists(NAMES, max_size=4), min_size=1, max_size=10)
"""The children of each index, by name. A name that is no key is an image."""
FATES = st.dictionaries(NAMES, st.sampled_from(["absent", "broken"]), max_size=4)


@pytest.fixture(scope="module")
def threads():
    with ThreadPoolExecutor(3) as threads:
        yield threads


class Upstream:
    """Serves a graph whose digests are mere names, so that it can have circles, and counts what is asked for."""

    def __init__(self, graph, fates, referrers=None):
        self._graph, self._fates, self._referrers = graph, fates, referrers or {}
        self._lock = Lock()
        self.asked = []

    def sources(self):
        return Sources(self.manifest, self.blob, self.referrers)

    def manifest(self, name):
        self._ask("manifest", name)
        return self.stored(name)

    def blob(self, layer):
        self._ask("blob", layer.digest)

    def referrers(self, name):
        return self._referrers.get(name, [])

    def stored(self, name):
        listed = [_descriptor(child) for child in self._graph.get(name, ())]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
        image = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": _descriptor(f"config {name}"), "layers": []}
        image["layers"] = [_descriptor(f"layer {name}"), _descriptor("shared layer")]
        document = index if name in self._graph else image
        return StoredManifest(name, document["mediaType"], json.dumps(document).encode())

    def _ask(self, kind, name):
        with self._lock:
            self.asked.append((kind, name))
        fate = self._fates.get(name)
        if fate:
            raise UpstreamNotFound(name) if fate == "absent" else UpstreamUnavailable(name)


def _descriptor(digest):
    return {"mediaType": "any", "digest": digest, "size": 1}


def fetched(upstream, threads, policy=ImportPolicy(FULL), top="top"):  # noqa: B008 - it is immutable
    parts = ImageParts(upstream.sources(), policy, threads)
    parts.fetch(upstream.stored(top))
    return parts


def reachable(graph, fates):
    """The names that can come: within four levels of the top, by way of what comes itself."""
    seen, level = {"top"}, ["top"]
    for _ in range(MAX_DEPTH):
        level = [child for name in level if name not in fates for child in graph.get(name, ()) if child not in seen]
        level = list(dict.fromkeys(level))
        seen.update(level)
    return seen - {name for name in seen if name in fates}


@settings(max_examples=60)
@given(GRAPHS, FATES, st.lists(NAMES, max_size=4))
def test_every_part_is_asked_for_once_and_what_can_come_comes(threads, graph, fates, listed):
    graph = graph | {"top": listed}
    upstream = Upstream(graph, fates)
    parts = fetched(upstream, threads)
    assert len(upstream.asked) == len(set(upstream.asked)), "circles end, and what is listed twice is fetched once"
    assert {part.digest for part in parts.parts} == reachable(graph, fates)
    assert all(part.is_whole for part in parts.parts)
    asked_for = {name for kind, name in upstream.asked if kind == "manifest"}
    assert len(parts.failures) == sum(fates.get(name) == "broken" for name in asked_for)
    assert parts.is_complete == (not parts.failures and not parts.is_partial)


@pytest.mark.parametrize("fate", ["absent", "broken"])
def test_an_image_without_one_of_its_blobs_is_not_whole(threads, fate):
    parts = fetched(Upstream({"top": ["a", "b"]}, {"layer a": fate}), threads)
    assert {part.digest: part.is_whole for part in parts.parts} == {"top": True, "a": False, "b": True}
    assert not parts.is_complete


def test_without_layers_nothing_is_whole_and_nothing_has_failed(threads):
    upstream = Upstream({"top": ["a"]}, {})
    parts = fetched(upstream, threads, ImportPolicy(MANIFESTS))
    assert upstream.asked == [("manifest", "a"), ("blob", "config a")]
    assert (parts.failures, parts.is_partial) == ([], True)


def test_signatures_of_all_parts_come_along_and_those_of_signatures_do_not_lead_on(threads):
    referrers = {"top": ["signature"], "a": ["other signature"], "signature": ["never"]}
    upstream = Upstream({"top": ["a"]}, {}, referrers)
    parts = fetched(upstream, threads, ImportPolicy(FULL, WITH_SUBJECT))
    assert [part.digest for part in parts.parts] == ["top", "a", "signature", "other signature"]
    assert parts.is_complete
