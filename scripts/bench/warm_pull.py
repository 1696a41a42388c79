"""Warm pulls side by side: this emulator and Debian's distribution, the same content, the same load, one run.

Needs wrk, docker-registry and the package with its test extra: ``python scripts/bench/warm_pull.py [seconds]``.
Prints requests per second and the ratio. Everything listens on loopback and stops with the program.
"""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.domain.manifest import OCI_INDEX
from ecr_emulator.http_transport import HttpTransport
from ecr_emulator.seeds.client import ImagePush
from ecr_emulator.seeds.images import Blob, synthetic_image
from tests.support.processes import Served, serving
from tests.support.programs import Distribution

NAME = "bench/app"
CONNECTIONS = 16
BLOB_SIZE = 10_240


def needed(*programs: str) -> None:
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        sys.exit(f"This benchmark needs {', '.join(missing)}: apt-get install wrk docker-registry")


def load(url: str, seconds: int, password: str | None = None) -> float:
    """Return the requests per second. The emulator checks a token with each request; distribution is open."""
    headers = ["-H", f"Accept: {OCI_INDEX}"]
    if password:
        headers += ["-H", f"Authorization: {basic(password)}"]
    command = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", *headers]
    out = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out:
        sys.exit(f"{url} answered errors:\n{out}")
    (rate,) = re.findall(r"Requests/sec:\s+([\d.]+)", out)
    return float(rate)


def fill(url: str, password: str = "") -> str:
    """Push the same image and blob; returns the digest of the blob."""
    push = ImagePush(HttpTransport(url), f"/v2/{NAME}", {"Authorization": basic(password)} if password else {})
    blob = Blob.of("application/octet-stream", bytes(range(256)) * (BLOB_SIZE // 256))
    push.blob(blob)
    push.image(synthetic_image(NAME, ("linux/amd64", "linux/arm64")), ("v1",))
    return blob.digest


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"AWS:{password}".encode()).decode()


def main() -> None:
    needed("wrk", "docker-registry")
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        distribution = Distribution(folder, is_open=True)
        distribution.start()
        try:
            arguments = ("--port", "0", "--log-level", "warning")
            with serving(folder, *arguments) as emulator:
                compare(distribution, emulator, seconds)
                emulator.stop()
        finally:
            distribution.stop()


def compare(distribution: Distribution, emulator: Served, seconds: int) -> None:
    ecr = boto3.client("ecr", endpoint_url=emulator.url, region_name="us-east-1",
                       aws_access_key_id="123456789012", aws_secret_access_key="any")  # fmt: skip
    ecr.create_repository(repositoryName=NAME)
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    password = base64.b64decode(token).decode().partition(":")[2]
    digest = fill(distribution.url)
    fill(emulator.url, password)
    for what, path in (("manifest by tag", "manifests/v1"), (f"blob of {BLOB_SIZE} bytes", f"blobs/{digest}")):
        ours = load(f"{emulator.url}/v2/{NAME}/{path}", seconds, password)
        peer = load(f"{distribution.url}/v2/{NAME}/{path}", seconds)
        print(f"{what:<22} emulator {ours:8.0f}/s   distribution {peer:8.0f}/s   ratio {ours / peer:.2f}")


if __name__ == "__main__":
    main()
