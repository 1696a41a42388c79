"""The upstreams of one emulator, which asks them in place of the real hosts."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from ecr_emulator.testing.upstream.kinds import kind_of
from ecr_emulator.testing.upstream.servers import UpstreamServers

if TYPE_CHECKING:
    from ecr_emulator.testing.faults import EcrFaults, UpstreamFaults
    from ecr_emulator.testing.upstream_hosts import ChangeableHosts


class MappedUpstream(UpstreamServers):
    """An upstream that an emulator asks. ``faults`` let its registry fail where the emulator asks it."""

    faults: UpstreamFaults


class MappedUpstreams:
    """Starts upstreams, and leads an emulator to them."""

    def __init__(self, hosts: ChangeableHosts, faults: EcrFaults) -> None:
        self._hosts = hosts
        self._faults = faults
        self._open: dict[str, MappedUpstream] = {}
        self._stack = ExitStack()

    def at(self, host: str) -> MappedUpstream:
        """Return the upstream at a host. It starts with the first call, and serves until ``close``.

        Raises ``ValueError`` for a host that no rule can name, and ``ConnectionError`` if the emulator cannot reach
        this process.
        """
        if host not in self._open:
            self._hosts.check(host)
            with ExitStack() as starting:
                self._open[host] = self._started(host, starting)
                self._stack.push(starting.pop_all())
        return self._open[host]

    def close(self) -> None:
        """Stop all upstreams and end their faults. The emulator asks their hosts as it did at the start."""
        self._stack.close()
        self._open.clear()

    def _started(self, host: str, stack: ExitStack) -> MappedUpstream:
        servers = MappedUpstream(kind_of(host), stack)
        for mapped, url in servers.addresses.items():
            self._hosts.lead(mapped, url)
            stack.callback(self._hosts.release, mapped)
        servers.faults = self._faults.at_upstream(host)
        stack.callback(servers.faults.clear)
        return servers
