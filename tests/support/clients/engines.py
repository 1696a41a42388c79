"""The clients that are also servers: containerd, Docker, BuildKit. Each client starts its own server."""

from __future__ import annotations

import json
import os
import subprocess
from itertools import count
from pathlib import Path

import pytest

from ecr_emulator.domain.names import digest_of
from tests.support.clients.client import Client, ImageClient, Pulled
from tests.support.clients.copying import Crane, Skopeo
from tests.support.layouts import Layout
from tests.support.programs import program, start_program, stop


class Containerd(ImageClient):
    """containerd and its ``ctr``, which keeps no passwords: it is given one with every command.

    containerd speaks plain HTTP with localhost, and with hosts of which ``hosts.toml`` says so.
    """

    name = "ctr"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if os.geteuid() != 0:
            pytest.skip("containerd needs root")
        self._socket = folder / "containerd.sock"
        self._hosts = folder / "certs.d"
        self._hosts.mkdir()
        self._credentials: list[str] = []
        config = folder / "containerd.toml"
        config.write_text(
            "version = 2\n"
            f"root = '{folder / 'root'}'\n"
            f"state = '{folder / 'state'}'\n"
            f"grpc = {{address = '{self._socket}'}}\n"
            "disabled_plugins = ['io.containerd.grpc.v1.cri']\n"
            f"plugins = {{'io.containerd.internal.v1.opt' = {{path = '{folder / 'opt'}'}}}}\n"
        )
        command = [program("containerd"), "--config", str(config)]
        self._process = start_program(command, folder / "containerd.log", ready=self._is_ready)

    def close(self) -> None:
        """Stop containerd."""
        stop(self._process)

    def _is_ready(self) -> bool:
        ping = [self.program, "--address", str(self._socket), "--connect-timeout=1s", "version"]
        return subprocess.run(ping, capture_output=True, check=False).returncode == 0

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run ctr and return its output."""
        return super().run("--address", str(self._socket), *arguments, stdin=stdin)

    def login(self, host: str, password: str) -> None:
        """Remember the password."""
        self._credentials = [f"--user=AWS:{password.strip()}"]

    def mirror(self, registry: str, url: str) -> None:
        """Configure another host to pull a registry's images from."""
        (self._hosts / registry).mkdir()
        (self._hosts / registry / "hosts.toml").write_text(
            f'server = "https://{registry}"\n\n[host."{url}"]\n  capabilities = ["pull", "resolve"]\n'
        )

    def push(self, image: Layout, reference: str, *options: str) -> None:
        """Push an image, byte for byte."""
        archive = self._new("layout.tar")
        image.archive(archive)
        self.run("images", "import", "--snapshotter=native", "--base-name=local/image", str(archive))
        (local,) = self.run("images", "ls", "--quiet").split()
        self._transfer("push", *options, reference, local)
        self.run("images", "rm", "--sync", local)

    def pull(self, reference: str, *options: str) -> Pulled:
        """Pull an image, check every received blob, and remove the image."""
        self._transfer("pull", "--snapshotter=native", *options, reference)
        (digest,) = {line.split()[2] for line in self.run("images", "ls", f"name=={reference}").splitlines()[1:]}
        blobs = {each: self._blob(each) for each in self.run("content", "ls", "--quiet").split()}
        manifest = json.loads(blobs[digest])
        if "manifests" in manifest:
            (child,) = {each["digest"] for each in manifest["manifests"]} & blobs.keys()
            manifest = json.loads(blobs[child])
        config = json.loads(blobs[manifest["config"]["digest"]])
        self.run("images", "rm", "--sync", reference)
        return Pulled(digest, config["rootfs"]["diff_ids"])

    def _transfer(self, verb: str, *arguments: str) -> None:
        self.run("images", verb, f"--hosts-dir={self._hosts}", *self._credentials, *arguments)

    def _blob(self, digest: str) -> bytes:
        command = [self.program, "--address", str(self._socket), "content", "get", digest]
        data = subprocess.run(command, capture_output=True, check=True).stdout
        assert digest_of(data) == digest
        return data


