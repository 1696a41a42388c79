"""A bare WSGI callable on the emulator's server: the limit of what the emulator can reach with it.

``python scripts/bench/bare.py folder`` serves the files of a folder by their paths, on a free port of loopback, whose
URL it prints. Files of up to 64 KiB are kept in memory, others are read in steps of 512 KiB. The body of a PUT is
received and thrown away. Nothing else is done: no token is checked, no header is looked at.
"""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.admission import threads_for
from ecr_emulator.serving.granian import GranianServer
from ecr_emulator.settings import Settings

KEPT = 64 * 1024
STEP = 512 * 1024
RECEIVED = 256 * 1024
"""Bytes that are received at a time, as in the emulator."""
THREADS = threads_for(Settings().threads)
"""Number of threads of the emulator's server, too."""


def application(folder: Path) -> Callable[..., Any]:
    """Return the callable."""
    paths = {f"/{path.relative_to(folder)}": path for path in folder.rglob("*") if path.is_file()}
    kept = {name: path.read_bytes() for name, path in paths.items() if path.stat().st_size <= KEPT}
    lengths = {name: str(path.stat().st_size) for name, path in paths.items()}

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ["REQUEST_METHOD"] == "PUT":
            return receive(environ, start_response)
        name = environ["PATH_INFO"]
        if name not in paths:
            start_response("404 Not Found", [("Content-Length", "0")])
            return [b""]
        start_response("200 OK", [("Content-Length", lengths[name]), ("Content-Type", "application/octet-stream")])
        return [kept[name]] if name in kept else steps(paths[name])

    return answer


def receive(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    while environ["wsgi.input"].read(RECEIVED):
        pass
    start_response("201 Created", [("Content-Length", "0")])
    return [b""]


def steps(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while step := file.read(STEP):
            yield step


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = GranianServer(application(Path(sys.argv[1])), [listener], THREADS)
    server.start()
    print(f"http://127.0.0.1:{server.port}", flush=True)
    signal.sigwait([signal.SIGTERM, signal.SIGINT])


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    main()
