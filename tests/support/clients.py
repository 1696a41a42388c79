"""The clients that people use with ECR, driven as their users do: log in, push, pull.

Each takes and gives images as OCI layouts or as what it tells of an image, so that one story can be told of all.
"""

from __future__ import annotations

import json
import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.layouts import Layout
from tests.support.processes import Served
from tests.support.programs import program, start_program, stop

TIMEOUT = 120


class Pulled(NamedTuple):
    """An image that a client has pulled and verified: its digest, and those of its unpacked layers."""

    digest: str
    diff_ids: list[str]


class Shell:
    """Runs commands as a user would type them, with an environment of its own."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._environment = os.environ | dict(variables)

    def run(self, *command: str, stdin: str | None = None) -> str:
        """The output of a command, which must succeed."""
        done = subprocess.run(
            command, env=self._environment, input=stdin, capture_output=True, text=True, check=False, timeout=TIMEOUT
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout


class Aws:
    """The AWS CLI, told of an emulator as its users tell it."""

    def __init__(self, emulator: Served) -> None:
        self._program = program("aws")
        self._shell = Shell(emulator.aws_environment())

    def run(self, *arguments: str) -> str:
        """What a command prints."""
        return self._shell.run(self._program, *arguments)

    def json(self, *arguments: str) -> Any:
        """The answer to a command."""
        return json.loads(self.run(*arguments, "--output=json") or "{}")

    def password(self) -> str:
        """What clients log in with."""
        return self.run("ecr", "get-login-password")


class Client(ABC):
    """A client with its files in a folder of its own, whose path is short; ``name`` is its program's."""

    name: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = program(self.name)
        self.shell = Shell({"HOME": str(folder), "TMPDIR": str(folder)})

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """The output of the client with these arguments."""
        return self.shell.run(self.program, *arguments, stdin=stdin)

    def close(self) -> None:  # noqa: B027 - most have nothing to stop
        """Stop what was started."""

    @abstractmethod
    def login(self, host: str, password: str) -> None:
        """Log in with what ``aws ecr get-login-password`` prints."""

    @abstractmethod
    def push(self, image: Layout, reference: str) -> None:
        """Push an image of one architecture."""

    @abstractmethod
    def pull(self, reference: str) -> Pulled:
        """Pull an image, and nothing of it from anywhere else."""

    def _new(self, suffix: str) -> Path:
        return self.folder / f"{len(list(self.folder.iterdir()))}-{suffix}"


class Skopeo(Client):
    """https://github.com/containers/skopeo"""

    name = "skopeo"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        policy = folder / "policy.json"
        policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        self._auth = f"--authfile={folder / 'auth.json'}"
        self._policy = f"--policy={policy}"

    def login(self, host: str, password: str) -> None:
        """Log in."""
        arguments = ["login", self._auth, "--tls-verify=false", "--username=AWS", "--password-stdin", host]
        self.run(*arguments, stdin=password)

    def push(self, image: Layout, reference: str, *options: str) -> None:
        """Push an image, byte for byte; ``--all`` pushes all architectures."""
        self.copy(f"oci:{image.folder}", f"docker://{reference}", self._auth, "--dest-tls-verify=false", *options)

    def pull(self, reference: str) -> Pulled:
        """Pull an image into a layout."""
        layout = Layout(self._new("pulled"))
        self.pull_into(layout, reference)
        return Pulled(layout.top(), layout.diff_ids())

    def pull_into(self, layout: Layout, reference: str, *options: str) -> None:
        """Pull an image into a layout that is not there yet; ``--all`` pulls all architectures."""
        place = f"oci:{layout.folder}:pulled"
        self.copy(f"docker://{reference}", place, self._auth, "--src-tls-verify=false", *options)
        layout.verify()

    def copy(self, source: str, destination: str, *options: str) -> None:
        """``skopeo copy`` that never changes a manifest."""
        self.run("copy", self._policy, "--preserve-digests", *options, source, destination)

    def archive(self, image: Layout, reference: str) -> Path:
        """An image as an archive that ``docker load`` and ``crane push`` read."""
        path = self._new("archive.tar")
        self.run("copy", self._policy, f"oci:{image.folder}", f"docker-archive:{path}:{reference}")
        return path


