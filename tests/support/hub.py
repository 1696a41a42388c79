"""Docker Hub, played by distribution: images are published there, and a rule with a secret leads to them."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.boto import client_at
from tests.support.clients import Skopeo
from tests.support.layouts import Layout
from tests.support.processes import Served
from tests.support.programs import HUB_TOKEN, HUB_USER, Distribution

ACCOUNT = "123456789012"
HUB = "registry-1.docker.io"
NAME = "library/app"
"""The repository at the hub."""
PREFIX = "docker-hub"
CACHED = f"{PREFIX}/{NAME}"
"""The repository that it is cached in."""


def through(folder: Path, url: str) -> tuple[str, ...]:
    """The arguments of an emulator with a data directory in a folder, for which the hub is to be found at a URL."""
    return ("--port", "0", "--data-dir", str(folder / "state"), "--upstream-map", f"{HUB}={url}")


def publish(hub: Distribution, image: Layout, reference: str = f"{NAME}:1.0") -> None:
    """Push an image to the hub, all its architectures."""
    with TemporaryDirectory(prefix="ecr-") as folder:
        credentials = f"--dest-creds={HUB_USER}:{HUB_TOKEN}"
        place = f"docker://{hub.host}/{reference}"
        Skopeo(Path(folder)).copy(f"oci:{image.folder}", place, "--all", "--dest-tls-verify=false", credentials)


def create_rule(emulator: Served) -> None:
    """Create the rule ``docker-hub`` with its secret in the registry of clients, and have ECR validate it."""
    secrets, ecr = (client_at(emulator.url, service, account=ACCOUNT) for service in ("secretsmanager", "ecr"))
    secret = json.dumps({"username": HUB_USER, "accessToken": HUB_TOKEN})
    arn = secrets.create_secret(Name=f"ecr-pullthroughcache/{PREFIX}", SecretString=secret)["ARN"]
    rule = ecr.create_pull_through_cache_rule(ecrRepositoryPrefix=PREFIX, upstreamRegistryUrl=HUB, credentialArn=arn)
    assert rule["upstreamRegistry"] == "docker-hub"
    validation = ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix=PREFIX)
    assert validation["isValid"], validation
