"""Docker Hub, played by distribution: images are published there, and a rule with a secret leads to them."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.clients import Aws, Skopeo
from tests.support.layouts import Layout
from tests.support.programs import HUB_TOKEN, HUB_USER, Distribution

HUB = "registry-1.docker.io"
NAME = "library/app"
"""The repository at the hub."""
CACHED = f"docker-hub/{NAME}"
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


def create_rule(aws: Aws) -> None:
    """Create the rule ``docker-hub`` with its secret, and have ECR validate it."""
    secret = json.dumps({"username": HUB_USER, "accessToken": HUB_TOKEN})
    name = "ecr-pullthroughcache/docker-hub"
    arn = aws.json("secretsmanager", "create-secret", "--name", name, "--secret-string", secret)["ARN"]
    rule = aws.json(
        "ecr",
        "create-pull-through-cache-rule",
        "--ecr-repository-prefix=docker-hub",
        f"--upstream-registry-url={HUB}",
        f"--credential-arn={arn}",
    )
    assert rule["upstreamRegistry"] == "docker-hub"
    validation = aws.json("ecr", "validate-pull-through-cache-rule", "--ecr-repository-prefix=docker-hub")
    assert validation["isValid"], validation
