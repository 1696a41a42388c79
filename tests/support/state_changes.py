"""Changes of the state that an emulator acknowledges, one after the other, as a story."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

from ecr_emulator.testing.upstream.images import Content, UpstreamImage, image, layer
from tests.support.images import put_image, upload_layer
from tests.support.state_facts import RegistryClient

APP, OTHER = "team/app", "team/other"
FIRST, SECOND, THIRD = image("first"), image("second"), image("third")
LOOSE = {each.digest: each for each in (layer("loose"), layer("in chunks", 3_000))}
"""Blobs to which no image refers."""
WHOLE, CHUNKED = LOOSE.values()
POLICY = json.dumps({"rules": [{
    "rulePriority": 1, "action": {"type": "expire"},
    "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 100},
}]})  # fmt: skip
EXPIRY = json.dumps({"rules": [{
    "rulePriority": 1, "action": {"type": "expire"},
    "selection": {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1},
}]})  # fmt: skip
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


class Change(NamedTuple):
    """A change, and the kinds of facts that it makes true or untrue, or both with a round trip."""

    name: str
    perform: Callable[[RegistryClient], object]
    concerns: tuple[str, ...]
    is_round_trip: bool = False


def push_blob(client: RegistryClient, blob: Content, name: str = APP) -> None:
    """Push a blob in one request."""
    begun = client.send("POST", f"/v2/{name}/blobs/uploads/")
    done = client.send("PUT", f"{begun.location}?digest={blob.digest}", blob.raw)
    assert (begun.status, done.status) == (202, 201)


def push_in_chunks(client: RegistryClient, blob: Content, name: str = APP) -> None:
    """Push a blob in three requests."""
    begun = client.send("POST", f"/v2/{name}/blobs/uploads/")
    for start in (0, 1_000):
        assert client.send("PATCH", begun.location, blob.raw[start : start + 1_000]).status == 202
    assert client.send("PUT", f"{begun.location}?digest={blob.digest}", blob.raw[2_000:]).status == 201


def push(client: RegistryClient, pushed: UpstreamImage, reference: str, name: str = APP) -> None:
    """Push an image."""
    for blob in pushed.blobs:
        push_blob(client, blob, name)
    put_manifest(client, pushed, reference, name)


def put_manifest(client: RegistryClient, manifest: Content, reference: str, name: str = APP) -> None:
    """Push a manifest."""
    path = f"/v2/{name}/manifests/{reference}"
    assert client.send("PUT", path, manifest.raw, manifest.media_type).status == 201


def delete(client: RegistryClient, reference: str, name: str = APP) -> None:
    """Delete an image by its tag or digest."""
    assert client.send("DELETE", f"/v2/{name}/manifests/{reference}").status == 202


def call(client: RegistryClient, method: str, path: str, body: bytes = b"") -> bytes:
    """Send a request to the emulator's own endpoints and return the body of the answer."""
    answer = client.send(method, path, body, "application/json")
    assert answer.status == 200, answer.body
    return answer.body


def load_saved_state(client: RegistryClient) -> None:
    """Save the state, delete everything, and load it again."""
    saved = call(client, "GET", "/_ecr/state")
    call(client, "POST", "/_ecr/reset")
    assert client.send("PUT", "/_ecr/state", saved, "application/x-tar").status == 200


def take_snapshot_and_go_back(client: RegistryClient) -> None:
    """Take a snapshot, delete an image with its files, and restore the snapshot."""
    number = json.loads(call(client, "POST", "/_ecr/snapshots"))["snapshot"]
    delete(client, FIRST.digest)
    call(client, "POST", "/_ecr/gc", b'{"grace": "0s"}')
    call(client, "POST", f"/_ecr/snapshots/{number}/restore")


def wait_two_days(client: RegistryClient) -> None:
    """Let images expire, and the garbage be collected."""
    client.aws("ecr").put_lifecycle_policy(repositoryName=OTHER, lifecyclePolicyText=EXPIRY)
    call(client, "POST", "/_ecr/clock", b'{"advance": "48h"}')


def collect_garbage(client: RegistryClient) -> None:
    """Delete all layers to which no image refers."""
    call(client, "POST", "/_ecr/gc", b'{"grace": "0s"}')


def _ecr(operation: str, **arguments: object) -> Callable[[RegistryClient], object]:
    return lambda client: getattr(client.aws("ecr"), operation)(**arguments)


CHANGES = [
    Change("a repository is created", _ecr("create_repository", repositoryName=APP), ("repository",)),
    Change("a blob is pushed", lambda client: push_blob(client, WHOLE), ("blob",)),
    Change("a blob is pushed in chunks", lambda client: push_in_chunks(client, CHUNKED), ("blob",)),
    Change("an image is pushed", lambda client: push(client, FIRST, "v1"), ("image", "tag")),
    Change("an image is put with the API", lambda client: put_image(client.aws("ecr"), APP, SECOND), ("image",)),
    Change("a tag moves", lambda client: put_manifest(client, SECOND, "v1"), ("tag",)),
    Change("a tag is added", lambda client: put_manifest(client, SECOND, "v2"), ("tag",)),
    Change(
        "a policy is put", _ecr("put_lifecycle_policy", repositoryName=APP, lifecyclePolicyText=POLICY), ("policy",)
    ),
    Change(
        "a secret is created",
        lambda client: client.aws("secretsmanager").create_secret(Name="hub", SecretString="{}"),
        ("secret",),
    ),
    Change(
        "a role is created",
        lambda client: client.aws("iam").create_role(RoleName="puller", AssumeRolePolicyDocument=TRUST),
        ("role",),
    ),
    Change("a tag is deleted", lambda client: delete(client, "v1"), ("tag",)),
    Change("an image is restored with a snapshot", take_snapshot_and_go_back, ("image", "blob"), True),
    Change(
        "a saved state is loaded",
        load_saved_state,
        ("repository", "image", "tag", "policy", "blob", "secret", "role"),
        True,
    ),
    Change(
        "an image is deleted",
        _ecr("batch_delete_image", repositoryName=APP, imageIds=[{"imageDigest": SECOND.digest}]),
        ("image", "tag"),
    ),
    Change("garbage is collected", collect_garbage, ("blob",)),
    Change("another repository is created", _ecr("create_repository", repositoryName=OTHER), ("repository",)),
    Change("an image is pushed there", lambda client: push(client, THIRD, "v3", OTHER), ("image", "tag")),
    Change("images expire", wait_two_days, ("image", "tag", "policy", "blob")),
    Change(
        "a repository is deleted",
        _ecr("delete_repository", repositoryName=APP, force=True),
        ("repository", "image", "policy"),
    ),
    Change(
        "everything is deleted",
        lambda client: call(client, "POST", "/_ecr/reset"),
        ("repository", "image", "tag", "policy", "secret", "role"),
    ),
    Change("a repository is created again", _ecr("create_repository", repositoryName=APP), ("repository",)),
    Change(
        "a layer is uploaded with the API", lambda client: upload_layer(client.aws("ecr"), APP, WHOLE.raw), ("blob",)
    ),
]
