"""``EcrEmulatorContainer``: the emulator's image in a container that testcontainers starts and removes.

It needs the extra ``ecr-emulator[testcontainers]`` and a Docker Engine.
"""

from __future__ import annotations

from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Self

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import CompositeWaitStrategy, HttpWaitStrategy, LogMessageWaitStrategy

from ecr_emulator.testing.registry import EcrRegistry
from ecr_emulator.testing.running import RunningEcrEmulator

PORT = 4566


class EcrEmulatorContainer(DockerContainer):
    """An emulator in a container. When it has started, its seeds are applied and its init scripts have run.

    ``image`` is the one that ``docker build --tag ecr-emulator .`` makes. Variables such as ``ECR_EMULATOR_STRICT``
    change settings (docs/settings.md). Other arguments are those of ``DockerContainer``.
    """

    def __init__(
        self, image: str = "ecr-emulator", account: str = "000000000000", region: str = "us-east-1", **options: Any
    ) -> None:
        super().__init__(image, **options)
        self.account = account
        self.region = region
        self.with_exposed_ports(PORT)
        self.with_envs(ECR_EMULATOR_ACCOUNT=account, ECR_EMULATOR_REGION=region)
        # The first notices a container that ends because a setting or a seed is wrong.
        self.waiting_for(
            CompositeWaitStrategy(LogMessageWaitStrategy("is ready: "), HttpWaitStrategy(PORT, "/_ecr/ready"))
        )

    def with_seed(self, path: str | PathLike[str]) -> Self:
        """Copy a seed file, or a folder of them, into the container, to be applied at its start.

        Image files that a seed names are copied with the folder only. Raises ``FileNotFoundError``.
        """
        path = Path(path).resolve(strict=True)
        place = f"/seeds/{path.name}"
        seeds = self.env.get("ECR_EMULATOR_SEED")
        self.with_env("ECR_EMULATOR_SEED", f"{seeds},{place}" if seeds else place)
        return self.with_copy_into_container(path, "/seeds" if path.is_dir() else place, 0o444)

    def start(self) -> Self:
        """Start the container and wait until it is ready. A note on the error has the log of a container that ends."""
        try:
            return super().start()
        except RuntimeError as ended:
            ended.add_note(self.get_wrapped_container().logs().decode())
            raise

    def get_url(self) -> str:
        """Return the endpoint for AWS clients, like ``http://localhost:49153``."""
        return f"http://{self.get_container_host_ip()}:{self.get_exposed_port(PORT)}"

    def get_client(self, service_name: str = "ecr", **options: Any) -> Any:
        """Return a boto3 client for ECR or another service. ``options`` are those of ``boto3.client``."""
        return self.emulator.client(service_name, **options)

    def get_registry(self) -> EcrRegistry:
        """Return the registry: its address, user, password and ``docker_config()`` for docker and others."""
        return self.emulator.registry

    @cached_property
    def emulator(self) -> RunningEcrEmulator:
        """The emulator's clock, faults, events, images and the rest of what docs/python.md describes."""
        token = self.env.get("ECR_EMULATOR_ADMIN_TOKEN")
        return RunningEcrEmulator(self.get_url(), self.account, self.region, token)
