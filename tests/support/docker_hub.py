"""Publish images to a distribution registry that stands in for Docker Hub, and create a rule for it."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.boto import client_at
from tests.support.clients import Skopeo
from tests.support.layouts import Layout
from tests.support.processes import Endpoint
from tests.support.programs import HUB_TOKEN, HUB_USER, Distribution

ACCOUNT = "123456789012"
HUB = "registry-1.docker.io"
NAME = "library/app"
"""The repository at the hub."""
PREFIX = "docker-hub"
CACHED = f"{PREFIX}/{NAME}"
"""The repository that it is cached in."""


def serve_arguments(folder: Path, url: str) -> tuple[str, ...]:
    """Return the arguments of ``serve``: a data directory in a folder, and the URL that stands in for Docker Hub."""
    return ("--port", "0", "--data-dir", str(folder / "state"), "--upstream-map", f"{HUB}={url}")


def publish(hub: Distribution, image: Layout, reference: str = f"{NAME}:1.0") -> None:
    """Push an image with all its architectures to the hub."""
    with TemporaryDirectory(prefix="ecr-") as folder:
        credentials = f"--dest-creds={HUB_USER}:{HUB_TOKEN}"
        place = f"docker://{hub.host}/{reference}"
        Skopeo(Path(folder)).copy(f"oci:{image.folder}", place, "--all", "--dest-tls-verify=false", credentials)


def create_rule(emulator: Endpoint) -> None:
    """Create the rule ``docker-hub`` with its secret in the registry of clients, and validate it."""
    secrets, ecr = (client_at(emulator.url, service, account=ACCOUNT) for service in ("secretsmanager", "ecr"))
    secret = json.dumps({"username": HUB_USER, "accessToken": HUB_TOKEN})
    arn = secrets.create_secret(Name=f"ecr-pullthroughcache/{PREFIX}", SecretString=secret)["ARN"]
    rule = ecr.create_pull_through_cache_rule(ecrRepositoryPrefix=PREFIX, upstreamRegistryUrl=HUB, credentialArn=arn)
    assert rule["upstreamRegistry"] == "docker-hub"
    validation = ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix=PREFIX)
    assert validation["isValid"], validation
