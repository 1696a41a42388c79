"""An emulator whose upstreams are one scripted registry, for tests of pull through cache."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from werkzeug.test import TestResponse

from ecr_emulator.domain.names import Registry
from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.admin_api import AdminClient
from tests.support.boto import client_of
from tests.support.clock import HurriedClock
from tests.support.docker import json_of

ACCOUNT = "123456789012"
CREDENTIAL = ("hub-user", "hub-token")
HOSTS = (
    "registry-1.docker.io",
    "quay.io",
    "public.ecr.aws",
    "registry.k8s.io",
    "ghcr.io",
    "registry.gitlab.com",
    "cgr.dev",
    "contoso.azurecr.io",
    "210987654321.dkr.ecr.eu-west-1.amazonaws.com",
)


class Puller(Protocol):
    """A client that downloads manifests and blobs by the names of their repositories."""

    def manifest(self, name: str, reference: str) -> TestResponse: ...

    def blob(self, name: str, digest: str) -> TestResponse: ...


def pull(client: Puller, name: str, reference: str) -> bytes:
    """Pull an image and return its manifest; an index's children and all blobs are pulled and verified as well."""
    answer = client.manifest(name, reference)
    assert answer.status_code == 200, answer.text
    document = json.loads(answer.data)
    for child in document.get("manifests", ()):
        pull(client, name, child["digest"])
    for blob in [document["config"], *document["layers"]] if "config" in document else ():
        assert len(client.blob(name, blob["digest"]).data) == blob["size"]
    return answer.get_data()


class Cache:
    """An emulator with pull through cache, as its users reach it: with boto3 and over the registry's HTTP."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.registry = Registry(ACCOUNT, "us-east-1")
        self.http = AdminClient(emulator.wsgi)
        self.ecr = client_of(emulator, "ecr", account=ACCOUNT)
        self.secrets = client_of(emulator, "secretsmanager", account=ACCOUNT)

    def rule(self, prefix: str = "quay", url: str = "quay.io", **more: Any) -> dict[str, Any]:
        """Create a pull through cache rule."""
        rule: dict[str, Any] = self.ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix=prefix, upstreamRegistryUrl=url, **more
        )
        return rule

    def secret(
        self, username: str = CREDENTIAL[0], access_token: str = CREDENTIAL[1], name: str = "ecr-pullthroughcache/hub"
    ) -> str:
        """Create a secret with a credential, and return its ARN."""
        secret = json.dumps({"username": username, "accessToken": access_token})
        return str(self.secrets.create_secret(Name=name, SecretString=secret)["ARN"])

    def get(self, path: str, **headers: str) -> TestResponse:
        """Send a GET with a new token, so that the clock may have moved."""
        token = self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        return self.http.get(path, headers={"Authorization": f"Basic {token}"} | headers, follow_redirects=True)

    def manifest(self, name: str, reference: str) -> TestResponse:
        """Download a manifest."""
        return self.get(f"/v2/{name}/manifests/{reference}")

    def blob(self, name: str, digest: str) -> TestResponse:
        """Download a blob."""
        return self.get(f"/v2/{name}/blobs/{digest}")

    def pull(self, name: str, reference: str) -> bytes:
        """Pull an image with everything in it, and return its manifest."""
        return pull(self, name, reference)

    def advance(self, **by: float) -> None:
        """Move the clock; the arguments are those of ``timedelta``."""
        self.emulator.clock.advance(timedelta(**by))

    def settle(self) -> None:
        """Wait until all background work is done."""
        assert self.emulator.settle(timeout=20)

    def events(self) -> list[dict[str, Any]]:
        """Return the details of the pull through events so far."""
        self.settle()
        events = json_of(self.http.get("/_ecr/events"))["events"]
        return [event["detail"] for event in events if event["detail-type"] == "ECR Pull Through Cache Action"]

    def rule_reports(self, **where: str) -> dict[str, Any]:
        """Return the reports of the rules of a registry."""
        answer = self.http.get("/_ecr/rules", query_string=where)
        assert answer.status_code == 200, answer.text
        reports: dict[str, Any] = json_of(answer)
        return reports

    def rule_report(self, prefix: str) -> dict[str, Any]:
        """Return the report of one rule."""
        return next(rule for rule in self.rule_reports()["rules"] if rule["prefix"] == prefix)

    def refresh(self, image_name: str, **where: str) -> TestResponse:
        """Request a refresh of a cached image."""
        return self.http.post("/_ecr/refresh", json={"image": image_name, **where})

    def repositories(self) -> list[str]:
        """Return the names of the repositories."""
        return [each["repositoryName"] for each in self.ecr.describe_repositories()["repositories"]]

    def images(self, name: str) -> dict[str, list[str]]:
        """Return the tags of a repository by digest."""
        details = self.ecr.describe_images(repositoryName=name)["imageDetails"]
        return {each["imageDigest"]: each.get("imageTags", []) for each in details}


@contextmanager
def running_cache(
    upstream: ScriptedUpstream,
    folder: Path | None = None,
    clock: HurriedClock | None = None,
    mapped: dict[str, str] | None = None,
    **more: Any,
) -> Iterator[Cache]:
    """Run an emulator with its state in a folder, from which another can continue. Without one, the state is temporary.

    ``mapped`` is added to an upstream map that leads every host to the scripted upstream; ``more`` are settings.
    """
    upstream_map = dict.fromkeys(HOSTS, upstream.url) | (mapped or {})
    settings = Settings(data_dir=folder, upstream_map=upstream_map, account=ACCOUNT, **more)
    with Emulator(settings, clock or HurriedClock()) as emulator:
        yield Cache(emulator)
