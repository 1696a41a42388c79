"""Send many requests that follow from a seed, and check that the emulator bears all of them.

``python scripts/torture/fuzz.py [--requests 10000] [--threads 4] [--seed 1] [--log FILE]``. The requests come from the
model of ECR's API and from the routes of the registry: valid, nearly valid and hostile ones. Ends with 1 if one is
answered with a 5xx or not at all, if the log has a traceback, or if memory, threads or open files grow.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import socket
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, RemoteDisconnected
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from scripts.torture.clients import ACCOUNT, Client, Refused
from scripts.torture.flavours import Log
from scripts.torture.fuzz_requests import BLOBS, IMAGES, Request, Requests
from scripts.torture.fuzz_values import KNOWN, NAMES, TAGS
from tests.support.processes import Served, serving

TIMEOUT = 30
"""Seconds after which a request counts as hanging."""
BETWEEN_RESETS = 2_500
"""Number of requests of all threads after which the emulator is reset and measured."""
REPORTED = 50_000
"""Number of requests between two lines about the progress."""
GROWTH = {"memory": 40_000, "threads": 20, "files": 30}
"""KiB of memory, threads and open files by which the second half of a run may be above the first."""


REPOSITORIES = NAMES[:3]
UPSTREAMS = KNOWN["upstreamRegistryUrl"]
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:ecr-pullthroughcache/fuzz-AbCdEf"


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a process."""

    memory: int
    threads: int
    files: int

    @classmethod
    def of(cls, process: int) -> Size:
        """Measure a process."""
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines if ":" in line)
        files = len(list(Path(f"/proc/{process}/fd").iterdir()))
        return cls(int(status["VmRSS"].split()[0]), int(status["Threads"]), files)


