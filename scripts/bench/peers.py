"""The programs that the benchmarks compare: an upstream that can be slow or killed, and the caches in front of it."""

from __future__ import annotations

import json
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3

from ecr_emulator.testing.upstream.images import UpstreamImage
from scripts.bench.registries import RegistryAccess, push, running
from tests.support.processes import serving
from tests.support.programs import Distribution, free_port
from tests.support.slow_proxy import SlowProxy


class Upstream:
    """Debian's distribution, at full speed or behind an nginx that limits the bytes per second.

    With a rate, ``kill`` kills the nginx even while it sends an answer; ``restart`` starts it again.
    """

    def __init__(self, folder: Path, rate: int | None = None) -> None:
        folder.mkdir()
        self._distribution = Distribution(folder, is_open=True)
        self._distribution.start()
        self._proxy = SlowProxy(folder, self._distribution.url, rate) if rate else None
        if self._proxy:
            self._proxy.start()
        self._before = 0

    def push(self, image: UpstreamImage) -> None:
        """Push an image."""
        push(RegistryAccess(self._distribution.url), image)

    @property
    def url(self) -> str:
        """The address that caches pull from."""
        return self._proxy.url if self._proxy else self._distribution.url

    def kill(self) -> None:
        """Kill the upstream with SIGKILL, as a power failure would."""
        assert self._proxy, "only a slow upstream is killed"
        self._proxy.kill()

    def restart(self) -> None:
        """Start the same upstream again, at the same address."""
        assert self._proxy, "only a slow upstream is killed"
        self._proxy.start()

    def mark(self) -> None:
        """Count requests from now on."""
        self._before = len(self._distribution.requests())

    def asked(self) -> list[tuple[str, str]]:
        """Return method and path of the requests for manifests and blobs since the mark."""
        return self._distribution.requests()[self._before :]

    def close(self) -> None:
        """Stop the started processes."""
        if self._proxy:
            self._proxy.stop()
        self._distribution.stop()


class Peer(ABC):
    """A pull through cache that can be started empty."""

    name: str
    program: str

    @classmethod
    def is_installed(cls) -> bool:
        """Return whether the cache is installed."""
        return shutil.which(cls.program) is not None

    @classmethod
    @abstractmethod
    def serving(cls, folder: Path, upstream: Upstream) -> Iterator[RegistryAccess]:
        """Return a context in which an empty cache of this upstream runs."""

    @classmethod
    @contextmanager
    def empty(cls, upstream: Upstream) -> Iterator[RegistryAccess]:
        """Run an empty cache in front of an upstream; delete its data at the end."""
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as name,
            contextmanager(cls.serving)(Path(name), upstream) as access,
        ):
            yield access


class Emulator(Peer):
    """ecr_emulator with a data directory: all writes are synced to disk."""

    name = "ecr_emulator"
    program = "python3"

    @classmethod
    def serving(cls, folder: Path, upstream: Upstream) -> Iterator[RegistryAccess]:
        arguments = ("--port", "0", "--log-level", "error", "--data-dir", "state")
        with serving(folder, *arguments, "--upstream-map", f"quay.io={upstream.url}") as emulator:
            ecr = boto3.client("ecr", endpoint_url=emulator.url, region_name="us-east-1",
                               aws_access_key_id="123456789012", aws_secret_access_key="any")  # fmt: skip
            ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
            token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
            yield RegistryAccess(emulator.url, "quay/", f"Basic {token}")
            emulator.stop()


class DistributionProxy(Peer):
    """Debian's distribution as a proxy, open to everybody."""

    name = "distribution 2.8"
    program = "docker-registry"

    @classmethod
    def serving(cls, folder: Path, upstream: Upstream) -> Iterator[RegistryAccess]:
        port = free_port()
        config = folder / "proxy.yml"
        config.write_text(
            "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {folder / 'state'}}}}}\n"
            f"http: {{addr: '127.0.0.1:{port}'}}\nproxy: {{remoteurl: '{upstream.url}'}}\n"
        )
        with running([cls.program, "serve", str(config)], folder, f"http://127.0.0.1:{port}") as access:
            yield access


class Distribution3Proxy(DistributionProxy):
    """distribution 3 as a proxy, open to everybody."""

    name = "distribution 3"
    program = "registry"


class Drayage(Peer):
    """The package drayage: a cache in Rust, open to everybody."""

    name = "drayage"
    program = "drayage"

    @classmethod
    def serving(cls, folder: Path, upstream: Upstream) -> Iterator[RegistryAccess]:
        port = free_port()
        (folder / "state").mkdir()
        config = folder / "drayage.toml"
        config.write_text(
            f'listen = "127.0.0.1:{port}"\ncache_dir = "{folder / "state"}"\n'
            f'[upstreams.docker_io]\nregistry = "{upstream.url}"\n'
        )
        command = ["drayage", "serve", "--config", str(config)]
        with running(command, folder, f"http://127.0.0.1:{port}", "docker.io/") as access:
            yield access


class Zot(Peer):
    """zot with its extension for synchronization on demand, which fetches an image whole before it answers."""

    name = "zot"
    program = "zot"

    @classmethod
    def serving(cls, folder: Path, upstream: Upstream) -> Iterator[RegistryAccess]:
        port = free_port()
        source = {"urls": [upstream.url], "onDemand": True, "tlsVerify": False, "content": [{"prefix": "**"}]}
        config = {
            "storage": {"rootDirectory": str(folder / "state")},
            "http": {"address": "127.0.0.1", "port": str(port)},
            "log": {"level": "error"},
            "extensions": {"sync": {"enable": True, "registries": [source]}},
        }
        (folder / "zot.json").write_text(json.dumps(config))
        command = ["zot", "serve", str(folder / "zot.json")]
        with running(command, folder, f"http://127.0.0.1:{port}") as access:
            yield access


class Angos(Peer):
    """angos, open to everybody."""

    name = "angos"
    program = "angos"

    @classmethod
    def serving(cls, folder: Path, upstream: Upstream) -> Iterator[RegistryAccess]:
        port = free_port()
        config = folder / "angos.toml"
        config.write_text(
            f'[server]\nbind_address = "127.0.0.1"\nport = {port}\n'
            f'[blob_store.fs]\nroot_dir = "{folder / "state"}"\n[global.access_policy]\ndefault = "allow"\n'
            f'[repository."hub"]\n[[repository."hub".upstream]]\nurl = "{upstream.url}"\n'
        )
        command = ["angos", "--config", str(config), "server"]
        with running(command, folder, f"http://127.0.0.1:{port}", "hub/") as access:
            yield access


PEERS = (Emulator, DistributionProxy, Distribution3Proxy, Drayage, Zot, Angos)
