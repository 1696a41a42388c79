"""The clients that people use with ECR, driven as their users do: log in, push, pull.

Each takes and gives images as OCI layouts or as what it tells of an image, so that one story can be told of all.
"""

from __future__ import annotations

import json
import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar

import pytest

from ecr_emulator.domain.names import digest_of
from tests.support.layouts import Layout
from tests.support.processes import Served
from tests.support.programs import program, start_program, stop

TIMEOUT = 120


class Pulled(NamedTuple):
    """An image that a client has pulled and verified: its digest, and those of its unpacked layers."""

    digest: str
    diff_ids: list[str]


class Shell:
    """Runs commands as a user would type them, with an environment of its own, and in a folder if that matters."""

    def __init__(self, variables: Mapping[str, str], folder: Path | None = None) -> None:
        self._environment = os.environ | dict(variables)
        self._folder = folder

    def run(self, *command: str, stdin: str | None = None) -> str:
        """The output of a command, which must succeed."""
        done = subprocess.run(
            command,
            env=self._environment,
            cwd=self._folder,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT,
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

    def create_repository(self, name: str, *options: str) -> None:
        """Create a repository, without which nothing can be pushed."""
        self.run("ecr", "create-repository", "--repository-name", name, *options)

    def images(self, repository: str) -> list[dict[str, Any]]:
        """What ``describe-images`` tells of a repository."""
        details: list[dict[str, Any]] = self.json("ecr", "describe-images", "--repository-name", repository)[
            "imageDetails"
        ]
        return details

    def password(self) -> str:
        """What clients log in with."""
        return self.run("ecr", "get-login-password")


class Client(ABC):
    """A client with its files in a folder of its own, whose path is short; ``name`` is its program's."""

    name: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = program(self.name)
        self.shell = Shell({"HOME": str(folder), "TMPDIR": str(folder)}, folder)

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """The output of the client with these arguments."""
        return self.shell.run(self.program, *arguments, stdin=stdin)

    def close(self) -> None:  # noqa: B027 - most have nothing to stop
        """Stop what was started."""

    @abstractmethod
    def login(self, host: str, password: str) -> None:
        """Log in with what ``aws ecr get-login-password`` prints."""

    @abstractmethod
    def push(self, image: Layout, reference: str, *options: str) -> None:
        """Push an image of one architecture."""

    @abstractmethod
    def pull(self, reference: str, *options: str) -> Pulled:
        """Pull an image, and nothing of it from anywhere else."""

    def _new(self, suffix: str) -> Path:
        return self.folder / f"{len(list(self.folder.iterdir()))}-{suffix}"


Kind = TypeVar("Kind", bound=Client)


@contextmanager
def logged_in(kind: type[Kind], emulator: Served) -> Iterator[Kind]:
    """A client that has logged in to an emulator, in a folder of its own: paths of sockets may not be long."""
    with TemporaryDirectory(prefix="ecr-") as folder, closing(kind(Path(folder))) as client:
        client.login(emulator.host, Aws(emulator).password())
        yield client


def _policy(folder: Path) -> Path:
    """A policy for the libraries of podman, buildah and skopeo that asks for no signatures."""
    policy = folder / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    return policy


class LayoutClient(Client):
    """A client that copies images between registries and layouts, byte for byte."""

    def pull(self, reference: str, *options: str) -> Pulled:
        """Pull an image into a layout."""
        layout = Layout(self._new("pulled"))
        self.pull_into(layout, reference, *options)
        return Pulled(layout.top(), layout.diff_ids())

    @abstractmethod
    def pull_into(self, layout: Layout, reference: str, *options: str) -> None:
        """Pull an image into a layout that is not there yet, and check every blob of it."""


class Skopeo(LayoutClient):
    """https://github.com/containers/skopeo"""

    name = "skopeo"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._auth = f"--authfile={folder / 'auth.json'}"
        self._policy = f"--policy={_policy(folder)}"

    def login(self, host: str, password: str) -> None:
        """Log in."""
        arguments = ["login", self._auth, "--tls-verify=false", "--username=AWS", "--password-stdin", host]
        self.run(*arguments, stdin=password)

    def push(self, image: Layout, reference: str, *options: str) -> None:
        """Push an image, byte for byte; ``--all`` pushes all architectures."""
        self.copy(f"oci:{image.folder}", f"docker://{reference}", self._auth, "--dest-tls-verify=false", *options)

    def pull_into(self, layout: Layout, reference: str, *options: str) -> None:
        """Pull an image into a layout that is not there yet; ``--all`` pulls all architectures."""
        place = f"oci:{layout.folder}:pulled"
        self.copy(f"docker://{reference}", place, self._auth, "--src-tls-verify=false", *options)
        layout.verify()

    def copy(self, source: str, destination: str, *options: str) -> None:
        """``skopeo copy`` that never changes a manifest."""
        self.run("copy", self._policy, "--preserve-digests", *options, source, destination)

    def ask(self, command: str, *arguments: str) -> str:
        """What ``skopeo inspect``, ``list-tags`` or ``delete`` answers."""
        return self.run(command, self._auth, "--tls-verify=false", *arguments)

    def sync(self, source: str, destination: str, *options: str) -> None:
        """``skopeo sync`` of all architectures."""
        insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"]
        self.run("sync", self._policy, self._auth, *insecure, "--all", *options, source, destination)

    def archive(self, image: Layout, reference: str) -> Path:
        """An image as an archive that ``docker load`` and ``crane push`` read."""
        path = self._new("archive.tar")
        self.run("copy", self._policy, f"oci:{image.folder}", f"docker-archive:{path}:{reference}")
        return path


class Crane(LayoutClient):
    """https://github.com/google/go-containerregistry/tree/main/cmd/crane"""

    name = "crane"

    def login(self, host: str, password: str) -> None:
        """Log in."""
        self.run("auth", "login", host, "--username=AWS", "--password-stdin", stdin=password)

    def push(self, image: Layout, reference: str, *options: str) -> None:
        """Push an image, byte for byte."""
        self.run("push", *options, str(image.folder), reference)

    def pull_into(self, layout: Layout, reference: str, *options: str) -> None:
        """Pull an image into a layout."""
        self.run("pull", "--format=oci", *options, reference, str(layout.folder))
        layout.verify()


class Regctl(LayoutClient):
    """https://regclient.org/cli/regctl/, told which registry speaks plain HTTP."""

    name = "regctl"

    def login(self, host: str, password: str) -> None:
        """Log in."""
        self.run("registry", "set", "--tls=disabled", "--skip-check", host)
        self.run("registry", "login", host, "--user=AWS", "--pass-stdin", stdin=password)

    def push(self, image: Layout, reference: str, *options: str) -> None:
        """Push an image, byte for byte."""
        self.run("image", "copy", *options, f"ocidir://{image.folder}@{image.top()}", reference)

    def pull_into(self, layout: Layout, reference: str, *options: str) -> None:
        """Pull an image into a layout; an index comes with all its children."""
        self.run("image", "copy", *options, reference, f"ocidir://{layout.folder}:pulled")
        layout.verify()


class Oras(LayoutClient):
    """https://oras.land"""

    name = "oras"

    def login(self, host: str, password: str) -> None:
        """Log in."""
        self.run("login", "--plain-http", "--username=AWS", "--password-stdin", host, stdin=password)

    def push(self, image: Layout, reference: str, *options: str) -> None:
        """Push an image, byte for byte."""
        source = ["--from-oci-layout", f"{image.folder}@{image.top()}"]
        self.run("cp", "--no-tty", *options, *source, "--to-plain-http", reference)

    def pull_into(self, layout: Layout, reference: str, *options: str) -> None:
        """Pull an image into a layout; an index comes with all its children, ``--recursive`` its referrers too."""
        place = ["--to-oci-layout", f"{layout.folder}:pulled"]
        self.run("cp", "--no-tty", *options, "--from-plain-http", reference, *place)
        layout.verify()


class Helm(Client):
    """https://helm.sh; its images are charts."""

    name = "helm"

    def login(self, host: str, password: str) -> None:
        """Log in."""
        self.run("registry", "login", "--plain-http", "--username=AWS", "--password-stdin", host, stdin=password)

    def push(self, image: Layout, reference: str, *options: str) -> None:
        """Helm pushes charts only."""
        raise NotImplementedError

    def pull(self, reference: str, *options: str) -> Pulled:
        """Helm pulls charts only."""
        raise NotImplementedError

    def package(self, chart: str, version: str) -> Path:
        """Make a new chart; returns its archive."""
        folder = self._new("chart")
        folder.mkdir()
        self.run("create", str(folder / chart))
        self.run("package", str(folder / chart), f"--version={version}", f"--destination={folder}")
        return folder / f"{chart}-{version}.tgz"


class StorageClient(Client):
    """A client with a storage of images that needs no kernel support."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if os.geteuid() != 0:
            pytest.skip(f"{self.name} without root needs user namespaces that are set up for it")
        self._signatures = f"--signature-policy={_policy(folder)}"
        self._auth = f"--authfile={folder / 'auth.json'}"
        self._places = [f"--root={folder / 'root'}", f"--runroot={folder / 'run'}", "--storage-driver=vfs"]

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """The output of the client with these arguments."""
        return super().run(*self._places, *arguments, stdin=stdin)

    def login(self, host: str, password: str) -> None:
        """Log in."""
        arguments = ["login", self._auth, "--tls-verify=false", "--username=AWS", "--password-stdin", host]
        self.run(*arguments, stdin=password)

    def push(self, image: Layout, reference: str, *options: str) -> None:
        """Push an image."""
        local = self.fetch(f"oci:{image.folder}")
        arguments = [self._auth, "--tls-verify=false", self._signatures, *options]
        self.run("push", *arguments, local, f"docker://{reference}")
        self.run("rmi", "--force", local)

    def pull(self, reference: str, *options: str) -> Pulled:
        """Pull an image into the storage, and remove it."""
        local = self.fetch(reference, *options)
        pulled = self._inspect(local)
        self.run("rmi", "--force", local)
        return pulled

    def fetch(self, source: str, *options: str) -> str:
        """Bring an image into the storage, from wherever; returns its identifier."""
        arguments = ["--quiet", self._auth, "--tls-verify=false", self._signatures, *options]
        return self.run("pull", *arguments, source).strip()

    @abstractmethod
    def _inspect(self, local: str) -> Pulled: ...


class Podman(StorageClient):
    """https://podman.io"""

    name = "podman"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._places.append(f"--tmpdir={folder / 'tmp'}")
        where_manifest_push_looks = folder / ".config" / "containers"
        where_manifest_push_looks.mkdir(parents=True)
        _policy(where_manifest_push_looks)

    def _inspect(self, local: str) -> Pulled:
        image = json.loads(self.run("image", "inspect", local))[0]
        return Pulled(image["Digest"], image["RootFS"]["Layers"])

    def push_list(self, name: str, reference: str) -> None:
        """Push a list that ``podman manifest create`` has made, with all its images."""
        self.run("manifest", "push", "--all", self._auth, "--tls-verify=false", name, f"docker://{reference}")

    def add_to_list(self, name: str, reference: str) -> None:
        """Add an image in a registry to a list."""
        self.run("manifest", "add", self._auth, "--tls-verify=false", name, f"docker://{reference}")


class Buildah(StorageClient):
    """https://buildah.io"""

    name = "buildah"

    def _inspect(self, local: str) -> Pulled:
        image = json.loads(self.run("inspect", "--type=image", local))
        return Pulled(image["FromImageDigest"], image["OCIv1"]["rootfs"]["diff_ids"])


class Containerd(Client):
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
        """The output of ctr with these arguments."""
        return super().run("--address", str(self._socket), *arguments, stdin=stdin)

    def login(self, host: str, password: str) -> None:
        """Remember the password."""
        self._credentials = [f"--user=AWS:{password.strip()}"]

    def mirror(self, registry: str, url: str) -> None:
        """Have a registry's images pulled from somewhere else."""
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
        """Pull an image, check every blob that came, and remove it."""
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
