"""Faults of ECR and of upstreams for tests, in force in this process or in another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import Any, Protocol, Self, TypedDict, Unpack

from ecr_emulator.seeds.client import CallRefused, EmulatorClient


class FaultSource(Protocol):
    """The faults of an emulator."""

    def add(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Inject the fault that a document describes, and return it with its id. Raises ``ValueError``."""

    def remove(self, fault_id: str) -> bool:
        """End a fault; return whether there was one with this id."""

    def clear(self) -> None:
        """End all faults."""

    def listing(self) -> list[dict[str, Any]]:
        """Return the faults with their counts."""


class RunningFaultSource:
    """Faults of an emulator in another process: those at ``path`` that were injected here."""

    def __init__(self, client: EmulatorClient, path: str, **by_default: str) -> None:
        """``by_default`` are members of every fault, unless a fault has others."""
        self._client = client
        self._path = path
        self._by_default = by_default
        self._ids: list[str] = []

    def add(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Inject the fault that a document describes. Raises ``ValueError``."""
        try:
            fault = self._client.post(self._path, **self._by_default | dict(given))
        except CallRefused as refused:
            raise ValueError(str(refused)) from None
        self._ids.append(fault["id"])
        return fault

    def remove(self, fault_id: str) -> bool:
        """End a fault, which a reset may have ended before."""
        if fault_id in self._ids:
            self._ids.remove(fault_id)
            with suppress(CallRefused):
                return bool(self._client.delete(f"{self._path}/{fault_id}"))
        return False

    def clear(self) -> None:
        """End the faults that were injected here."""
        for fault_id in tuple(self._ids):
            self.remove(fault_id)

    def listing(self) -> list[dict[str, Any]]:
        """Return the faults that were injected here, with their counts."""
        return [fault for fault in self._client.get(self._path)["faults"] if fault["id"] in self._ids]


class Schedule(TypedDict, total=False):
    """The requests that a fault hits, among those to its target (docs/faults.md)."""

    count: int
    skip: int
    probability: float
    seed: int
    starts_in: str | timedelta
    lasts: str | timedelta
    repository: str


class When(Schedule, total=False):
    """The requests to ECR that a fault hits."""

    account: str
    region: str


class InjectedFault:
    """A fault in force. As a context manager it ends with its block."""

    def __init__(self, source: FaultSource, fault_id: str) -> None:
        self._source = source
        self.id = fault_id

    @property
    def hits(self) -> int:
        """The number of requests that the fault has hit. Raises ``LookupError`` when it has ended."""
        for fault in self._source.listing():
            if fault["id"] == self.id:
                return int(fault["hits"])
        raise LookupError(f"fault {self.id} has ended")

    def remove(self) -> None:
        """End the fault; a second time does nothing."""
        self._source.remove(self.id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


class FaultInjector:
    """Injects faults into one source. Its methods raise ``ValueError`` for arguments that no fault can have."""

    def __init__(self, source: FaultSource) -> None:
        self._source = source

    def clear(self) -> None:
        """End all faults."""
        self._source.clear()

    def _add(self, kind: str, target: str, when: Mapping[str, Any], **own: Any) -> InjectedFault:
        given = {key: value for key, value in own.items() if value is not None}
        schedule = {key: _as_text(value) if isinstance(value, timedelta) else value for key, value in when.items()}
        fault = self._source.add({"fault": kind, "target": target} | given | schedule)
        return InjectedFault(self._source, fault["id"])


class UpstreamFaults(FaultInjector):
    """Lets the host of an upstream fail where the emulator asks it, by real time or the clock of the emulator.

    A ``target`` is ``manifests``, ``blobs``, ``referrers``, ``base`` or ``other``, alone or after ``GET`` or ``HEAD``,
    or ``*`` for every request. A request that a fault answers does not arrive at the upstream.
    """

    def answer(
        self, status: int, target: str = "*", *, retry_after: int | None = None, **when: Unpack[Schedule]
    ) -> InjectedFault:
        """Answer with a status from 400 to 599, and with ``retry_after`` seconds."""
        return self._add("status", target, when, status=status, retry_after=retry_after)

    def delay(self, target: str = "*", *, seconds: float, **when: Unpack[Schedule]) -> InjectedFault:
        """Wait for each answer; beyond the time-out of the emulator this is a silence."""
        return self._add("latency", target, when, seconds=seconds)

    def stay_silent(self, target: str = "*", **when: Unpack[Schedule]) -> InjectedFault:
        """Send no answer: the emulator waits until its time-out."""
        return self._add("silence", target, when)

    def refuse_connections(self, target: str = "*", **when: Unpack[Schedule]) -> InjectedFault:
        """Be down: the emulator cannot connect."""
        return self._add("unreachable", target, when)

    def break_body(self, target: str = "*", *, after_bytes: int = 0, **when: Unpack[Schedule]) -> InjectedFault:
        """Reset the connection after some bytes of the body."""
        return self._add("broken_body", target, when, after_bytes=after_bytes)

    def send_wrong_bytes(self, target: str = "*", **when: Unpack[Schedule]) -> InjectedFault:
        """Send other bytes than those of the digest."""
        return self._add("wrong_bytes", target, when)

    def expire_token(self, target: str = "*", **when: Unpack[Schedule]) -> InjectedFault:
        """Let the token of the request expire: the upstream asks for a new one."""
        return self._add("expired_token", target, when)


class EcrFaults(FaultInjector):
    """Lets ECR fail. A ``target`` is an operation (``PutImage``), a registry route (``blobs``, ``PUT manifests``) or
    ``*`` for every request.
    """

    def __init__(self, source: FaultSource, upstream_source: Callable[[str], FaultSource]) -> None:
        """``upstream_source`` returns the faults of an upstream host. Raises ``ValueError``."""
        super().__init__(source)
        self._upstream_source = upstream_source
        self._upstreams: dict[str, UpstreamFaults] = {}

    def at_upstream(self, host: str) -> UpstreamFaults:
        """Return the faults of an upstream host, like ``registry-1.docker.io``, real or programmable.

        Warns of a host to which no request is expected. Raises ``ValueError`` for registries of this emulator.
        """
        self._upstreams[host] = UpstreamFaults(self._upstream_source(host))
        return self._upstreams[host]

    def throttle(self, target: str = "*", *, retry_after: int | None = None, **when: Unpack[When]) -> InjectedFault:
        """Answer ``ThrottlingException``, and in the registry 429 ``TOOMANYREQUESTS`` with ``retry_after`` seconds."""
        return self._add("throttling", target, when, retry_after=retry_after)

    def fail(self, target: str = "*", **when: Unpack[When]) -> InjectedFault:
        """Answer ``ServerException``, and in the registry 500."""
        return self._add("server_error", target, when)

    def make_unavailable(
        self, target: str = "*", *, retry_after: int | None = None, **when: Unpack[When]
    ) -> InjectedFault:
        """Answer 503: ``ServiceUnavailable``, and in the registry an error with ``retry_after`` seconds."""
        return self._add("unavailable", target, when, retry_after=retry_after)

    def delay(self, target: str = "*", *, seconds: float, **when: Unpack[When]) -> InjectedFault:
        """Wait before the request is handled. A frozen clock makes no request wait."""
        return self._add("latency", target, when, seconds=seconds)

    def drop_connection(self, target: str = "*", **when: Unpack[When]) -> InjectedFault:
        """Close the connection without an answer. Nothing of what was requested is done."""
        return self._add("dropped_connection", target, when)

    def lose_answer(self, target: str = "*", *, after_bytes: int = 0, **when: Unpack[When]) -> InjectedFault:
        """Do what was requested, and close the connection after some bytes of the answer's body."""
        return self._add("lost_answer", target, when, after_bytes=after_bytes)

    def clear(self) -> None:
        """End all faults, also those of the upstreams whose faults were asked for here."""
        super().clear()
        for upstream in self._upstreams.values():
            upstream.clear()


def _as_text(length: timedelta) -> str:
    return f"{length.total_seconds():.0f}s"