class Fuzzer:
    """A client that sends its own requests, one after the other."""

    def __init__(self, served: Served, token: str, seed: str) -> None:
        self._port = served.port
        self._requests = Requests(random.Random(seed), token)
        self._seed = seed
        self._connection: socket.socket | None = None
        self._sent = 0
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []

    def run(self, times: int) -> None:
        """Send requests; ``wrong`` gets those that are not borne."""
        for _ in range(times):
            request = self._requests.next()
            self._sent += 1
            try:
                status, headers, body = self._send(request)
            except TimeoutError:
                self._report(request, "hangs")
            except (OSError, HTTPException) as failure:
                self._close()
                if not request.is_broken:
                    self._report(request, repr(failure))
            else:
                self.statuses[status] += 1
                if status >= 500:
                    self._report(request, f"{status} {body[:300]!r}")
                self._learn(headers, body)

    def _report(self, request: Request, what: str) -> None:
        self._close()
        self.wrong.append(f"seed {self._seed}, request {self._sent}: {bytes(request)[:1_500]!r}: {what}")

    def _send(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        """Send a request and return the answer; a connection that the server has ended is opened again once."""
        if self._connection is not None and not request.is_broken:
            try:
                return self._exchange(self._connection, request)
            except (RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                pass
        self._close()
        self._connection = socket.create_connection(("127.0.0.1", self._port), timeout=TIMEOUT)
        return self._exchange(self._connection, request)

    def _exchange(self, connection: socket.socket, request: Request) -> tuple[int, dict[str, str], bytes]:
        with suppress(BrokenPipeError, ConnectionResetError):  # the answer may be there before the body has arrived
            connection.sendall(bytes(request))
        if request.is_broken:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
        with closing(HTTPResponse(connection, method=request.method)) as response:
            response.begin()
            body = response.read()
            if response.will_close or request.is_broken:
                self._close()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, body

    def _learn(self, headers: dict[str, str], body: bytes) -> None:
        if "docker-upload-uuid" in headers:
            self._requests.values.keep("uploadId", headers["docker-upload-uuid"])
        with suppress(ValueError, RecursionError):
            self._requests.values.remember(json.loads(body))

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def fuzz(served: Served, requests: int, threads: int, seed: str) -> tuple[list[Fuzzer], list[Size]]:
    """Send the requests, and return the clients, and the sizes of the emulator after each reset."""
    token = _token(served)
    admin = Client(lambda: [served.port], [], token)
    fuzzers = [Fuzzer(served, token, f"{seed}.{number}") for number in range(threads)]
    sizes = []
    warm_up(admin)
    with ThreadPoolExecutor(threads) as pool:
        for sent in range(0, requests, BETWEEN_RESETS):
            prepare(admin)
            list(pool.map(lambda each: each.run(BETWEEN_RESETS // threads), fuzzers))
            admin.close()  # the emulator ends connections that are idle
            admin.admin("POST", "reset")
            sizes.append(Size.of(served.process.pid))
            if sent % REPORTED == 0:
                print(f"{sent + BETWEEN_RESETS} requests: {sizes[-1]}", flush=True)
            if any(each.wrong for each in fuzzers):
                break
    admin.close()
    return fuzzers, sizes


def warm_up(admin: Client) -> None:
    """Use what the emulator imports when it is first used, with up to 30 MiB each, so that this is no growth later."""
    admin.call("CreateRepository", repositoryName=REPOSITORIES[0], encryptionConfiguration={"encryptionType": "KMS"})
    admin.call("PutRegistryScanningConfiguration", scanType="ENHANCED")
    with suppress(Refused):  # there is no such secret
        rule = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io", "credentialArn": SECRET}
        admin.call("CreatePullThroughCacheRule", **rule)
    admin.admin("POST", "reset")


def prepare(admin: Client) -> None:
    """Create what valid requests need."""
    for name in REPOSITORIES:
        admin.call("CreateRepository", repositoryName=name)
    admin.call("CreatePullThroughCacheRule", ecrRepositoryPrefix="cache", upstreamRegistryUrl=UPSTREAMS[0])
    for blob in BLOBS:
        answer = admin.registry("POST", f"{REPOSITORIES[0]}/blobs/uploads/?digest={blob.digest}", blob.raw)
        if answer.status != 201:
            raise Refused("a push", answer)


def growth(sizes: list[Size]) -> list[str]:
    """Return by how much the emulator grew after it was warm, if it is too much."""
    sizes = sizes[1:]
    half = len(sizes) // 2
    if not half:
        return []
    grown = []
    for name, limit in GROWTH.items():
        first = max(getattr(each, name) for each in sizes[:half])
        second = min(getattr(each, name) for each in sizes[half:])
        if second > first + limit:
            grown.append(f"{name} grew from {first} to {second}")
    return grown


def main(arguments: list[str]) -> int:
    """Run, print the figures, and return the exit status."""
    options = _parser().parse_args(arguments)
    began = monotonic()
    with tempfile.TemporaryDirectory() as folder, ScriptedUpstream() as upstream:
        for tag, each in zip(TAGS, IMAGES, strict=False):
            upstream.add_image("team/app", each, tag)
        level = "info" if options.log else "warning"
        flags = ["--port", "0", "--log-level", level, "--data-dir", f"{folder}/state", "--account", ACCOUNT]
        flags += [part for host in UPSTREAMS for part in ("--upstream-map", f"{host}={upstream.url}")]
        with serving(Path(folder), *flags) as served:
            fuzzers, sizes = fuzz(served, options.requests, options.threads, options.seed)
            served.stop()
        wrong = [each for fuzzer in fuzzers for each in fuzzer.wrong]
        log = Path(folder) / "log"
        wrong += Log(log).faults() + growth(sizes)
        if wrong:
            print(f"the end of the log:\n{log.read_text()[-2_000:]}")
        if options.log:
            shutil.copy(log, options.log)
    statuses = sum((fuzzer.statuses for fuzzer in fuzzers), Counter[int]())
    print(f"{statuses.total()} answers in {monotonic() - began:.0f} s: ", end="")
    print(", ".join(f"{number} of {status}" for status, number in sorted(statuses.items())))
    print(f"first {sizes[0]}, last {sizes[-1]}")
    for report in wrong[:30]:
        print(report)
    print(f"{len(wrong)} are wrong" if wrong else "nothing is wrong")
    return 1 if wrong else 0


def _token(served: Served) -> str:
    with closing(Client(lambda: [served.port], [])) as client:
        return str(client.call("GetAuthorizationToken")["authorizationData"][0]["authorizationToken"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Send many random requests to an emulator.")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--log", type=Path, help="keep the emulator's log, with a line for each request, in this file")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
