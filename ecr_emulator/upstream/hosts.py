"""The hosts of upstreams as users change them while the emulator runs: their addresses and their faults."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext, suppress

from ecr_emulator.domain.addresses import registry_of_host
from ecr_emulator.domain.unknown_hosts import reason_against, serves_upstreams
from ecr_emulator.ports.nodes import Changing
from ecr_emulator.services.faults import Faults
from ecr_emulator.upstream.addresses import UpstreamMap, origin_of
from ecr_emulator.upstream.faults import UpstreamFaults

CONNECT_SECONDS = 2


class UpstreamHosts:
    """Addresses and faults by host.

    ``allowed`` are the hosts that rules may name beside the upstreams of ECR, and ``named`` returns those that they do
    name. ``forget`` is called when another server stands behind a host. The addresses are a
    ``ports.nodes.SharedSetting``.
    """

    def __init__(
        self,
        addresses: UpstreamMap,
        faults: UpstreamFaults,
        allowed: Collection[str],
        named: Callable[[], Collection[str]],
        forget: Callable[[], None],
    ) -> None:
        self.changing: Changing = nullcontext
        self._addresses = addresses
        self._faults = faults
        self._allowed = allowed
        self._named = named
        self._forget = forget

    def faults(self, host: str) -> Faults:
        """Return the faults of a host."""
        return self._faults.at(host)

    def faults_to_inject(self, host: str) -> Faults:
        """Return the faults of a host, to which more can be added. Raises ``ValueError`` if none could hit a request.

        Registries of this emulator are asked without HTTP.
        """
        if registry_of_host(host) and host not in self._addresses:
            raise ValueError(
                f"{host} is answered by this emulator without HTTP; faults of ECR itself are at /_ecr/faults"
            )
        return self.faults(host)

    def address(self, host: str) -> str | None:
        """Return the base URL that stands in for a host; None if the host itself is asked."""
        return self._addresses.stand_in(host)

    def is_reachable(self, host: str) -> bool:
        """Tell whether something accepts connections where a host is asked."""
        _, name, port = origin_of(self._addresses.base_url(host))
        with suppress(OSError, UnicodeError), socket.create_connection((name, port), CONNECT_SECONDS):
            return True
        return False

    def lead(self, host: str, base: str) -> None:
        """Ask a base URL in place of a host, until ``release``. Raises ``ValueError``."""
        with self.changing():
            self._addresses.lead(host, base)
            self._forget()

    def release(self, host: str) -> None:
        """Ask a host as at the start again."""
        with self.changing():
            self._addresses.release(host)
            self._forget()

    def dump(self) -> dict[str, str]:
        """Return the URLs that stand in for hosts since the start, as a JSON document."""
        return dict(self._addresses.led)

    def load(self, document: Mapping[str, str]) -> None:
        """Take over the addresses of another node."""
        self._addresses.lead_only(dict(document))
        self._forget()

    def reason_against(self, host: str) -> str:
        """Return a sentence if no rule can name a host, else nothing."""
        return reason_against(host, self._allowed)

    def warning(self, host: str) -> str:
        """Return a sentence if no request to this host is expected, with the hosts that rules name; else nothing."""
        reason = self.reason_against(host)
        if not reason or serves_upstreams(host):
            return ""
        named = ", ".join(sorted(self._named())) or "none"
        return f"{reason} Upstreams could only send requests for tokens or layers there. Rules name: {named}."
