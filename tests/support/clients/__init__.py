"""The clients that people use with ECR, used as by their users: log in, push, pull.

Each reads and writes images as OCI layouts, or reports digests of an image, so that one test can use all of them.
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
