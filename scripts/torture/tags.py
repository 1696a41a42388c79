"""Push, move, delete and pull a few tags from many threads, through both planes, and check each tag's history.

``python scripts/torture/tags.py [operations] [threads] [seed]``: 100,000, 8 and 1 by default. The emulator runs in a
process of its own, with remembered answers as always (docs/decisions/0030). Ends with 1 if the history of a tag
contradicts itself: a pull saw an image older than one that was acknowledged, or seen by a pull, before it began.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.domain.names import digest_of
from scripts.torture.linearizability import NOTHING, READ, WRITE, Operation, contradiction
from tests.support.processes import Served, serving

ACCOUNT, NAME = "123456789012", "torture/app"
TAGS = 6
CONFIG = b"{}"
TYPE = "application/vnd.oci.image.manifest.v1+json"
TARGET = "AmazonEC2ContainerRegistry_V20150921."
SIGNATURE = (
    f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/us-east-1/ecr/aws4_request, SignedHeaders=host, Signature=0"
)
"""Signatures are not verified unless the emulator is told to."""


class Failed(Exception):
    """The emulator answered with something that no operation here should get."""


class Client:
    """A client of both planes with one connection."""

    def __init__(self, served: Served, token: str = "") -> None:
        self._connection = HTTPConnection("127.0.0.1", served.port, timeout=60)
        self._token = token

    def call(self, operation: str, **members: Any) -> Any:
        """Call an operation of the API, and return its answer."""
        headers = {
            "Authorization": SIGNATURE,
            "X-Amz-Target": TARGET + operation,
            "Content-Type": "application/x-amz-json-1.1",
        }
        status, body = self._ask("POST", "/", headers, json.dumps(members).encode())
        if status != 200:
            raise Failed(f"{operation}: {status} {body!r}")
        return json.loads(body)

    def send(self, method: str, path: str, body: bytes | None = None, *expected: int) -> tuple[int, bytes]:
        """Send a request to the registry, and return status and body. Raises ``Failed`` for other statuses."""
        headers = {"Authorization": f"Basic {self._token}", "Content-Type": TYPE}
        status, answer = self._ask(method, f"/v2/{NAME}/{path}", headers, body)
        if status not in expected:
            raise Failed(f"{method} {path}: {status} {answer!r}")
        return status, answer

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> tuple[int, bytes]:
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def manifest(number: int) -> bytes:
    """Return a manifest that no other number has."""
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(CONFIG), "size": len(CONFIG)}
    document = {
        "schemaVersion": 2, "mediaType": TYPE, "config": config, "layers": [], "annotations": {"number": str(number)},
    }  # fmt: skip
    return json.dumps(document).encode()


def pushed_by_registry(client: Client, tag: str, raw: bytes) -> tuple[str, str]:
    client.send("PUT", f"manifests/{tag}", raw, 201)
    return WRITE, digest_of(raw)


def pushed_by_api(client: Client, tag: str, raw: bytes) -> tuple[str, str]:
    client.call("PutImage", repositoryName=NAME, imageManifest=raw.decode(), imageTag=tag)
    return WRITE, digest_of(raw)


def pulled_by_registry(client: Client, tag: str, _: bytes) -> tuple[str, str]:
    status, raw = client.send("GET", f"manifests/{tag}", None, 200, 404)
    return READ, digest_of(raw) if status == 200 else NOTHING


def pulled_by_api(client: Client, tag: str, _: bytes) -> tuple[str, str]:
    answer = client.call("BatchGetImage", repositoryName=NAME, imageIds=[{"imageTag": tag}])
    return READ, answer["images"][0]["imageId"]["imageDigest"] if answer["images"] else NOTHING


def deleted_by_registry(client: Client, tag: str, _: bytes) -> tuple[str, str]:
    status, _ = client.send("DELETE", f"manifests/{tag}", None, 202, 404)
    return (WRITE if status == 202 else READ), NOTHING


def deleted_by_api(client: Client, tag: str, _: bytes) -> tuple[str, str]:
    answer = client.call("BatchDeleteImage", repositoryName=NAME, imageIds=[{"imageTag": tag}])
    return (READ if answer["failures"] else WRITE), NOTHING


Act = Callable[[Client, str, bytes], tuple[str, str]]
ACTS: dict[Act, int] = {
    pulled_by_registry: 60, pulled_by_api: 10, pushed_by_registry: 10, pushed_by_api: 10,
    deleted_by_registry: 5, deleted_by_api: 5,
}  # fmt: skip
"""The operations of the threads, each with its share in a hundred."""


def worker(client: Client, chance: random.Random, numbers: Iterator[int], times: int) -> list[tuple[str, Operation]]:
    """Do things to random tags, and return what was done."""
    done = []
    for act in chance.choices(list(ACTS), list(ACTS.values()), k=times):
        tag, raw = f"v{chance.randrange(TAGS)}", manifest(next(numbers))
        began = monotonic()
        kind, value = act(client, tag, raw)
        done.append((tag, Operation(kind, value, began, monotonic())))
    return done


def history(served: Served, operations: int, threads: int, seed: int) -> dict[str, list[Operation]]:
    """Return the operations on each tag."""
    numbers = count()
    tags: dict[str, list[Operation]] = {}
    with ExitStack() as stack:
        admin = stack.enter_context(closing(Client(served)))
        admin.call("CreateRepository", repositoryName=NAME)
        token = admin.call("GetAuthorizationToken")["authorizationData"][0]["authorizationToken"]
        clients = [stack.enter_context(closing(Client(served, token))) for _ in range(threads)]
        clients[0].send("POST", f"blobs/uploads/?digest={digest_of(CONFIG)}", CONFIG, 201)
        pool = stack.enter_context(ThreadPoolExecutor(threads))
        work = [
            pool.submit(worker, client, random.Random(f"{seed}/{number}"), numbers, operations // threads)
            for number, client in enumerate(clients)
        ]
        for each in work:
            for tag, operation in each.result():
                tags.setdefault(tag, []).append(operation)
    return tags


def main(arguments: list[str]) -> int:
    operations, threads, seed = (int(given) for given in [*arguments, *("100000", "8", "1")[len(arguments) :]])
    with tempfile.TemporaryDirectory() as folder:
        options = ("--port", "0", "--log-level", "warning", "--data-dir", f"{folder}/state")
        with serving(Path(folder), *options) as served:
            tags = history(served, operations, threads, seed)
            served.stop()
    wrong = {tag: found for tag, done in sorted(tags.items()) if (found := contradiction(done))}
    kinds = Counter(operation.kind for done in tags.values() for operation in done)
    print(f"{kinds[WRITE]} writes and {kinds[READ]} reads of {len(tags)} tags by {threads} threads, seed {seed}")
    for tag, operation in wrong.items():
        print(f"{tag}: nothing explains {operation}")
    print(f"{len(wrong)} tags contradict themselves" if wrong else "every history is linearizable")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
