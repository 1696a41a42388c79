"""The times of other requests while a server indexes advisories, and while it scans a large image.

Needs Linux, and the package with its test extra: ``python scripts/bench/scan_requests.py [MiB] [advisories]``. Another
client pulls a manifest and describes images in turn.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.testing.upstream.images import OCI_LAYER, Content, image
from scripts.bench.long_work import HOME, SMALL, Measured, measure
from scripts.bench.scan import make_advisories, make_layer
from tests.support.boto import client_at
from tests.support.images import an_image, put_image, put_manifest
from tests.support.processes import Served, serving

BIG = "big/image"


def main() -> None:
    size, count = (int(each) for each in [*sys.argv[1:], "1024", "200000"][:2])
    print("| work | time | other requests: median | 99 % | slowest | memory |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_advisories(folder / "osv", count)
        make_layer(folder / "layer", size)
        for measured in run(folder):
            print(measured.row(), flush=True)


def run(folder: Path) -> Iterator[Measured]:
    """Yield the times of another client's requests while a server does nothing, indexes the advisories, and scans."""
    with serving(folder, "--port", "0", "--registry-auth", "open", "--vulnerabilities", "osv") as emulator:
        ecr = client_at(emulator.url, account=HOME.id, region=HOME.region)
        ecr.create_repository(repositoryName=SMALL)
        put_image(ecr, SMALL, an_image(), "v1")
        log = folder / "log"
        yield measure(emulator, "index", lambda: until(lambda: "advisories are indexed" in log.read_text()))
        yield measure(emulator, "nothing", lambda: time.sleep(5))
        ecr.create_repository(repositoryName=BIG, imageScanningConfiguration={"scanOnPush": True})
        push(emulator, ecr, folder / "layer")
        yield measure(emulator, "scan", lambda: until(lambda: scan_status(ecr) == "COMPLETE"))
        emulator.stop()


def push(emulator: Served, ecr: Any, layer: Path) -> None:
    """Push the image."""
    made = image(BIG, Content(layer.read_bytes(), OCI_LAYER))
    for blob in (made.config, *made.layers):
        started = requests.post(f"{emulator.url}/v2/{BIG}/blobs/uploads/", timeout=60)
        url = urljoin(emulator.url, started.headers["Location"])
        requests.put(url, params={"digest": blob.digest}, data=blob.raw, timeout=600).raise_for_status()
    put_manifest(ecr, BIG, made.raw, "v1")


def scan_status(ecr: Any) -> str:
    """Return the status of the scan of the image."""
    found = ecr.describe_image_scan_findings(repositoryName=BIG, imageId={"imageTag": "v1"}, maxResults=1)
    return str(found["imageScanStatus"]["status"])


def until(happens: Callable[[], bool]) -> None:
    """Wait for something."""
    while not happens():
        time.sleep(0.1)


if __name__ == "__main__":
    main()
