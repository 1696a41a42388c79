"""An emulator whose upstreams are one scripted registry, and the two ways in: boto3 and the registry's HTTP."""

import base64
import json
from contextlib import contextmanager
from datetime import timedelta

import pytest
from werkzeug.test import Client

from ecr_emulator.domain.names import Registry
from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
from tests.support.clock import HurriedClock
from tests.support.scripted_upstream import Bearer, ScriptedUpstream

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


def pull(client, name, reference):
    """The manifest's bytes; an index's children and all blobs are pulled and verified as well."""
    answer = client.manifest(name, reference)
    assert answer.status_code == 200, answer.text
    document = json.loads(answer.data)
    for child in document.get("manifests", ()):
        pull(client, name, child["digest"])
    for blob in [document["config"], *document["layers"]] if "config" in document else ():
        assert len(client.blob(name, blob["digest"]).data) == blob["size"]
    return answer.data


class Here:
    """The emulator, as its users reach it."""

    def __init__(self, emulator: Emulator):
        self.emulator = emulator
        self.registry = Registry(ACCOUNT, "us-east-1")
        self.http = Client(emulator.wsgi)
        self.ecr = client_of(emulator, "ecr", account=ACCOUNT)
        self.secrets = client_of(emulator, "secretsmanager", account=ACCOUNT)

    def rule(self, prefix="quay", url="quay.io", **more):
        return self.ecr.create_pull_through_cache_rule(ecrRepositoryPrefix=prefix, upstreamRegistryUrl=url, **more)

    def secret(self, username=CREDENTIAL[0], access_token=CREDENTIAL[1], name="ecr-pullthroughcache/hub"):
        secret = json.dumps({"username": username, "accessToken": access_token})
        return self.secrets.create_secret(Name=name, SecretString=secret)["ARN"]

    def get(self, path, **headers):
        """A GET by a client that is logged in; the token is a new one, so that the clock may have moved."""
        token = self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        return self.http.get(path, headers={"Authorization": f"Basic {token}"} | headers, follow_redirects=True)

    def manifest(self, name, reference):
        return self.get(f"/v2/{name}/manifests/{reference}")

    def blob(self, name, digest):
        return self.get(f"/v2/{name}/blobs/{digest}")

    def pull(self, name, reference):
        return pull(self, name, reference)

    def advance(self, **by):
        self.emulator.clock.advance(timedelta(**by))

    def settle(self):
        assert self.emulator.settle(timeout=20)

    def events(self):
        """The details of the pull through events so far."""
        self.settle()
        every = self.http.get("/_ecr/events").json["events"]
        return [each["detail"] for each in every if each["detail-type"] == "ECR Pull Through Cache Action"]

    def repositories(self):
        return [each["repositoryName"] for each in self.ecr.describe_repositories()["repositories"]]

    def images(self, name):
        """The tags by digest."""
        details = self.ecr.describe_images(repositoryName=name)["imageDetails"]
        return {each["imageDigest"]: each.get("imageTags", []) for each in details}


@pytest.fixture
def upstream():
    with ScriptedUpstream() as registry:
        yield registry


@pytest.fixture
def private_upstream(upstream):
    upstream.auth = Bearer(CREDENTIAL)
    return upstream


@pytest.fixture
def here(upstream, tmp_path):
    with running(upstream, tmp_path / "state") as here:
        yield here


@pytest.fixture
def strictly_here(upstream, tmp_path):
    with running(upstream, tmp_path / "state", strict=True) as here:
        yield here


@contextmanager
def running(upstream, folder, keep=False, clock=None, mapped=None, **more):
    """An emulator with its state in a folder, which it leaves empty unless it shall keep it for the next one."""
    upstream_map = dict.fromkeys(HOSTS, upstream.url) | (mapped or {})
    settings = Settings(data_dir=folder, upstream_map=upstream_map, account=ACCOUNT, **more)
    with Emulator(settings, clock or HurriedClock()) as emulator:
        yield Here(emulator)
        if not keep:
            emulator.reset()  # the companions belong to the process, not to this emulator


def basic(username, password):
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
