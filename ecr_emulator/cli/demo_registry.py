"""A small image and a registry client for the demo, in place of docker."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import field
from typing import Any
from urllib.parse import urljoin

import requests

from ecr_emulator.quick_dataclasses import dataclass

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass
class HelloImage:
    """An image index, and its manifests and blobs by digest."""

    index: bytes = b""
    manifests: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)


def hello_image(architectures: tuple[str, ...] = ("amd64", "arm64")) -> HelloImage:
    """Return a multi-architecture image with a greeting in each layer."""
    image = HelloImage()
    children = []
    for architecture in architectures:
        tarball = _tar("hello", f"Hello from {architecture}\n".encode())
        layer = _descriptor(LAYER, gzip.compress(tarball, mtime=0), image.blobs)
        history = {"type": "layers", "diff_ids": [_digest(tarball)]}
        config_bytes = _json({"architecture": architecture, "os": "linux", "rootfs": history})
        config = _descriptor(CONFIG, config_bytes, image.blobs)
        manifest = _json({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]})
        child = _descriptor(MANIFEST, manifest, image.manifests)
        children.append(child | {"platform": {"os": "linux", "architecture": architecture}})
    image.index = _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": children})
    return image


class RegistryClient:
    """A registry client that pushes and pulls one image. It checks all content against its digest."""

    def __init__(self, url: str, password: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.auth = ("AWS", password)

    def push(self, name: str, tag: str, image: HelloImage) -> str:
        """Push blobs, then manifests, then the index. Returns the digest of the index."""
        for digest, blob in image.blobs.items():
            session = self._send("POST", f"/v2/{name}/blobs/uploads/").headers["Location"]
            self._send("PUT", session, params={"digest": digest}, data=blob)
        for digest, manifest in image.manifests.items():
            self._put_manifest(name, digest, manifest, MANIFEST)
        return self._put_manifest(name, tag, image.index, INDEX)

    def pull(self, name: str, tag: str) -> tuple[str, list[str]]:
        """Pull an index with all its images. Returns its digest and the platforms."""
        answer = self._send("GET", f"/v2/{name}/manifests/{tag}", headers={"Accept": INDEX})
        platforms = []
        for child in answer.json()["manifests"]:
            manifest = json.loads(self._content(f"/v2/{name}/manifests/", child))
            for blob in (manifest["config"], *manifest["layers"]):
                self._content(f"/v2/{name}/blobs/", blob)
            platforms.append("{os}/{architecture}".format(**child["platform"]))
        return _digest(answer.content), platforms

    def _content(self, path: str, descriptor: dict[str, Any]) -> bytes:
        content: bytes = self._send("GET", path + descriptor["digest"]).content
        if _digest(content) != descriptor["digest"]:
            raise OSError(f"{path}{descriptor['digest']} does not match its digest")
        return content

    def _put_manifest(self, name: str, reference: str, manifest: bytes, media_type: str) -> str:
        path = f"/v2/{name}/manifests/{reference}"
        answer = self._send("PUT", path, data=manifest, headers={"Content-Type": media_type})
        return str(answer.headers["Docker-Content-Digest"])

    def _send(self, method: str, path: str, **how: Any) -> Any:
        answer = self._session.request(method, urljoin(self._url, path), timeout=30, **how)
        answer.raise_for_status()
        return answer


def _tar(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _descriptor(media_type: str, data: bytes, kept: dict[str, bytes]) -> dict[str, Any]:
    digest = _digest(data)
    kept[digest] = data
    return {"mediaType": media_type, "digest": digest, "size": len(data)}
