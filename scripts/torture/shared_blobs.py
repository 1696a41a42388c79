"""The places where nodes keep blobs: a folder that they share, or S3 behind a front for each node."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from scripts.torture.flavours import left_over_files
from scripts.torture.fronts import Front, to_port
from scripts.torture.missing import end_without
from tests.support.s3 import KEY, REGION, SECRET, Gateway, find_gateway, running_gateway

SHORT, LONG = 0.1, 1.5
"""Seconds that a fault of a network lasts."""
OWNER = "ecr.database"
"""The name of the file or object with the identity of the database."""
CREDENTIALS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}


class SharedBlobs(Protocol):
    """A place of blobs."""

    @property
    def faults(self) -> Mapping[str, Callable[[random.Random], None]]:
        """Return the faults of the connection to the place, by name. Each function returns when its fault is over."""
        ...

    def place(self, node: int) -> str:
        """Return the value of ``--blobs`` of a node."""
        ...

    def left_over(self, needed: Collection[str]) -> Iterator[str]:
        """Yield the names of what is neither a needed blob nor metadata."""
        ...


class SharedFolder:
    """A folder, which has no faults."""

    def __init__(self, folder: Path) -> None:
        self.faults: dict[str, Callable[[random.Random], None]] = {}
        self._folder = folder
        self._folder.mkdir()

    def place(self, _: int) -> str:
        return str(self._folder)

    def left_over(self, needed: Collection[str]) -> Iterator[str]:
        return left_over_files(self._folder, needed, {OWNER})


class Bucket:
    """A prefix of a bucket in a real S3 server. Each node has a way of its own to it."""

    def __init__(self, server: Gateway, nodes: int) -> None:
        self._server = server
        self._bucket = server.new_bucket()
        self._fronts = [Front(to_port(urlsplit(server.endpoint).port or 80)) for _ in range(nodes)]
        self.faults: dict[str, Callable[[random.Random], None]] = {
            "S3 500": lambda chance: self._break(chance, lambda front: front.answer(_error(500, "InternalError"))),
            "S3 503": lambda chance: self._break(chance, lambda front: front.answer(_error(503, "SlowDown"))),
            "S3 paused": lambda chance: self._break(chance, Front.pause),
            "S3 cut": lambda chance: self._break(chance, Front.cut),
            "S3 slow": lambda chance: self._break(chance, Front.slow_down),
            "S3 restart": self.restart,
        }

    def place(self, node: int) -> str:
        endpoint = f"http://127.0.0.1:{self._fronts[node].port}"
        return f"s3://{self._bucket}/layers?{urlencode({'endpoint': endpoint, 'region': REGION, 'addressing': 'path'})}"

    def left_over(self, needed: Collection[str]) -> Iterator[str]:
        pages = self._server.client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
        for key in (each["Key"] for page in pages for each in page.get("Contents", ())):
            _, kind, *rest = key.split("/")
            is_needed = kind == "blobs" and f"{rest[0]}:{rest[-1]}" in needed
            if not is_needed and kind != OWNER:
                yield key
        uploads = self._server.client.list_multipart_uploads(Bucket=self._bucket).get("Uploads", ())
        yield from (f"a multipart upload of {each['Key']}" for each in uploads)

    def close(self) -> None:
        """Close the fronts."""
        for front in self._fronts:
            front.close()

    def restart(self, chance: random.Random) -> None:
        """Kill or stop the server, and start it again."""
        end = chance.choice((self._server.kill, self._server.stop))
        end()
        sleep(chance.uniform(0, SHORT))
        self._server.start()

    def _break(self, chance: random.Random, fault: Callable[[Front], None]) -> None:
        for front in chance.sample(self._fronts, chance.randint(1, len(self._fronts))):
            fault(front)
        sleep(chance.uniform(SHORT, LONG))
        for front in self._fronts:
            front.heal()


@contextmanager
def gateway() -> Iterator[Gateway]:
    """Run a real S3 server."""
    program = find_gateway()
    if program is None:
        end_without("versitygw")
    with running_gateway(program) as server:
        yield server


def _error(status: int, code: str) -> bytes:
    body = f"<Error><Code>{code}</Code><Message>of a front</Message></Error>"
    return f"HTTP/1.1 {status} {code}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
