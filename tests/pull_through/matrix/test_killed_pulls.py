"""Emulators that are killed during a pull: everything stored is complete, and the next pull succeeds."""

import hashlib
import signal
from contextlib import suppress
from threading import Event, Thread

import pytest
import requests

from ecr_emulator.testing.upstream.faults import answers, stalls
from ecr_emulator.testing.upstream.images import image, index, layer
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.boto import client_at
from tests.support.processes import serving

BIG = layer("killed", 1_500_000)
CHILD = image("amd64", BIG)
APP = index(CHILD)
NEW_LAYER = layer("new", 1_000_000)
NEW_CHILD = image("new", NEW_LAYER)
NEW = index(NEW_CHILD)
NAME = "cache/team/app"

pytestmark = pytest.mark.slow


@pytest.fixture
def upstream():
    with ScriptedUpstream() as registry:
        registry.add_image("team/app", APP, "v1")
        yield registry


def serve(folder, upstream):
    return serving(
        folder, "--port", "0", "--data-dir", "state", "--registry-auth", "open", "--host", "127.0.0.1",
        "--upstream-map", f"quay.io={upstream.url}",
    )  # fmt: skip


def get(emulator, path):
    return requests.get(f"{emulator.url}/v2/{NAME}/{path}", timeout=20)


def check_blobs(state):
    """Check that the bytes of every blob have its digest."""
    for file in (state / "blobs").rglob("*"):
        assert file.is_dir() or hashlib.new(file.parts[-3], file.read_bytes()).hexdigest() == file.name


def half_way(state):
    """Return the number of bytes of unfinished downloads on the disk."""
    found = 0
    for file in (state / "ingest").iterdir():
        with suppress(FileNotFoundError):  # it was just renamed to a blob
            found += file.stat().st_size
    return found


def until(condition):
    while not condition():
        pass


KILLED_AT = [
    (f"/manifests/{CHILD.digest}", None, 0),
    (f"/blobs/{BIG.digest}", 700_000, 500_000),
    (f"/blobs/{BIG.digest}", BIG.size - 1, 1_300_000),
]
"""The request, the number of bytes after which the upstream stalls, and the number of these on the disk."""


def test_a_pull_that_is_killed_at_any_byte_leaves_a_store_that_can_be_trusted(tmp_path, upstream):
    """Kill the emulator of one data directory again and again, a byte later each time."""
    state = tmp_path / "state"
    for number, (what, after, written) in enumerate(KILLED_AT):
        reached, over = Event(), Event()

        def stalling(request, reply, after=after, reached=reached, over=over):
            reached.set()
            return stalls(over, after)(request, reply)

        upstream.fail(what, stalling)
        with serve(tmp_path, upstream) as emulator:
            if number == 0:
                _make_rule(emulator)
            pull = Thread(target=_pull, args=(emulator,))
            pull.start()
            assert reached.wait(20)
            until(lambda: half_way(state) >= written)  # noqa: B023 - it is called in this turn of the loop
            emulator.stop(signal.SIGKILL)
        over.set()
        pull.join(20)
        upstream.heal()
        check_blobs(state)
    with serve(tmp_path, upstream) as emulator:
        assert half_way(state) == 0, "unfinished downloads are deleted at the start"
        assert get(emulator, "manifests/v1").content == APP.raw
        assert get(emulator, f"manifests/{CHILD.digest}").content == CHILD.raw
        assert get(emulator, f"blobs/{BIG.digest}").content == BIG.raw
        assert emulator.stop() == 0
    check_blobs(state)
    assert half_way(state) == 0


@pytest.mark.parametrize(
    ("what", "after", "written"),
    [
        (f"/manifests/{NEW_CHILD.digest}", None, 0),
        (f"/blobs/{NEW_LAYER.digest}", 500_000, 300_000),
        (f"/blobs/{NEW_LAYER.digest}", NEW_LAYER.size - 1, 800_000),
    ],
)
def test_an_update_that_is_killed_at_any_byte_leaves_the_tag_on_the_old_image(tmp_path, upstream, what, after, written):
    reached, over = Event(), Event()

    def stalling(request, reply):
        reached.set()
        return stalls(over, after)(request, reply)

    with serve(tmp_path, upstream) as emulator:
        _make_rule(emulator)
        assert _whole(emulator, APP)
        upstream.add_image("team/app", NEW, "v1")
        upstream.fail(what, stalling)
        emulator.advance("25h")
        pull = Thread(target=_pull, args=(emulator,))
        pull.start()
        assert reached.wait(20)
        until(lambda: half_way(tmp_path / "state") >= written)
        emulator.stop(signal.SIGKILL)
    over.set()
    pull.join(20)
    upstream.heal()
    upstream.fail(what, answers(503), count=99)
    with serve(tmp_path, upstream) as emulator:
        assert _whole(emulator, APP), "the tag has not moved"
        emulator.advance("25h")
        assert _whole(emulator, APP), "the update was tried again, and has failed"
        upstream.heal()
        emulator.advance("1h")
        assert _whole(emulator, NEW)
        assert emulator.stop() == 0
    check_blobs(tmp_path / "state")


def _whole(emulator, app):
    """Return whether the tag points at a complete image."""
    blobs = [blob for child in app.images for blob in child.blobs]
    return (
        get(emulator, "manifests/v1").content == app.raw
        and all(get(emulator, f"manifests/{child.digest}").content == child.raw for child in app.images)
        and all(get(emulator, f"blobs/{blob.digest}").content == blob.raw for blob in blobs)
    )


def _make_rule(emulator):
    rule = {"ecrRepositoryPrefix": "cache", "upstreamRegistryUrl": "quay.io"}
    client_at(emulator.url, account="000000000000").create_pull_through_cache_rule(**rule)


def _pull(emulator):
    """Pull the image until the emulator is killed."""
    for path in ("manifests/v1", f"manifests/{CHILD.digest}", f"blobs/{BIG.digest}"):
        try:
            get(emulator, path)
        except requests.RequestException:
            return
