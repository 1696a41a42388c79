"""Facts about the state of an emulator, as its clients see it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import requests
from werkzeug.test import Client

from ecr_emulator.domain.names import digest_of
from ecr_emulator.emulator import Emulator
from tests.support.boto import client_at, client_of

Facts = dict[str, str]
"""The facts that are true, by name. A fact that is missing is not true."""


class Answer(NamedTuple):
    """The parts of an HTTP answer that these tests use."""

    status: int
    location: str
    body: bytes


class RegistryClient(Protocol):
    """A client that is logged in."""

    def send(self, method: str, path: str, body: bytes = b"", media_type: str = "") -> Answer:
        """Send a request."""

    def aws(self, service: str) -> Any:
        """Return a boto3 client."""


class ServedRegistry:
    """``RegistryClient`` of an emulator in another process."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()

    def send(self, method: str, path: str, body: bytes = b"", media_type: str = "") -> Answer:
        """Send a request."""
        if "Authorization" not in self._session.headers:
            self._session.headers["Authorization"] = f"Basic {_token(self.aws('ecr'))}"
        headers = {"Content-Type": media_type} if media_type else {}
        url = f"{self._url}{path.removeprefix(self._url)}"
        answer = self._session.request(method, url, data=body, headers=headers, timeout=60)
        return Answer(answer.status_code, answer.headers.get("Location", ""), answer.content)

    def aws(self, service: str) -> Any:
        """Return a boto3 client."""
        return client_at(self._url, service)


class LocalRegistry:
    """``RegistryClient`` of an emulator in this process."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._http = Client(emulator.wsgi)
        self._token = _token(self.aws("ecr"))

    def send(self, method: str, path: str, body: bytes = b"", media_type: str = "") -> Answer:
        """Send a request."""
        headers = {"Authorization": f"Basic {self._token}"}
        answer = self._http.open(path, method=method, data=body, headers=headers, content_type=media_type or None)
        return Answer(answer.status_code, answer.headers.get("Location", ""), answer.data)

    def aws(self, service: str) -> Any:
        """Return a boto3 client."""
        return client_of(self._emulator, service)


def find_facts(client: RegistryClient, loose: Iterable[str]) -> Facts:
    """Return what an emulator has, after reading all bytes of all images, and of blobs to which no image refers."""
    facts: Facts = {}
    for repository in client.aws("ecr").describe_repositories()["repositories"]:
        name = repository["repositoryName"]
        facts[f"repository {name}"] = "there"
        facts |= _facts_of_images(client, name)
        facts |= {f"blob {name} {digest}": found for digest in loose if (found := _blob(client, name, digest))}
        if policy := _policy(client, name):
            facts[f"policy {name}"] = policy
    for secret in client.aws("secretsmanager").list_secrets()["SecretList"]:
        facts[f"secret {secret['Name']}"] = "there"
    for role in client.aws("iam").list_roles()["Roles"]:
        facts[f"role {role['RoleName']}"] = "there"
    return facts


def _facts_of_images(client: RegistryClient, name: str) -> Iterator[tuple[str, str]]:
    for listed in client.aws("ecr").list_images(repositoryName=name)["imageIds"]:
        digest = listed["imageDigest"]
        whole = _is_whole(client, name, digest)
        yield f"image {name} {digest}", "whole" if whole else "damaged"
        if "imageTag" in listed:
            yield f"tag {name}:{listed['imageTag']}", digest


def _is_whole(client: RegistryClient, name: str, digest: str) -> bool:
    manifest = client.send("GET", f"/v2/{name}/manifests/{digest}")
    if manifest.status != 200 or digest_of(manifest.body) != digest:
        return False
    document = json.loads(manifest.body)
    blobs = [document["config"], *document["layers"]]
    return all(_blob(client, name, blob["digest"]) for blob in blobs)


def _blob(client: RegistryClient, name: str, digest: str) -> str:
    """Return "whole" if the repository has the blob, and nothing if it has not."""
    answer = client.send("GET", f"/v2/{name}/blobs/{digest}")
    if answer.status != 200:
        return ""
    return "whole" if digest_of(answer.body) == digest else "damaged"


def _policy(client: RegistryClient, name: str) -> str:
    ecr = client.aws("ecr")
    try:
        return str(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])
    except ecr.exceptions.LifecyclePolicyNotFoundException:
        return ""


def _token(ecr: Any) -> str:
    return str(ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"])
