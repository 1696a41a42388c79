"""A Docker Engine that builds images and runs containers, in a network of its own."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tests.support.base_image import write_base_image
from tests.support.clients import Docker
from tests.support.programs import free_port, program, until

SOURCES = Path(__file__).parents[2]
BASE = "ecr-emulator-base"
IMAGE = "ecr-emulator"
BUILD_SECONDS = 1200


class ContainerEngine(Docker):
    """Docker's command line and an engine whose containers have a bridge of their own."""

    def __init__(self, folder: Path) -> None:
        # A port that is free now gives names that no other test uses at the same time.
        number = free_port()
        self._bridge = f"ecr{number}"
        self._address = f"10.{number >> 8}.{number & 255}.1/24"
        super().__init__(folder)

    def _options(self) -> list[str]:
        ip = program("ip")
        self.shell.run(ip, "link", "add", "name", self._bridge, "type", "bridge")
        self.shell.run(ip, "address", "add", self._address, "dev", self._bridge)
        self.shell.run(ip, "link", "set", self._bridge, "up")
        # Images have so many files that a disk needs minutes to remove them.
        data = self.folder / "data"
        data.mkdir()
        self.shell.run("mount", "-t", "tmpfs", "tmpfs", str(data))
        return [f"--bridge={self._bridge}", "--ip-forward=false"]

    def close(self) -> None:
        """Stop the engine and its containers, and remove the bridge."""
        super().close()
        for namespace in (self.folder / "exec" / "netns").glob("*"):  # that of containers in the host's network stays
            self.shell.run("umount", str(namespace))
        self.shell.run(program("ip"), "link", "delete", self._bridge)

    def build(self) -> None:
        """Build the project's Dockerfile from a base that is made of the Python of this machine."""
        archive = self._new("base.tar")
        write_base_image(archive)
        self.run("import", str(archive), BASE)
        options = ["--network=host", f"--build-arg=BASE_IMAGE={BASE}", f"--tag={IMAGE}"]
        self.shell.run(self.program, "--host", self.engine, "build", *options, str(SOURCES), seconds=BUILD_SECONDS)

    def inspect(self, name: str) -> Any:
        """Return the description of a container or an image."""
        return json.loads(self.run("inspect", name))[0]

    def start(self, name: str, *options: str) -> str:
        """Start a container of the image, and return host and port at which it answers once it is healthy."""
        self.run("run", "--detach", f"--name={name}", "--publish=127.0.0.1::4566", *options, IMAGE)
        until(lambda: self.inspect(name)["State"]["Health"]["Status"] == "healthy")
        port = self.run("port", name, "4566/tcp").strip().rpartition(":")[2]
        return f"localhost:{port}"

    def stop(self, name: str) -> tuple[int, float]:
        """Stop a container and return its exit status and the seconds that it took."""
        before = time.monotonic()
        self.run("stop", name)
        return self.inspect(name)["State"]["ExitCode"], time.monotonic() - before

    def logs(self, name: str) -> str:
        """Return what a container has written to both of its outputs."""
        return self.shell.run("sh", "-c", f'{self.program} --host {self.engine} logs "$0" 2>&1', name)
