"""S3 servers on loopback: moto's in this process, and the gateway of Versity in a process of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from math import inf
from pathlib import Path
from socket import SHUT_RDWR
from threading import Thread
from typing import Any
from urllib.parse import urlencode

from tests.support.programs import answers, free_port, start_program, stop

KEY, SECRET = "s3-key", "s3-secret-of-tests"
REGION = "us-east-1"


class S3Server:
    """A running S3 server, and buckets in it."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._number = count()

    @cached_property
    def client(self) -> Any:
        """A client of its own, independent of what is tested."""
        import boto3

        return boto3.session.Session(KEY, SECRET, region_name=REGION).client("s3", endpoint_url=self.endpoint)

    def new_bucket(self) -> str:
        """Create a bucket and return its name."""
        name = f"ecr-{os.getpid()}-{next(self._number)}"
        self.client.create_bucket(Bucket=name)
        return name

    def new_url(self) -> str:
        """Return the value of ``--blobs`` for an empty prefix of a new bucket."""
        options = urlencode({"endpoint": self.endpoint, "region": REGION, "addressing": "path"})
        return f"s3://{self.new_bucket()}/layers?{options}"


@contextmanager
def credentials() -> Iterator[None]:
    """Put the credentials of the servers into the environment while the block runs."""
    new = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    before = {name: os.environ.get(name) for name in new}
    os.environ.update(new)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def find_gateway() -> str | None:
    """Return the path of Versity's S3 gateway; None if it is not installed."""
    return shutil.which("versitygw")


class Gateway(S3Server):
    """The gateway on a folder. It can be killed, and starts again on the same port with the same objects."""

    def __init__(self, program: str, folder: Path) -> None:
        address = f"127.0.0.1:{free_port()}"
        super().__init__(f"http://{address}")
        self._command = [
            program, "--port", address, "--access", KEY, "--secret", SECRET, "--region", REGION, "--quiet",
            "--keep-alive", "posix", "--sidecar", str(folder / "attributes"), str(folder / "data"),
        ]  # fmt: skip
        self._log = folder / "log"
        for name in ("data", "attributes"):
            (folder / name).mkdir()
        self.start()

    def start(self) -> None:
        """Start the server."""
        self._process = start_program(self._command, self._log, lambda: answers(self.endpoint))

    def stop(self) -> None:
        """Let the server finish its requests, and stop it."""
        stop(self._process)

    def kill(self) -> None:
        """Kill the server in the middle of its requests."""
        self._process.kill()
        self._process.wait()


@contextmanager
def running_gateway(program: str) -> Iterator[Gateway]:
    """Run the gateway on a temporary folder while the block runs."""
    folder = Path(tempfile.mkdtemp(prefix="ecr-s3-"))
    try:
        gateway = Gateway(program, folder)
        try:
            yield gateway
        finally:
            gateway.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Faults:
    """A WSGI application around moto's, which notes requests, and fails those that a test chooses."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.requests: list[str] = []
        self._rules: list[list[Any]] = []

    def fail(self, part: str, answer: Callable[[Any, Any, Any], Iterable[bytes]], count: float = inf) -> None:
        """Give ``answer`` to the next ``count`` requests whose method and address contain ``part``."""
        self._rules.append([part, answer, count])

    def clear(self) -> None:
        """Forget what was noted, and fail nothing more."""
        self.requests.clear()
        self._rules.clear()

    def count(self, part: str) -> int:
        """Return the number of requests whose method and address contain ``part``."""
        return sum(part in each for each in self.requests)

    def __call__(self, environ: Any, start: Any) -> Iterable[bytes]:
        request = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"
        self.requests.append(request)
        for rule in self._rules:
            if rule[0] in request and rule[2] > 0:
                rule[2] -= 1
                answer: Iterable[bytes] = rule[1](self._app, environ, start)
                return answer
        found: Iterable[bytes] = self._app(environ, start)
        return found


def refuses(status: str, code: str) -> Callable[[Any, Any, Any], Iterable[bytes]]:
    """Return an answer with an error of S3."""

    def answer(_app: Any, environ: Any, start: Any) -> Iterable[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start(status, [("Content-Type", "application/xml")])
        body = f"<Error><Code>{code}</Code><Message>of the test</Message></Error>".encode()
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return answer


def cut_after(size: int) -> Callable[[Any, Any, Any], Iterable[bytes]]:
    """Return an answer whose connection ends after ``size`` bytes of the body."""

    def answer(app: Any, environ: Any, start: Any) -> Iterator[bytes]:
        body = b"".join(app(environ, start))
        yield body[:size]
        _end_connection(environ)

    return answer


def loses(app: Any, environ: Any, start: Any) -> Iterator[bytes]:
    """Do what a request asks for, and end the connection without an answer."""
    list(app(environ, lambda *_: None))
    _end_connection(environ)
    yield b""


def hangs_up(_app: Any, environ: Any, _start: Any) -> Iterator[bytes]:
    """End the connection without doing anything."""
    _end_connection(environ)
    yield b""


def _end_connection(environ: Any) -> None:
    environ["werkzeug.socket"].shutdown(SHUT_RDWR)
    raise ConnectionAbortedError("of the test")


class MotoServer(S3Server):
    """moto's S3 with faults."""

    def __init__(self, endpoint: str, faults: Faults) -> None:
        super().__init__(endpoint)
        self.faults = faults


@contextmanager
def running_moto() -> Iterator[MotoServer]:
    """Run moto's S3 in this process while the block runs."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    class Quiet(MotoRequestHandler):
        def log(self, *_: object) -> None:
            """Print nothing, not even the faults of tests."""

    faults = Faults(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, faults, threaded=True, request_handler=Quiet)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield MotoServer(f"http://127.0.0.1:{server.port}", faults)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
