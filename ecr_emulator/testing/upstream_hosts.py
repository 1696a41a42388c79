"""The hosts of upstreams as tests change them, in this process or in another one."""

from __future__ import annotations

import warnings
from typing import Protocol
from urllib.parse import quote

from ecr_emulator.domain.unknown_hosts import UPSTREAMS, reason_against
from ecr_emulator.seeds.client import EmulatorClient
from ecr_emulator.testing.faults import FaultSource, RunningFaultSource
from ecr_emulator.upstream.hosts import UpstreamHosts

KNOWN = (
    f"Upstreams are {', '.join(UPSTREAMS)}, <name>.azurecr.io, private ECR registries, and the hosts of allow_upstream"
)


class ChangeableHosts(Protocol):
    """The hosts of upstreams of one emulator."""

    def check(self, host: str) -> None:
        """Raise ``ValueError`` if no rule can name a host."""

    def lead(self, host: str, base: str) -> None:
        """Ask a base URL in place of a host. Raises ``ConnectionError`` if nothing answers there."""

    def release(self, host: str) -> None:
        """Ask a host as at the start again."""

    def faults(self, host: str) -> FaultSource:
        """Return the faults of a host; warn if no request to it is expected. Raises ``ValueError``."""


class EmbeddedHosts:
    """The hosts of an emulator in this process."""

    def __init__(self, hosts: UpstreamHosts) -> None:
        self._hosts = hosts
        self.lead = hosts.lead
        self.release = hosts.release

    def check(self, host: str) -> None:
        """Raise ``ValueError`` if no rule can name a host."""
        _check(self._hosts.reason_against(host))

    def faults(self, host: str) -> FaultSource:
        """Return the faults of a host; warn if no request to it is expected. Raises ``ValueError``."""
        _warn(self._hosts.warning(host))
        return self._hosts.faults_to_inject(host)


class RunningHosts:
    """The hosts of an emulator in another process, which all of its users share."""

    def __init__(self, client: EmulatorClient, url: str) -> None:
        self._client = client
        self._url = url
        self._faults: dict[str, FaultSource] = {}

    def check(self, host: str) -> None:
        """Raise ``ValueError`` if no rule can name a host."""
        if not host or "/" in host:  # it would be another address of the emulator
            _check(reason_against(host, ()))
        _check(self._client.get(_path(host, "address")).get("warning", ""))

    def lead(self, host: str, base: str) -> None:
        """Ask a base URL in place of a host. Raises ``ConnectionError`` if the emulator cannot reach it."""
        if not self._client.put(_path(host, "address"), url=base)["reachable"]:
            self.release(host)
            raise ConnectionError(
                f"The emulator at {self._url} cannot reach the upstream that this process serves at {base}. It runs on "
                "another machine or in a container; use one on this machine, or in this process"
            )

    def release(self, host: str) -> None:
        """Ask a host as at the start again."""
        self._client.delete(_path(host, "address"))

    def faults(self, host: str) -> FaultSource:
        """Return the faults of a host that are injected here; warn if no request to it is expected."""
        path = _path(host, "faults")
        _warn(self._client.get(path).get("warning", ""))
        return self._faults.setdefault(path, RunningFaultSource(self._client, path))


def _path(host: str, subject: str) -> str:
    return f"/_ecr/upstreams/{quote(host, safe='')}/{subject}"


def _check(reason: str) -> None:
    if reason:
        raise ValueError(f"{reason} {KNOWN}")


def _warn(sentence: str) -> None:
    if sentence:
        warnings.warn(sentence, stacklevel=5)
