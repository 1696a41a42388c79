"""Push, move, delete and pull a few tags from many threads, through both planes, and check each tag's history.

``python scripts/torture/tags.py [operations] [threads] [seed] [nodes]``: 100,000, 8, 1 and 0 by default. The emulator
runs in a process of its own, with remembered answers as always (docs/decisions/0030). With a number of nodes, so many
processes share PostgreSQL and a folder, and each request asks any of them (docs/decisions/0041). Ends with 1 if the
history of a tag contradicts itself: a pull saw an image older than one that was acknowledged, or seen by a pull, before
it began.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.domain.names import digest_of
from scripts.torture.acts import NOTHING, Read, Write
from scripts.torture.clients import TYPE, Answer, Client
from scripts.torture.linearizability import NotLinearizable, Operation, final_states
from tests.support.processes import Served, serving

NAME = "torture/app"
TAGS = 6
CONFIG = b"{}"


class Failed(Exception):
    """The emulator answered with something that no operation here should get."""


def manifest(number: int) -> bytes:
    """Return a manifest that no other number has."""
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(CONFIG), "size": len(CONFIG)}
    document = {
        "schemaVersion": 2, "mediaType": TYPE, "config": config, "layers": [], "annotations": {"number": str(number)},
    }  # fmt: skip
    return json.dumps(document).encode()


def pushed_by_registry(client: Client, tag: str, raw: bytes) -> Write[str]:
    send(client, "PUT", f"manifests/{tag}", raw, 201)
    return Write(digest_of(raw))


def pushed_by_api(client: Client, tag: str, raw: bytes) -> Write[str]:
    client.call("PutImage", repositoryName=NAME, imageManifest=raw.decode(), imageTag=tag)
    return Write(digest_of(raw))


def pulled_by_registry(client: Client, tag: str, _: bytes) -> Read[str]:
    answer = send(client, "GET", f"manifests/{tag}", None, 200, 404)
    return Read(digest_of(answer.body) if answer.status == 200 else NOTHING)


def pulled_by_api(client: Client, tag: str, _: bytes) -> Read[str]:
    answer = client.call("BatchGetImage", repositoryName=NAME, imageIds=[{"imageTag": tag}])
    return Read(answer["images"][0]["imageId"]["imageDigest"] if answer["images"] else NOTHING)


def deleted_by_registry(client: Client, tag: str, _: bytes) -> Read[str] | Write[str]:
    answer = send(client, "DELETE", f"manifests/{tag}", None, 202, 404)
    return Write(NOTHING) if answer.status == 202 else Read(NOTHING)


def deleted_by_api(client: Client, tag: str, _: bytes) -> Read[str] | Write[str]:
    answer = client.call("BatchDeleteImage", repositoryName=NAME, imageIds=[{"imageTag": tag}])
    return Read(NOTHING) if answer["failures"] else Write(NOTHING)


def send(client: Client, method: str, path: str, body: bytes | None, *expected: int) -> Answer:
    """Send a request to the registry, and return the answer. Raises ``Failed`` for other statuses."""
    answer = client.registry(method, f"{NAME}/{path}", body)
    if answer.status not in expected:
        raise Failed(f"{method} {path}: {answer.status} {answer.body!r}")
    return answer


Deed = Callable[[Client, str, bytes], Read[str] | Write[str]]
DEEDS: dict[Deed, int] = {
    pulled_by_registry: 60, pulled_by_api: 10, pushed_by_registry: 10, pushed_by_api: 10,
    deleted_by_registry: 5, deleted_by_api: 5,
}  # fmt: skip
"""The operations of the threads, each with its share in a hundred."""


def worker(
    client: Client, chance: random.Random, numbers: Iterator[int], times: int
) -> list[tuple[str, Operation[str]]]:
    """Do things to random tags, and return what was done."""
    done = []
    for deed in chance.choices(list(DEEDS), list(DEEDS.values()), k=times):
        tag, raw = f"v{chance.randrange(TAGS)}", manifest(next(numbers))
        began = monotonic()
        done.append((tag, Operation(deed(client, tag, raw), began, monotonic())))
    return done


def history(ports: Sequence[int], operations: int, threads: int, seed: int) -> dict[str, list[Operation[str]]]:
    """Return the operations on each tag. Each request goes to any of the ports."""
    numbers = count()
    tags: dict[str, list[Operation[str]]] = {}

    def client(number: int, token: str = "") -> Client:
        return stack.enter_context(closing(Client(lambda: ports, [], token, random.Random(f"node {seed}/{number}"))))

    with ExitStack() as stack:
        admin = client(threads)
        admin.call("CreateRepository", repositoryName=NAME)
        token = admin.call("GetAuthorizationToken")["authorizationData"][0]["authorizationToken"]
        clients = [client(number, token) for number in range(threads)]
        send(clients[0], "POST", f"blobs/uploads/?digest={digest_of(CONFIG)}", CONFIG, 201)
        pool = stack.enter_context(ThreadPoolExecutor(threads))
        work = [
            pool.submit(worker, client, random.Random(f"{seed}/{number}"), numbers, operations // threads)
            for number, client in enumerate(clients)
        ]
        for each in work:
            for tag, operation in each.result():
                tags.setdefault(tag, []).append(operation)
    return tags


@contextmanager
def running(folder: Path, nodes: int) -> Iterator[list[Served]]:
    """Run so many nodes on one state, or for 0 an emulator with a data directory."""
    with ExitStack() as stack:
        if not nodes:
            options = ("--port", "0", "--log-level", "warning", "--data-dir", f"{folder}/state")
            yield [stack.enter_context(serving(folder, *options))]
            return
        from tests.support.nodes import node_processes
        from tests.support.postgres import find_programs, running_postgres

        programs = find_programs()
        if programs is None:
            raise SystemExit("PostgreSQL is not installed")
        lend = stack.enter_context(stack.enter_context(running_postgres(programs)).databases())
        processes = stack.enter_context(node_processes(lend(), folder, "--log-level", "warning"))
        yield [processes.start() for _ in range(nodes)]


def main(arguments: list[str]) -> int:
    by_default = ("100000", "8", "1", "0")
    operations, threads, seed, nodes = (int(given) for given in [*arguments, *by_default[len(arguments) :]])
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), nodes) as emulators:
        tags = history([each.port for each in emulators], operations, threads, seed)
        for emulator in emulators:
            emulator.stop()
    wrong = [f"{tag}: {found}" for tag, done in sorted(tags.items()) if (found := contradiction(done))]
    kinds: Counter[type] = Counter(type(operation.act) for done in tags.values() for operation in done)
    print(f"{kinds[Write]} writes and {kinds[Read]} reads of {len(tags)} tags by {threads} threads, seed {seed}")
    for each in wrong:
        print(each)
    print(f"{len(wrong)} tags contradict themselves" if wrong else "every history is linearizable")
    return 1 if wrong else 0


def contradiction(history: list[Operation[str]]) -> NotLinearizable | None:
    """Return why the history of a tag that did not exist at first is not linearizable, or None."""
    try:
        final_states(history, [NOTHING])
    except NotLinearizable as found:
        return found
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
