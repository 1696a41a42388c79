"""Faults of ECR for tests: throttling, server errors, latency and broken connections."""

from __future__ import annotations

from collections.abc import Mapping
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
    """The faults of an emulator in another process that were injected here, all in one account."""

    def __init__(self, client: EmulatorClient, account: str) -> None:
        self._client = client
        self._account = account
        self._ids: list[str] = []

    def add(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Inject the fault that a document describes, in this account unless the document names another."""
        try:
            fault = self._client.post("/_ecr/faults", **{"account": self._account} | dict(given))
        except CallRefused as refused:
            raise ValueError(str(refused)) from None
        self._ids.append(fault["id"])
        return fault

    def remove(self, fault_id: str) -> bool:
        """End a fault, which a reset may have ended before."""
        if fault_id in self._ids:
            self._ids.remove(fault_id)
            with suppress(CallRefused):
                return bool(self._client.delete(f"/_ecr/faults/{fault_id}"))
        return False

    def clear(self) -> None:
        """End the faults that were injected here."""
        for fault_id in tuple(self._ids):
            self.remove(fault_id)

    def listing(self) -> list[dict[str, Any]]:
        """Return the faults that were injected here, with their counts."""
        return [fault for fault in self._client.get("/_ecr/faults")["faults"] if fault["id"] in self._ids]


class When(TypedDict, total=False):
    """The requests that a fault hits, among those to its target (docs/faults.md)."""

    count: int
    skip: int
    probability: float
    seed: int
    starts_in: str | timedelta
    lasts: str | timedelta
    account: str
    region: str
    repository: str


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


class EcrFaults:
    """Lets ECR fail. A ``target`` is an operation (``PutImage``), a registry route (``blobs``, ``PUT manifests``) or
    ``*`` for every request. All methods raise ``ValueError`` for arguments that no fault can have.
    """

    def __init__(self, source: FaultSource) -> None:
        self._source = source

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
        """End all faults."""
        self._source.clear()

    def _add(self, kind: str, target: str, when: When, **own: Any) -> InjectedFault:
        given = {key: value for key, value in own.items() if value is not None}
        schedule = {key: _as_text(value) if isinstance(value, timedelta) else value for key, value in when.items()}
        fault = self._source.add({"fault": kind, "target": target} | given | schedule)
        return InjectedFault(self._source, fault["id"])


def _as_text(length: timedelta) -> str:
    return f"{length.total_seconds():.0f}s"