class Docker(ImageClient):
    """Docker's command line and an engine of its own, which takes registries on loopback without TLS."""

    name = "docker"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if os.geteuid() != 0:
            pytest.skip("Docker Engine needs root")
        self.engine = f"unix://{folder / 'docker.sock'}"
        self._archives = Skopeo(folder)
        self._process = start_program(
            [
                program("dockerd"),
                f"--host={self.engine}",
                f"--data-root={folder / 'data'}",
                f"--exec-root={folder / 'exec'}",
                f"--pidfile={folder / 'docker.pid'}",
                "--iptables=false",
                *self._options(),
            ],
            folder / "dockerd.log",
            ready=self._is_ready,
        )

    def _options(self) -> list[str]:
        """Return options with which the engine needs no kernel support. It can run no containers then."""
        return ["--storage-driver=vfs", "--bridge=none"]

    def close(self) -> None:
        """Stop the engine."""
        stop(self._process)
        if (self.folder / "data").is_mount():  # an engine that fails early leaves it
            self.shell.run("umount", str(self.folder / "data"))

    def _is_ready(self) -> bool:
        ping = [self.program, "--host", self.engine, "version"]
        return subprocess.run(ping, capture_output=True, check=False).returncode == 0

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run docker and return its output."""
        config = str(self.folder / "config")
        return super().run("--host", self.engine, "--config", config, *arguments, stdin=stdin)

    def login(self, host: str, password: str) -> None:
        """Log in."""
        self.run("login", "--username", "AWS", "--password-stdin", host, stdin=password)

    def push(self, image: Layout, reference: str, *options: str) -> None:
        """Push an image; Docker makes a manifest of its own for it."""
        self.run("load", "--input", str(self._archives.archive(image, reference)))
        self.run("push", *options, reference)
        self.run("rmi", reference)

    def pull(self, reference: str, *options: str) -> Pulled:
        """Pull an image into the engine, and remove it."""
        self.run("pull", *options, reference)
        image = json.loads(self.run("image", "inspect", reference))[0]
        self.run("rmi", reference)
        return Pulled(image["RepoDigests"][0].partition("@")[2], image["RootFS"]["Layers"])


_SECONDS = count(1_700_000_000)
"""The times at which the files of builds were written, as layers record them."""


class BuildKit(Client):
    """BuildKit's command line and a daemon of its own, which speaks plain HTTP with localhost.

    ``config`` is its ``buildkitd.toml``.
    """

    name = "buildctl"

    def __init__(self, folder: Path, config: str = "") -> None:
        super().__init__(folder)
        if os.geteuid() != 0:
            pytest.skip("BuildKit needs root")
        self._address = f"unix://{folder / 'buildkitd.sock'}"
        self._accounts = Crane(folder)
        (folder / "buildkitd.toml").write_text(config)
        self._process = start_program(
            [
                program("buildkitd"),
                f"--addr={self._address}",
                f"--config={folder / 'buildkitd.toml'}",
                f"--root={folder / 'root'}",
                "--oci-worker-snapshotter=native",
                "--containerd-worker=false",
            ],
            folder / "buildkitd.log",
            ready=self._is_ready,
        )

    def close(self) -> None:
        """Stop the daemon."""
        stop(self._process)

    def _is_ready(self) -> bool:
        ask = [self.program, "--addr", self._address, "debug", "workers"]
        return subprocess.run(ask, capture_output=True, check=False).returncode == 0

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run buildctl and return its output."""
        return super().run("--addr", self._address, *arguments, stdin=stdin)

    def login(self, host: str, password: str) -> None:
        """Log in: BuildKit reads ``~/.docker/config.json``."""
        self._accounts.login(host, password)

    def build(self, dockerfile: str, reference: str, *options: str, **files: str) -> str:
        """Build an image of files, push it, and return its digest. No two builds have files of the same second."""
        context = self._new("context")
        context.mkdir()
        written_at = next(_SECONDS)
        for name, text in files.items():
            (context / name).write_text(text)
            os.utime(context / name, (written_at, written_at))
        (context / "Dockerfile").write_text(dockerfile)
        told = context / "metadata.json"
        self.run(
            "build",
            "--frontend=dockerfile.v0",
            f"--local=context={context}",
            f"--local=dockerfile={context}",
            f"--output=type=image,name={reference},push=true",
            f"--metadata-file={told}",
            *options,
        )
        return str(json.loads(told.read_text())["containerimage.digest"])
