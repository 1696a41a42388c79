"""The clients that people use with ECR, driven as their users do: log in, push, pull.

Each takes and gives images as OCI layouts or as what it tells of an image, so that one story can be told of all.
"""

from tests.support.clients.client import Aws, Client, CommandFailed, ImageClient, Pulled, Shell, logged_in
from tests.support.clients.containers import Buildah, Podman
from tests.support.clients.copying import Crane, Helm, LayoutClient, Oras, Regctl, Skopeo
from tests.support.clients.engines import BuildKit, Containerd, Docker

__all__ = [
    "Aws",
    "BuildKit",
    "Buildah",
    "Client",
    "CommandFailed",
    "Containerd",
    "Crane",
    "Docker",
    "Helm",
    "ImageClient",
    "LayoutClient",
    "Oras",
    "Podman",
    "Pulled",
    "Regctl",
    "Shell",
    "Skopeo",
    "logged_in",
]
