"""The steps of the demo. The upstream and the emulator run in this process, on ports of their own."""

from __future__ import annotations

import json
from base64 import b64decode
from contextlib import ExitStack
from typing import Any

import boto3
import click
import requests

from ecr_emulator.domain.names import Registry
from ecr_emulator.emulator import Emulator
from ecr_emulator.http_transport import HttpTransport
from ecr_emulator.seeds.client import EmulatorClient
from ecr_emulator.seeds.images import synthetic_image
from ecr_emulator.seeds.pulls import pull_image
from ecr_emulator.serving.threaded import ThreadedServer
from ecr_emulator.settings import Settings

PREFIX = "docker-hub"
NAME = "library/hello"
TAG = "1.0"
CACHED = f"{PREFIX}/{NAME}"
ACCOUNT = "123456789012"
UPSTREAM_ACCOUNT = "210987654321"
REGION = "us-east-1"
PLATFORMS = ("linux/amd64", "linux/arm64")


def tell() -> None:
    """Run the demo."""
    with ExitStack() as stack:
        Demo(stack).run()


class Demo:
    """The steps, in order. ``stack`` stops the servers and emulators that they start."""

    def __init__(self, stack: ExitStack) -> None:
        hub = stack.enter_context(Emulator(Settings(account=UPSTREAM_ACCOUNT)))
        self._upstream = stack.enter_context(ThreadedServer(hub.wsgi))
        self._upstream_url = f"http://localhost:{self._upstream.port}"
        upstream_map = {"registry-1.docker.io": self._upstream_url}
        self._emulator = stack.enter_context(Emulator(Settings(account=ACCOUNT, upstream_map=upstream_map)))
        self._server = stack.enter_context(ThreadedServer(self._emulator.wsgi))
        self._url = f"http://{self._host}"
        self._hub_password = _password(self._api("ecr", self._upstream_url, UPSTREAM_ACCOUNT))

    def run(self) -> None:
        """Run all steps."""
        self._start()
        self._push_upstream()
        self._create_rule()
        first = self._pull("# The first pull: fetched from the upstream, streamed to you, cached.")
        self._show_cache()
        self._stop_upstream()
        again = self._pull("# Pulled again, from the cache.")
        if first != again:
            raise click.ClickException(f"the cached image {again} is not the one pulled first, {first}")
        click.secho("\nThe same bytes, with the upstream gone.", fg="green", bold=True)

    def _start(self) -> None:
        port, upstream_port = self._server.port, self._upstream.port
        _note("# An emulator that plays Docker Hub, and yours, which finds Docker Hub there.")
        _type(f"ecr-emulator serve --port {upstream_port} --account {UPSTREAM_ACCOUNT} &")
        _type(
            f"ecr-emulator serve --port {port} --account {ACCOUNT} "
            f"--upstream-map registry-1.docker.io={self._upstream_url} &"
        )
        _type(f"export AWS_ENDPOINT_URL={self._url} AWS_DEFAULT_REGION={REGION}")

    def _push_upstream(self) -> None:
        _note("# An image for two architectures appears on Docker Hub.")
        _type(f"aws ecr create-repository --repository-name {NAME} --endpoint-url {self._upstream_url}")
        self._api("ecr", self._upstream_url, UPSTREAM_ACCOUNT).create_repository(repositoryName=NAME)
        _type(f"docker push localhost:{self._upstream.port}/{NAME}:{TAG}")
        image = synthetic_image(NAME, PLATFORMS)
        _client(self._upstream_url).push(Registry(UPSTREAM_ACCOUNT, REGION), NAME, image, (TAG,))
        _show(f"{TAG}: digest: {image.digest}")

    def _create_rule(self) -> None:
        _note("# Docker Hub wants a credential, so the rule needs a secret.")
        secret = json.dumps({"username": "AWS", "accessToken": self._hub_password})
        name = f"ecr-pullthroughcache/{PREFIX}"
        _type(
            f"aws secretsmanager create-secret --name {name} "
            '--secret-string \'{"username": "AWS", "accessToken": "…"}\''
        )
        arn = self._mine("secretsmanager").create_secret(Name=name, SecretString=secret)["ARN"]
        _show(arn)
        _type(
            f"aws ecr create-pull-through-cache-rule --ecr-repository-prefix {PREFIX} "
            f"--upstream-registry-url registry-1.docker.io --credential-arn {arn}"
        )
        rule = self._mine("ecr").create_pull_through_cache_rule(
            ecrRepositoryPrefix=PREFIX, upstreamRegistryUrl="registry-1.docker.io", credentialArn=arn
        )
        _show(f"{rule['ecrRepositoryPrefix']} <- {rule['upstreamRegistryUrl']} ({rule['upstreamRegistry']})")

    def _pull(self, note: str) -> str:
        _note(note)
        _type("aws ecr get-login-password | docker login --username AWS --password-stdin " + self._host)
        _type(f"docker pull {self._host}/{CACHED}:{TAG}")
        pulled = pull_image(_client(self._url), Registry(ACCOUNT, REGION), f"{CACHED}:{TAG}")
        _show(f"digest: {pulled.digest}", *(f"verified: {platform}" for platform in pulled.platforms))
        return pulled.digest

    def _show_cache(self) -> None:
        self._emulator.settle()
        ecr = self._mine("ecr")
        _note("# The repository and the images are there.")
        _type("aws ecr describe-repositories")
        _show(*(repository["repositoryUri"] for repository in ecr.describe_repositories()["repositories"]))
        _type(f"aws ecr describe-images --repository-name {CACHED}")
        for image in ecr.describe_images(repositoryName=CACHED)["imageDetails"]:
            tags = ", ".join(image.get("imageTags", ["(untagged)"]))
            _show(f"{image['imageDigest']}  {image['imageSizeInBytes']:>5} bytes  {tags}")
        _note("# And ECR told EventBridge.")
        _type(f"curl -s {self._url}/_ecr/events")
        _show(json.dumps(self._import_event(), indent=2))

    def _import_event(self) -> dict[str, Any]:
        events = requests.get(f"{self._url}/_ecr/events", timeout=10).json()["events"]
        last: dict[str, Any] = [each for each in events if each["detail-type"].startswith("ECR Pull Through")][-1]
        return last

    def _stop_upstream(self) -> None:
        _note("# Docker Hub goes down.")
        _type("kill %1")
        self._upstream.stop()

    @property
    def _host(self) -> str:
        return f"localhost:{self._server.port}"

    def _mine(self, service: str) -> Any:
        return self._api(service, self._url, ACCOUNT)

    @staticmethod
    def _api(service: str, url: str, account: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=account,
            aws_secret_access_key="demo",  # noqa: S106 - any secret key does
        )


def _client(url: str) -> EmulatorClient:
    """Return a client that pushes and pulls as docker does."""
    return EmulatorClient(HttpTransport(url))


def _password(ecr: Any) -> str:
    token: str = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return b64decode(token).decode().partition(":")[2]


def _note(text: str) -> None:
    click.secho(f"\n{text}", dim=True)


def _type(command: str) -> None:
    click.secho(f"$ {command}", bold=True)


def _show(*lines: str) -> None:
    for line in lines:
        for part in line.splitlines():
            click.echo(f"  {part}")
