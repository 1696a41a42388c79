"""The clients that copy images between registries and folders."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

from tests.support.clients.client import Client, ImageClient, Pulled, any_signature
from tests.support.layouts import Layout


class LayoutClient(ImageClient):
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
        self._policy = f"--policy={any_signature(folder)}"

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
        """Return the output of ``skopeo inspect``, ``list-tags`` or ``delete``."""
        return self.run(command, self._auth, "--tls-verify=false", *arguments)

    def sync(self, source: str, destination: str, *options: str) -> None:
        """``skopeo sync`` of all architectures."""
        insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"]
        self.run("sync", self._policy, self._auth, *insecure, "--all", *options, source, destination)

    def archive(self, image: Layout, reference: str) -> Path:
        """Write an image to an archive for ``docker load`` and ``crane push``."""
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
    """https://regclient.org/cli/regctl/, configured with the registry that speaks plain HTTP."""

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
    """https://helm.sh, a client of charts."""

    name = "helm"

    def login(self, host: str, password: str) -> None:
        """Log in."""
        self.run("registry", "login", "--plain-http", "--username=AWS", "--password-stdin", host, stdin=password)

    def package(self, chart: str, version: str) -> Path:
        """Make a new chart; returns its archive."""
        folder = self._new("chart")
        folder.mkdir()
        self.run("create", str(folder / chart))
        self.run("package", str(folder / chart), f"--version={version}", f"--destination={folder}")
        return folder / f"{chart}-{version}.tgz"
