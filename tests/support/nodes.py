"""Several nodes: emulators on one database in PostgreSQL and one folder of blobs, and a front before them.

``Nodes`` run in the process of the test; ``NodeProcesses`` are ``ecr-emulator serve``, behind an nginx.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.system import SystemClock
from tests.support.processes import Endpoint, Served, serving
from tests.support.programs import answers, free_port, program, start_program, stop
from tests.support.s3 import KEY, SECRET

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ACCOUNT = "123456789012"
OF_S3 = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
"""The credentials of nodes whose blobs are in S3."""


class Nodes:
    """Emulators of this process with the same state. ``wsgi`` passes each request to the next of them."""

    def __init__(self, uri: str, blobs: Path, **settings: Any) -> None:
        self.settings = Settings(database=uri, blobs=blobs, **{"registry_auth": "open", "account": ACCOUNT, **settings})
        self.emulators: list[Emulator] = []
        self._turns = count()

    def start(self, **settings: Any) -> Emulator:
        """Start one more node. Its clock is its own until ``/_ecr/clock`` has moved it."""
        self.emulators.append(Emulator(Settings(**(vars(self.settings) | settings)), SystemClock()))
        return self.emulators[-1]

    def stop(self, emulator: Emulator) -> None:
        """Stop a node."""
        self.emulators.remove(emulator)
        emulator.close()

    def wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Let the next node answer a request."""
        return self.emulators[next(self._turns) % len(self.emulators)].wsgi(environ, start_response)


@contextmanager
def running_nodes(uri: str, blobs: Path, number: int = 2, **settings: Any) -> Iterator[Nodes]:
    """Run nodes while the block runs."""
    nodes = Nodes(uri, blobs, **settings)
    try:
        for _ in range(number):
            nodes.start()
        yield nodes
    finally:
        for emulator in nodes.emulators:
            emulator.close()


class NodeProcesses:
    """Processes of ``ecr-emulator serve`` with the same state. ``start`` begins one, which can be killed.

    Their blobs are in ``blobs``, or in a folder beside them.
    """

    def __init__(self, stack: ExitStack, folder: Path, uri: str, *arguments: str, blobs: str | None = None) -> None:
        self._stack = stack
        self._folder = folder
        place = blobs or str(folder / "blobs")
        self._arguments = ("--database", uri, "--blobs", place, "--account", ACCOUNT, *arguments)
        self._number = count(1)

    def start(self, *arguments: str, port: int = 0) -> Served:
        """Start a node in a folder of its own. Its log is the file ``log`` there."""
        folder = self._folder / f"node-{next(self._number)}"
        folder.mkdir()
        own = ("--host", "127.0.0.1", "--port", str(port), "--data-dir", str(folder / "state"))
        return self._stack.enter_context(serving(folder, *self._arguments, *own, *arguments, variables=OF_S3))


@contextmanager
def node_processes(uri: str, folder: Path, *arguments: str, blobs: str | None = None) -> Iterator[NodeProcesses]:
    """Yield what starts nodes, which are killed after the block."""
    with ExitStack() as stack:
        yield NodeProcesses(stack, folder, uri, *arguments, blobs=blobs)


class LoadBalancer(Endpoint):
    """The address at which a load balancer listens."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"


@contextmanager
def balanced(folder: Path, nodes: Iterable[Served]) -> Iterator[LoadBalancer]:
    """Run an nginx that passes each request to the next node. A request is sent only once."""
    port = free_port()
    servers = "".join(f"server 127.0.0.1:{node.port} max_fails=0; " for node in nodes)
    temporary = "".join(f"{each}_temp_path {folder}/nginx/{each}; " for each in _TEMPORARY)
    (folder / "nginx").mkdir()
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/nginx/pid; error_log {folder}/nginx/errors;\n"
        f"events {{}}\nhttp {{ access_log off; client_max_body_size 0; {temporary}\n"
        f"upstream nodes {{ {servers} }}\n"
        f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://nodes; proxy_http_version 1.1;\n"
        "proxy_set_header Host $http_host; proxy_request_buffering off; proxy_buffering off;\n"
        "proxy_next_upstream error; }} }} }}\n".replace("}}", "}")
    )
    command = [program("nginx"), "-c", f"{folder}/nginx.conf", "-e", f"{folder}/nginx/errors"]
    process: subprocess.Popen[bytes] = start_program(
        command, folder / "nginx" / "log", ready=lambda: answers(f"http://127.0.0.1:{port}/_ecr/health")
    )
    try:
        yield LoadBalancer(port)
    finally:
        stop(process)


_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
