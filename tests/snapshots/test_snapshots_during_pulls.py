"""Portable snapshots that are loaded while an upstream keeps an import waiting."""

from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event

import pytest

from ecr_emulator.testing.upstream.faults import stalls
from ecr_emulator.testing.upstream.images import image
from tests.support.images import an_image, put_image
from tests.support.pull_through import running_cache

SOON = 30
A_WHILE = 0.7


@pytest.mark.parametrize("part", ["/manifests/", "/blobs/"])
def test_an_import_that_waits_for_its_upstream_changes_nothing_of_the_loaded_state(upstream, part):
    go_on, asked = Event(), Event()

    def stall(request, reply):
        asked.set()
        return stalls(go_on)(request, reply)

    upstream.add_image("team/app", image(), "v1")
    with running_cache(upstream) as cache, ThreadPoolExecutor(2) as threads:
        cache.ecr.create_repository(repositoryName="team/kept")
        put_image(cache.ecr, "team/kept", an_image("kept"), "v1")
        saved = cache.http.get("/_ecr/state").data
        cache.rule()
        upstream.fail(part, stall, count=float("inf"))
        try:
            pull = threads.submit(cache.manifest, "quay/team/app", "v1")
            assert asked.wait(SOON)
            load = threads.submit(cache.http.put, "/_ecr/state", data=saved, content_type="application/x-tar")
            assert cache.http.get("/_ecr/health").status_code == 200, "the emulator answers meanwhile"
            assert not wait([load], A_WHILE).done, "a load that did not wait would have ended by now"
        finally:
            go_on.set()
        assert load.result(SOON).status_code == 200
        assert pull.result(SOON).status_code in (200, 404)
        cache.settle()
        assert cache.repositories() == ["team/kept"]
        assert cache.images("team/kept") == {an_image("kept").digest: ["v1"]}
        assert cache.manifest("quay/team/app", "v1").status_code == 404, "the rule is not in the file"
