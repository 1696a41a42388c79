"""The order in which a server syncs files before it answers (docs/durability.md), seen in its system calls."""

from __future__ import annotations

import re

import pytest

from ecr_emulator.testing.upstream.images import image, layer
from tests.support.images import put_image
from tests.support.state_changes import APP, POLICY, TRUST, call, push_blob, put_manifest
from tests.support.traced_server import file_changes, traced_server

pytestmark = pytest.mark.journey
BLOB, SIBLING = layer("a"), layer("b")
IMAGE, NEXT = image("one"), image("two")
UPLOADS = f"/v2/{APP}/blobs/uploads/"
COMMIT = "sync ecr.sqlite-wal"

ACTIONS = {
    "create a repository": lambda client: client.aws("ecr").create_repository(repositoryName=APP),
    "begin an upload": lambda client: client.send("POST", UPLOADS),
    "send a chunk": lambda client: client.send("PATCH", client.send("POST", UPLOADS).location, BLOB.raw),
    "push a blob": lambda client: push_blob(client, BLOB),
    "push it again": lambda client: push_blob(client, BLOB),
    "push images": lambda client: [put_image(client.aws("ecr"), APP, each) for each in (IMAGE, NEXT)],
    "push a tag": lambda client: put_manifest(client, IMAGE, "v1"),
    "move a tag": lambda client: put_manifest(client, NEXT, "v1"),
    "pull": lambda client: client.send("GET", f"/v2/{APP}/manifests/v1"),
    "put a policy": lambda client: client.aws("ecr").put_lifecycle_policy(
        repositoryName=APP, lifecyclePolicyText=POLICY
    ),
    "delete an image": lambda client: client.send("DELETE", f"/v2/{APP}/manifests/{IMAGE.digest}"),
    "create a role": lambda client: client.aws("iam").create_role(RoleName="a", AssumeRolePolicyDocument=TRUST),
    "delete garbage": lambda client: call(client, "POST", "/_ecr/gc", b'{"grace": "0s"}'),
    "push more garbage": lambda client: push_blob(client, SIBLING),
    "wait for the collection": lambda client: call(client, "POST", "/_ecr/clock", b'{"advance": "72h"}'),
    "delete everything": lambda client: call(client, "POST", "/_ecr/reset"),
}


def traced(folder, *arguments):
    """Return the syncs, the changes of names and the statuses for each action."""
    with traced_server(folder, *arguments) as server:
        for action in ACTIONS.values():
            server.perform(action)
        server.end()
    return {
        name: [readable(each) for each in file_changes(server.calls_of(number), folder)]
        for number, name in enumerate(ACTIONS)
    }


def readable(change):
    """Return a change of files with the path in the data directory, and without arbitrary names."""
    change = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UPLOAD", change.replace("new/state/", ""))
    change = change.replace("blobs/sha256", "sha256")
    return re.sub(r"sha256/../[0-9a-f]{64}", "BLOB", change)


@pytest.fixture(scope="module")
def changes(tmp_path_factory):
    return traced(tmp_path_factory.mktemp("traced"), "--data-dir", "new/state")


def directory_of(blob):
    return f"sha256/{blob.digest.removeprefix('sha256:')[:2]}"


def test_a_new_data_directory_is_synced_into_its_parents_before_the_first_answer(changes):
    first = changes["create a repository"]
    made = first.index("make new"), first.index("make new/state"), first.index("sync new")
    assert [*made, first.index("answer 200")] == sorted([*made, first.index("answer 200")])
    assert "sync new/state" in first[: first.index("answer 200")]


def test_an_upload_that_is_not_finished_is_not_synced(changes):
    assert changes["begin an upload"] == ["answer 200", "answer 202"]
    assert changes["send a chunk"] == ["answer 200", "answer 202", "answer 202"]


def test_a_blob_is_synced_then_its_name_then_the_database_and_then_it_is_acknowledged(changes):
    folder = directory_of(BLOB)
    assert changes["push a blob"] == [
        "answer 200",
        "answer 202",
        "sync ingest/UPLOAD",
        "sync new/state",
        "make sha256",
        "sync blobs",
        f"make {folder}",
        "sync sha256",
        "rename ingest/UPLOAD BLOB",
        f"sync {folder}",
        COMMIT,
        "answer 201",
    ]


def test_a_blob_in_a_folder_that_is_known_needs_three_syncs(changes):
    synced = ["sync ingest/UPLOAD", "rename ingest/UPLOAD BLOB", f"sync {directory_of(BLOB)}", COMMIT]
    assert changes["push it again"] == ["answer 200", "answer 202", *synced, "answer 201"]


@pytest.mark.parametrize(
    ("action", "status"), [("push a tag", 201), ("move a tag", 201), ("delete an image", 202), ("put a policy", 200)]
)
def test_a_change_of_the_metadata_is_synced_once_before_it_is_acknowledged(changes, action, status):
    login = [] if action == "put a policy" else ["answer 200"]
    assert changes[action] == [*login, COMMIT, f"answer {status}"]


def test_a_pull_syncs_nothing(changes):
    assert changes["pull"] == ["answer 200", "answer 200"]


def test_a_file_of_companions_is_replaced_as_a_whole(changes):
    assert changes["create a role"] == [
        "make companions",
        "sync new/state",
        "sync companions/iam.unfinished",
        "rename companions/iam.unfinished companions/iam.json",
        "sync companions",
        "answer 200",
    ]


@pytest.mark.parametrize("action", ["delete garbage", "wait for the collection", "delete everything"])
def test_files_are_deleted_after_the_commit_that_removed_their_rows(changes, action):
    seen = changes[action]
    deletions = [number for number, each in enumerate(seen) if re.match(r"(delete|rename) (BLOB|sha256)", each)]
    assert deletions, seen
    assert COMMIT in seen[: deletions[0]]


def test_nothing_is_synced_without_a_data_directory(tmp_path):
    with traced_server(tmp_path) as server:
        for action in ACTIONS.values():
            server.perform(action)
        server.end()
    assert [each for each in server.calls if each.name in ("fsync", "fdatasync")] == []
    assert any(each.name == "pwrite64" for each in server.calls)