class Crane(Client):
    """https://github.com/google/go-containerregistry/tree/main/cmd/crane"""

    name = "crane"

    def login(self, host: str, password: str) -> None:
        """Log in."""
        self.run("auth", "login", host, "--username=AWS", "--password-stdin", stdin=password)

    def push(self, image: Layout, reference: str) -> None:
        """Push an image, byte for byte."""
        self.run("push", str(image.folder), reference)

    def pull(self, reference: str) -> Pulled:
        """Pull an image into a layout."""
        layout = Layout(self._new("pulled"))
        self.run("pull", "--format=oci", reference, str(layout.folder))
        layout.verify()
        return Pulled(layout.top(), layout.diff_ids())


class Podman(Client):
    """https://podman.io, with a storage of its own that needs no kernel support."""

    name = "podman"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if os.geteuid() != 0:
            pytest.skip("podman without root needs user namespaces that are set up for it")
        policy = folder / "policy.json"
        policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        self._signatures = f"--signature-policy={policy}"
        self._auth = f"--authfile={folder / 'auth.json'}"
        self._places = [f"--root={folder / 'root'}", f"--runroot={folder / 'run'}", f"--tmpdir={folder / 'tmp'}"]

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """The output of podman with these arguments."""
        return super().run(*self._places, "--storage-driver=vfs", *arguments, stdin=stdin)

    def login(self, host: str, password: str) -> None:
        """Log in."""
        arguments = ["login", self._auth, "--tls-verify=false", "--username=AWS", "--password-stdin", host]
        self.run(*arguments, stdin=password)

    def push(self, image: Layout, reference: str) -> None:
        """Push an image."""
        local = self.run("pull", "--quiet", self._signatures, f"oci:{image.folder}").strip()
        self.run("push", self._auth, "--tls-verify=false", self._signatures, local, reference)
        self.run("rmi", "--force", local)

    def pull(self, reference: str) -> Pulled:
        """Pull an image into the storage, and remove it."""
        pulled = self.run("pull", "--quiet", self._auth, "--tls-verify=false", self._signatures, reference).strip()
        image = json.loads(self.run("image", "inspect", pulled))[0]
        self.run("rmi", "--force", pulled)
        return Pulled(image["Digest"], image["RootFS"]["Layers"])


class Docker(Client):
    """Docker's command line and an engine of its own, which takes registries on loopback without TLS."""

    name = "docker"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if os.geteuid() != 0:
            pytest.skip("Docker Engine needs root")
        self._engine = f"unix://{folder / 'docker.sock'}"
        self._archives = Skopeo(folder)
        self._process = start_program(
            [
                program("dockerd"),
                f"--host={self._engine}",
                f"--data-root={folder / 'data'}",
                f"--exec-root={folder / 'exec'}",
                f"--pidfile={folder / 'docker.pid'}",
                "--storage-driver=vfs",
                "--iptables=false",
                "--bridge=none",
            ],
            folder / "dockerd.log",
            ready=self._is_ready,
        )

    def close(self) -> None:
        """Stop the engine."""
        stop(self._process)
        if (self.folder / "data").is_mount():  # an engine that fails early leaves it
            self.shell.run("umount", str(self.folder / "data"))

    def _is_ready(self) -> bool:
        ping = [self.program, "--host", self._engine, "version"]
        return subprocess.run(ping, capture_output=True, check=False).returncode == 0

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """The output of docker with these arguments."""
        config = str(self.folder / "config")
        return super().run("--host", self._engine, "--config", config, *arguments, stdin=stdin)

    def login(self, host: str, password: str) -> None:
        """Log in."""
        self.run("login", "--username", "AWS", "--password-stdin", host, stdin=password)

    def push(self, image: Layout, reference: str) -> None:
        """Push an image; Docker makes a manifest of its own for it."""
        self.run("load", "--input", str(self._archives.archive(image, reference)))
        self.run("push", reference)
        self.run("rmi", reference)

    def pull(self, reference: str) -> Pulled:
        """Pull an image into the engine, and remove it."""
        self.run("pull", reference)
        image = json.loads(self.run("image", "inspect", reference))[0]
        self.run("rmi", reference)
        return Pulled(image["RepoDigests"][0].partition("@")[2], image["RootFS"]["Layers"])
