"""Content that shows the console as people use it: repositories, images, scans, policies, and days of pulls."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from ecr_emulator.domain.manifest import OCI_MANIFEST
from ecr_emulator.testing.upstream.images import OCI_CONFIG, Content, UpstreamImage, artifact, image, index, layer
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.boto import client_at
from tests.support.images import put_image, put_manifest
from tests.support.processes import Served, serving

ACCOUNT = "123456789012"
CLOSED = "http://127.0.0.1:9"
"""An address at which nothing listens: the upstream of a rule that fails."""
REPOSITORIES = {
    "data/etl": (1_900_000, 240_000),
    "data/notebooks": (3_400_000, 910_000, 12_000),
    "payments/gateway": (800_000, 310_000, 44_000),
    "payments/ledger": (800_000, 270_000, 51_000),
    "platform/base": (800_000,),
    "platform/proxy": (420_000, 38_000),
    "team/web": (420_000, 660_000, 92_000),
    "team/worker": (800_000, 120_000, 17_000),
}
"""Repositories with the bytes of the layers of their images."""
CACHED = ("prometheus/prometheus", "keycloak/keycloak", "coreos/etcd")
"""Repositories of the upstream that are pulled."""
FINDINGS = [
    {"name": "CVE-2026-1042", "severity": "HIGH", "description": "Out-of-bounds read when a header is parsed"},
    {"name": "CVE-2026-0310", "severity": "MEDIUM", "description": "Memory is not freed after a failed handshake"},
    {"name": "CVE-2026-0007", "severity": "LOW", "description": "Log lines can be forged"},
]
LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "keep versions for three weeks",
            "selection": {
                "tagStatus": "tagged",
                "tagPrefixList": ["v"],
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 21,
            },
            "action": {"type": "expire"},
        }
    ]
}
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "LetCiPull",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        }
    ],
}
STEPS = [
    {"created_by": "ADD rootfs.tar.gz / # buildkit"},
    {"created_by": "ENV PYTHONUNBUFFERED=1", "empty_layer": True},
    {"created_by": "RUN /bin/sh -c apt-get update && apt-get install -y --no-install-recommends libpq5 # buildkit"},
    {"created_by": "COPY requirements.txt /srv/ # buildkit"},
    {"created_by": "COPY . /srv # buildkit"},
]


@contextmanager
def console_content(folder: Path, *arguments: str) -> Iterator[Served]:
    """Run an emulator with this content in a process of its own."""
    with ScriptedUpstream() as upstream:
        maps = (f"quay.io={upstream.url}", f"registry.k8s.io={CLOSED}")
        mapped = [argument for each in maps for argument in ("--upstream-map", each)]
        with serving(folder, "--port", "0", "--account", ACCOUNT, *mapped, *arguments) as emulator:
            _push(emulator)
            _pull_through(emulator, upstream)
            yield emulator


def service_image(name: str, architecture: str, sizes: tuple[int, ...]) -> UpstreamImage:
    """Return an image of a service with layers of these sizes. The first layer is the same for all architectures."""
    layers = tuple(layer((name, architecture if place else "base", place), size) for place, size in enumerate(sizes))
    config = {
        "os": "linux",
        "architecture": architecture,
        "created": "2026-11-20T09:12:44Z",
        "config": {
            "User": "1000",
            "Env": ["PATH=/usr/local/bin:/usr/bin", "PYTHONUNBUFFERED=1"],
            "Entrypoint": ["/entrypoint.sh"],
            "Cmd": ["gunicorn", "app:wsgi"],
            "WorkingDir": "/srv",
            "ExposedPorts": {"8000/tcp": {}},
            "Labels": {
                "org.opencontainers.image.source": "https://git.example/team/api",
                "org.opencontainers.image.version": name.rpartition(" ")[2],
            },
        },
        "history": STEPS,
    }
    content = Content(json.dumps(config).encode(), OCI_CONFIG)
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": content.descriptor,
        "layers": [each.descriptor for each in layers],
    }
    return UpstreamImage(json.dumps(document, indent=2).encode(), OCI_MANIFEST, content, layers, architecture)


def _push(emulator: Served) -> None:
    ecr = client_at(emulator.url, account=ACCOUNT)
    _send("PUT", f"{emulator.url}/_ecr/findings/*", {"findings": FINDINGS})
    for name, sizes in REPOSITORIES.items():
        mutability = "IMMUTABLE" if name.startswith("platform") else "MUTABLE"
        ecr.create_repository(repositoryName=name, imageTagMutability=mutability)
        for version in ("1.0", "1.1"):
            put_image(ecr, name, service_image(f"{name} {version}", "amd64", sizes), version)
        emulator.advance("5h")
    ecr.create_repository(repositoryName="team/api", imageScanningConfiguration={"scanOnPush": True})
    for number in range(1, 7):
        _push_index(ecr, f"v2.{number}", 41_000 * number)
        emulator.advance("26h")
    ecr.put_lifecycle_policy(repositoryName="team/api", lifecyclePolicyText=json.dumps(LIFECYCLE))
    ecr.set_repository_policy(repositoryName="team/api", policyText=json.dumps(POLICY))


def _push_index(ecr: Any, version: str, size: int) -> None:
    images = [
        service_image(f"team/api {version}", each, (1_290_000, 810_000 + size, 124_000, size))
        for each in ("amd64", "arm64")
    ]
    for each in images:
        put_image(ecr, "team/api", each)
    listed = index(*images)
    for tag in (version, "latest"):
        put_manifest(ecr, "team/api", listed.raw, tag)
    put_image(ecr, "team/api", artifact(listed, version))


def _pull_through(emulator: Served, upstream: ScriptedUpstream) -> None:
    """Pull the same images again and again for days, while the upstream moves a tag and fails once."""
    _create_rules(emulator)
    for place, name in enumerate(CACHED):
        upstream.add_image(name, image(name, layer(name, 400_000 * (place + 1))), "stable")
    turns = {
        9: lambda: upstream.add_image(CACHED[0], image("newer", layer("newer", 500_000)), "stable"),
        16: upstream.stop,
        18: upstream.start,
    }
    for turn in range(24):
        turns.get(turn, lambda: None)()
        for name in CACHED[: 1 + (turn * 7) % 3] * (1 + (turn * 5) % 4):
            pull(emulator, f"quay/{name}", "stable")
        emulator.advance("9h")
    pull(emulator, "k8s/pause", "3.10")


def _create_rules(emulator: Served) -> None:
    ecr = client_at(emulator.url, account=ACCOUNT)
    for prefix, host in (("quay", "quay.io"), ("k8s", "registry.k8s.io")):
        ecr.create_pull_through_cache_rule(ecrRepositoryPrefix=prefix, upstreamRegistryUrl=host)
    ecr.create_repository_creation_template(prefix="quay", appliedFor=["PULL_THROUGH_CACHE"], description="Mirrors")


def pull(emulator: Served, name: str, reference: str) -> None:
    """Pull an image as a registry client does, with its blobs, if it can be had."""
    headers = {"Authorization": f"Basic {_token(emulator)}", "Accept": OCI_MANIFEST}
    answer = requests.get(f"{emulator.url}/v2/{name}/manifests/{reference}", headers=headers, timeout=60)
    if answer.ok:
        for blob in (answer.json()["config"], *answer.json()["layers"]):
            requests.get(f"{emulator.url}/v2/{name}/blobs/{blob['digest']}", headers=headers, timeout=60)


def _token(emulator: Served) -> str:
    ecr = client_at(emulator.url, account=ACCOUNT)
    token = str(ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"])
    assert base64.b64decode(token).startswith(b"AWS:")
    return token


def _send(method: str, url: str, document: Any) -> None:
    requests.request(method, url, json=document, timeout=60).raise_for_status()
