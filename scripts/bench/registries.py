"""The registries that the benchmarks compare: each started on loopback, and filled with the same image."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin

import boto3
import granian
import requests

from ecr_emulator.testing.upstream.images import UpstreamImage
from ecr_emulator.version import __version__
from tests.support.processes import serving
from tests.support.programs import free_port, stop

READY_SECONDS = 60
NAME, TAG = "bench/app", "v1"


class RegistryAccess(NamedTuple):
    """Access to a registry: ``http://host:port``, the prefix of upstream names, and the Authorization header."""

    url: str
    prefix: str = ""
    authorization: str = ""


class Registry(ABC):
    """A registry that can be started. ``program`` must be on the path."""

    name: str
    program: str
    version_command: tuple[str, ...]

    @classmethod
    def is_installed(cls) -> bool:
        """Return whether the program is on the path."""
        return shutil.which(cls.program) is not None

    @classmethod
    def version(cls) -> str:
        """Return the version that the program prints."""
        done = subprocess.run(cls.version_command, capture_output=True, text=True, check=False)
        found = re.search(r"v?\d+\.\d+[\w.+-]*", done.stdout + done.stderr)
        return found[0] if found else "unknown"

    @classmethod
    @abstractmethod
    def command(cls, folder: Path, port: int) -> list[str]:
        """Write the configuration, and return the command that serves the folder ``state`` on a port of loopback."""

    @classmethod
    @contextmanager
    def serving(cls, folder: Path, image: UpstreamImage) -> Iterator[RegistryAccess]:
        """Run the registry with an image."""
        port = free_port()
        with running(cls.command(folder, port), folder, f"http://127.0.0.1:{port}") as access:
            push(access, image)
            yield access


class Emulator(Registry):
    """ecr_emulator with a data directory. It checks a token with each request; the other registries are open."""

    name = "ecr_emulator"
    program = sys.executable

    @classmethod
    def version(cls) -> str:
        return __version__

    @classmethod
    def command(cls, folder: Path, port: int) -> list[str]:
        raise NotImplementedError("`ecr-emulator serve` chooses its port")

    @classmethod
    @contextmanager
    def serving(cls, folder: Path, image: UpstreamImage) -> Iterator[RegistryAccess]:
        with serving(folder, "--port", "0", "--log-level", "error", "--data-dir", "state") as emulator:
            ecr = boto3.client("ecr", endpoint_url=emulator.url, region_name="us-east-1",
                               aws_access_key_id="123456789012", aws_secret_access_key="any")  # fmt: skip
            ecr.create_repository(repositoryName=NAME)
            token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
            access = RegistryAccess(emulator.url, authorization=f"Basic {token}")
            push(access, image)
            yield access
            emulator.stop()


