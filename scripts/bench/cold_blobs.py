"""Large cold blobs side by side through the cache: time to the first byte, throughput and memory.

``python scripts/bench/cold_blobs.py [number] [mebibytes of each]``. Needs nothing but the package and its test extra.
Everything listens on loopback and stops with the program; the blobs are made as they are sent, and cached on the disk.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import Process, Queue
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.domain.manifest import OCI_MANIFEST
from ecr_emulator.testing.upstream.images import OCI_LAYER
from tests.support.boto import client_at
from tests.support.processes import Served, serving

MIB = 1024 * 1024
NAME = "cache/bench/app"


@dataclass(frozen=True)
class Blob:
    """Return a number of mebibytes with a pattern that no other blob has."""

    number: int
    mebibytes: int

    def pieces(self) -> Iterator[bytes]:
        for position in range(self.mebibytes):
            yield f"{self.number:08}{position:08}".encode() * (MIB // 16)

    @property
    def digest(self) -> str:
        hasher = hashlib.sha256()
        for piece in self.pieces():
            hasher.update(piece)
        return f"sha256:{hasher.hexdigest()}"


def upstream(manifest: bytes, blobs: dict[str, Blob], ports: Queue[int]) -> None:
    """A registry with one image, in its own process."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            blob = blobs.get(self.path.rpartition("/")[2])
            self.send_response(200)
            self.send_header("Content-Type", OCI_MANIFEST)
            self.send_header("Content-Length", str(blob.mebibytes * MIB if blob else len(manifest)))
            self.end_headers()
            for piece in blob.pieces() if blob else [manifest]:
                self.wfile.write(piece)

        def log_message(self, *_: object) -> None:
            """Write no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ports.put(server.server_port)
    server.serve_forever()


def pull(emulator: Served, digest: str) -> tuple[float, int]:
    """Pull a blob and verify its digest; return the seconds until the first byte, and the number of bytes."""
    hasher, count, first = hashlib.sha256(), 0, 0.0
    began = time.perf_counter()
    with requests.get(f"{emulator.url}/v2/{NAME}/blobs/{digest}", stream=True, timeout=60) as answer:
        answer.raise_for_status()
        for chunk in answer.iter_content(MIB):
            first = first or time.perf_counter() - began
            hasher.update(chunk)
            count += len(chunk)
    assert f"sha256:{hasher.hexdigest()}" == digest
    return first, count


def memory(emulator: Served, what: str) -> int:
    """Return the emulator's memory in mebibytes: ``VmRSS`` is the current value, ``VmHWM`` the peak."""
    status = Path(f"/proc/{emulator.process.pid}/status").read_text()
    (kilobytes,) = re.findall(rf"{what}:\s+(\d+) kB", status)
    return int(kilobytes) // 1024


def measure(emulator: Served, digests: list[str]) -> None:
    """Pull all blobs at once, and print a line with the measurements."""
    rule = {"ecrRepositoryPrefix": "cache", "upstreamRegistryUrl": "quay.io"}
    client_at(emulator.url, account="000000000000").create_pull_through_cache_rule(**rule)
    requests.get(f"{emulator.url}/v2/{NAME}/manifests/v1", timeout=60).raise_for_status()
    before = memory(emulator, "VmRSS")
    began = time.perf_counter()
    with ThreadPoolExecutor(len(digests)) as clients:
        pulled = list(clients.map(lambda digest: pull(emulator, digest), digests))
    seconds = time.perf_counter() - began
    total = sum(count for _, count in pulled) / MIB
    print(
        f"{len(digests)} blobs, {total:.0f} MiB in {seconds:.1f} s ({total / seconds:.0f} MiB/s); first byte after "
        f"{max(first for first, _ in pulled):.2f} s at most; memory grew by {memory(emulator, 'VmHWM') - before} MiB"
    )


def main() -> None:
    number, mebibytes = (int(text) for text in (*sys.argv[1:], "8", "128")[:2])
    blobs = {blob.digest: blob for blob in (Blob(each, mebibytes) for each in range(number))}
    described = [{"mediaType": OCI_LAYER, "digest": digest, "size": mebibytes * MIB} for digest in blobs]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described[0], "layers": described}
    ports: Queue[int] = Queue()
    serve = Process(target=upstream, args=(json.dumps(document).encode(), blobs, ports), daemon=True)
    serve.start()
    mapped = f"quay.io=http://127.0.0.1:{ports.get()}"
    arguments = ["--port", "0", "--registry-auth", "open", "--import-mode", "lazy", "--upstream-map", mapped]
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), *arguments) as emulator:
        measure(emulator, list(blobs))
        emulator.stop()
    serve.terminate()


if __name__ == "__main__":
    main()
