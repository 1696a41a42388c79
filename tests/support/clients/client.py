"""The base of all clients, and the AWS CLI that gives them their passwords."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar

from tests.support.boto import client_at
from tests.support.layouts import Layout
from tests.support.processes import Endpoint
from tests.support.programs import program

TIMEOUT = 120


class Pulled(NamedTuple):
    """An image that a client has pulled and verified: its digest, and those of its unpacked layers."""

    digest: str
    diff_ids: list[str]


class CommandFailed(Exception):
    """A command failed. The message holds the command and its output."""


class Shell:
    """Runs commands as a user would type them, with an environment of its own, and in a folder if that matters."""

    def __init__(self, variables: Mapping[str, str], folder: Path | None = None) -> None:
        self._environment = os.environ | dict(variables)
        self._folder = folder

    def run(self, *command: str, stdin: str | None = None, seconds: float = TIMEOUT) -> str:
        """Run a command and return its output. Raises ``CommandFailed``."""
        done = subprocess.run(
            command,
            env=self._environment,
            cwd=self._folder,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        if done.returncode != 0:
            raise CommandFailed(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        return done.stdout


class Aws:
    """The AWS CLI, configured for an emulator by environment variables."""

    def __init__(self, emulator: Endpoint, **variables: str) -> None:
        self._emulator = emulator
        self._program = program("aws")
        self._shell = Shell(emulator.aws_environment() | variables)

    def signing_with(self, access_key: str, secret: str) -> Aws:
        """Return the CLI with another access key."""
        return Aws(self._emulator, AWS_ACCESS_KEY_ID=access_key, AWS_SECRET_ACCESS_KEY=secret)

    def run(self, *arguments: str) -> str:
        """Run a command and return its output."""
        return self._shell.run(self._program, *arguments)

    def json(self, *arguments: str) -> Any:
        """Run a command and return its output, read as JSON."""
        return json.loads(self.run(*arguments, "--output=json") or "{}")

    def create_repository(self, name: str, *options: str) -> None:
        """Create a repository, which a push needs."""
        self.run("ecr", "create-repository", "--repository-name", name, *options)

    def images(self, repository: str) -> list[dict[str, Any]]:
        """Return the output of ``describe-images`` for a repository."""
        details: list[dict[str, Any]] = self.json("ecr", "describe-images", "--repository-name", repository)[
            "imageDetails"
        ]
        return details

    def password(self) -> str:
        """Return the password for clients."""
        return self.run("ecr", "get-login-password")


class Client(ABC):
    """A client with its files in a folder of its own, whose path is short; ``name`` is its program's."""

    name: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = program(self.name)
        self.shell = Shell({"HOME": str(folder), "TMPDIR": str(folder)}, folder)

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run the client and return its output."""
        return self.shell.run(self.program, *arguments, stdin=stdin)

    def close(self) -> None:  # noqa: B027 - most have nothing to stop
        """Stop the started processes."""

    @abstractmethod
    def login(self, host: str, password: str) -> None:
        """Log in with the output of ``aws ecr get-login-password``."""

    def _new(self, suffix: str) -> Path:
        return self.folder / f"{len(list(self.folder.iterdir()))}-{suffix}"


class ImageClient(Client):
    """A client of images."""

    @abstractmethod
    def push(self, image: Layout, reference: str, *options: str) -> None:
        """Push an image of one architecture."""

    @abstractmethod
    def pull(self, reference: str, *options: str) -> Pulled:
        """Pull an image; every part of it must come from the registry."""


Kind = TypeVar("Kind", bound=Client)


@contextmanager
def logged_in(kind: type[Kind], emulator: Endpoint, aws: Aws | None = None) -> Iterator[Kind]:
    """Yield a client that has logged in to an emulator, in a new folder whose path is short enough for sockets.

    It has the credentials of the AWS CLI, or those of an account's root.
    """
    with TemporaryDirectory(prefix="ecr-") as folder, closing(kind(Path(folder))) as client:
        client.login(emulator.host, aws.password() if aws else _password(emulator))
        yield client


def _password(emulator: Endpoint) -> str:
    """Return the output of the AWS CLI, without the second that its start takes."""
    ecr = client_at(emulator.url, account=emulator.aws_environment()["AWS_ACCESS_KEY_ID"])
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(token).decode().partition(":")[2]


def any_signature(folder: Path) -> Path:
    """A policy for the libraries of podman, buildah and skopeo that asks for no signatures."""
    policy = folder / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    return policy