class Bare(Registry):
    """A WSGI callable on the emulator's server that does nothing but answer (``bare.py``)."""

    name = "bare"
    program = sys.executable

    @classmethod
    def version(cls) -> str:
        return f"Granian {granian.__version__}"

    @classmethod
    def command(cls, folder: Path, port: int) -> list[str]:
        return [sys.executable, str(Path(__file__).parent / "bare.py"), str(folder / "state")]

    @classmethod
    @contextmanager
    def serving(cls, folder: Path, image: UpstreamImage) -> Iterator[RegistryAccess]:
        write_files(folder / "state", image)
        with cls.running(folder) as access:
            yield access

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator[RegistryAccess]:
        """Run the callable on the files in the folder ``state``."""
        with subprocess.Popen(cls.command(folder, 0), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            try:
                yield RegistryAccess(process.stdout.readline().decode().strip())
            finally:
                stop(process)


class Olareg(Registry):
    """olareg, a small registry in Go."""

    name = "olareg"
    program = "olareg"
    version_command = ("olareg", "version")

    @classmethod
    def command(cls, folder: Path, port: int) -> list[str]:
        (folder / "state").mkdir()
        arguments = ["--addr", "127.0.0.1", "--port", str(port), "--dir", str(folder / "state")]
        return [cls.program, "serve", *arguments, "--verbosity", "error"]


class Zot(Registry):
    """zot without extensions."""

    name = "zot"
    program = "zot"
    version_command = ("zot", "--version")

    @classmethod
    def command(cls, folder: Path, port: int) -> list[str]:
        config = {
            "storage": {"rootDirectory": str(folder / "state")},
            "http": {"address": "127.0.0.1", "port": str(port)},
            "log": {"level": "error"},
        }
        (folder / "zot.json").write_text(json.dumps(config))
        return [cls.program, "serve", str(folder / "zot.json")]


class Angos(Registry):
    """angos, a registry in Rust."""

    name = "angos"
    program = "angos"
    version_command = ("angos", "--version")

    @classmethod
    def command(cls, folder: Path, port: int) -> list[str]:
        config = folder / "angos.toml"
        config.write_text(
            f'[server]\nbind_address = "127.0.0.1"\nport = {port}\n'
            f'[blob_store.fs]\nroot_dir = "{folder / "state"}"\n[global.access_policy]\ndefault = "allow"\n'
            f'[repository."bench"]\n'
        )
        return [cls.program, "--config", str(config), "server"]


class Distribution2(Registry):
    """Debian's distribution."""

    name = "distribution 2.8"
    program = "docker-registry"
    version_command = ("docker-registry", "--version")

    @classmethod
    def command(cls, folder: Path, port: int) -> list[str]:
        config = folder / "distribution.yml"
        config.write_text(
            "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {folder / 'state'}}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n"
        )
        return [cls.program, "serve", str(config)]


class Distribution3(Distribution2):
    """distribution 3."""

    name = "distribution 3"
    program = "registry"
    version_command = ("registry", "--version")


class Nginx(Registry):
    """nginx with the files of the image, and sendfile."""

    name = "nginx"
    program = "nginx"
    version_command = ("nginx", "-v")

    @classmethod
    def command(cls, folder: Path, port: int) -> list[str]:
        config = folder / "nginx.conf"
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"{each}_temp_path {folder / each};\n" for each in kinds)
        config.write_text(
            f"daemon off; worker_processes 2; pid {folder}/pid; error_log {folder}/errors;\nuser root;\nevents {{}}\n"
            f"http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; {temporary}"
            f"server {{ listen 127.0.0.1:{port}; root {folder / 'state'}; }} }}\n"
        )
        return [cls.program, "-c", str(config), "-e", str(folder / "errors")]

    @classmethod
    @contextmanager
    def serving(cls, folder: Path, image: UpstreamImage) -> Iterator[RegistryAccess]:
        write_files(folder / "state", image)
        port = free_port()
        with running(cls.command(folder, port), folder, f"http://127.0.0.1:{port}") as access:
            yield access


REGISTRIES: tuple[type[Registry], ...] = (
    Emulator, Bare, Olareg, Zot, Angos, Distribution2, Distribution3, Nginx,
)  # fmt: skip


def push(access: RegistryAccess, image: UpstreamImage, tag: str = TAG) -> None:
    """Push an image as ``NAME``."""
    base = f"{access.url}/v2/{access.prefix}{NAME}"
    with requests.Session() as session:
        session.headers.update({"Authorization": access.authorization} if access.authorization else {})
        for blob in image.blobs:
            begun = session.post(f"{base}/blobs/uploads/", timeout=READY_SECONDS)
            begun.raise_for_status()
            location, asked = urljoin(base, begun.headers["Location"]), {"digest": blob.digest}
            headers = {"Content-Type": "application/octet-stream"}
            session.put(
                location, params=asked, data=blob.raw, headers=headers, timeout=READY_SECONDS
            ).raise_for_status()
        headers = {"Content-Type": image.media_type}
        session.put(f"{base}/manifests/{tag}", image.raw, headers=headers, timeout=READY_SECONDS).raise_for_status()


def write_files(folder: Path, image: UpstreamImage) -> None:
    """Write an image as files at the paths of the protocol."""
    base = folder / "v2" / NAME
    for path, content in [(f"manifests/{TAG}", image), *((f"blobs/{blob.digest}", blob) for blob in image.blobs)]:
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        (base / path).write_bytes(content.raw)
    for each in (folder, *folder.rglob("*")):
        each.chmod(0o755)


@contextmanager
def running(command: list[str], folder: Path, url: str, prefix: str = "") -> Iterator[RegistryAccess]:
    """Run a server until the block ends; the block begins when the server answers."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    try:
        await_answer(f"{url}/v2/")
        yield RegistryAccess(url, prefix)
    finally:
        stop(process)


def await_answer(url: str) -> None:
    """Wait until a server answers at this address with any status."""
    for _ in range(READY_SECONDS * 20):
        try:
            requests.get(url, timeout=5)
        except requests.ConnectionError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"nothing answers at {url}")
