"""The upstreams of one emulator, which asks them in place of the real hosts."""

from __future__ import annotations

from contextlib import ExitStack

from ecr_emulator.testing.upstream.kinds import kind_of
from ecr_emulator.testing.upstream.servers import UpstreamServers
from ecr_emulator.upstream.client import HttpUpstreams


class MappedUpstreams:
    """Starts upstreams, and leads an emulator to them."""

    def __init__(self, http_upstreams: HttpUpstreams) -> None:
        self._http_upstreams = http_upstreams
        self._open: dict[str, UpstreamServers] = {}
        self._stack = ExitStack()

    def at(self, host: str) -> UpstreamServers:
        """Return the upstream at a host. It starts with the first call, and serves until ``close``."""
        if host not in self._open:
            servers = self._open[host] = UpstreamServers(kind_of(host), self._stack)
            for mapped, url in servers.addresses.items():
                before = self._http_upstreams.lead(mapped, url)
                self._stack.callback(self._http_upstreams.lead, mapped, before)
        return self._open[host]

    def close(self) -> None:
        """Stop all upstreams. The emulator asks their hosts as it did before."""
        self._stack.close()
        self._open.clear()
