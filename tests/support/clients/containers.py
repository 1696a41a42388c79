"""podman and buildah, which keep images in a storage of their own."""

from __future__ import annotations

import json
import os
from abc import abstractmethod
from pathlib import Path

import pytest

from tests.support.clients.client import ImageClient, Pulled, any_signature
from tests.support.layouts import Layout


class StorageClient(ImageClient):
    """A client with a storage of images that needs no kernel support."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if os.geteuid() != 0:
            pytest.skip(f"{self.name} without root needs user namespaces that are set up for it")
        self._signatures = f"--signature-policy={any_signature(folder)}"
        self._auth = f"--authfile={folder / 'auth.json'}"
        self._places = [f"--root={folder / 'root'}", f"--runroot={folder / 'run'}", "--storage-driver=vfs"]

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run the client and return its output."""
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
        """Bring an image into the storage, and return its identifier."""
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
        any_signature(where_manifest_push_looks)

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
