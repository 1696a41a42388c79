"""``RunningEcrEmulator``: an emulator in another process, which a test suite shares with others."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self
from uuid import UUID

from ecr_emulator.http_transport import HttpTransport
from ecr_emulator.seeds.client import CallRefused, EmulatorClient
from ecr_emulator.system import RandomIds
from ecr_emulator.testing.endpoint import EcrEndpoint, checked_account, checked_region
from ecr_emulator.testing.times import read_instant, read_length

if TYPE_CHECKING:
    from ecr_emulator.testing.aws_clients import EmulatorSession
    from ecr_emulator.testing.faults import FaultSource
    from ecr_emulator.testing.upstream_hosts import ChangeableHosts

ONLY_IN_PROCESS = (
    "An emulator that others may use has no snapshot() and restore(): they would change the state of all accounts. "
    "To begin each test with the same state, empty the account and fill it again: reset() and push_image() or seed(), "
    "with pytest in the fixture ecr_state. If nobody else uses the emulator: save_snapshot(path) and "
    "load_snapshot(path), which replace everything in it"
)


class RunningEcrEmulator(EcrEndpoint):
    """An emulator that runs at an address, as ``EcrEmulator`` shows one in this process. A context manager.

    Without ``account`` a random one is used, and emptied at the end: what belongs to other accounts is left alone.
    ``admin_token`` is the one that the emulator was started with. Raises ``ConnectionError`` if none answers, and
    ``ValueError`` for arguments that no emulator can have.
    """

    def __init__(
        self, url: str, account: str | None = None, region: str = "us-east-1", admin_token: str | None = None
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"the address of an emulator is like http://localhost:4566, not {url!r}")
        self._url = url.rstrip("/")
        self._is_own_account = account is None
        self.account = self._account_of_events = checked_account(account or _random_account())
        self.region = checked_region(region)
        self._admin_token = admin_token
        self._transport: HttpTransport = HttpTransport(self._url)
        self._emulator_client.get("/_ecr/health")

    @property
    def endpoint_url(self) -> str:
        """The address of the emulator."""
        return self._url

    def _session(self, account: str, region: str) -> EmulatorSession:
        from ecr_emulator.testing.aws_clients import EmulatorSession

        return EmulatorSession(account, region, lambda: self._url)

    @cached_property
    def clock(self) -> RunningClock:
        """The emulator's time, which all who use the emulator share."""
        return RunningClock(self._emulator_client)

    @cached_property
    def _upstream_hosts(self) -> ChangeableHosts:
        from ecr_emulator.testing.upstream_hosts import RunningHosts

        return RunningHosts(self._emulator_client, self._url)

    @cached_property
    def _fault_source(self) -> FaultSource:
        """The faults of ECR in the account of this object, unless a call names another account."""
        from ecr_emulator.testing.faults import RunningFaultSource

        return RunningFaultSource(self._emulator_client, "/_ecr/faults", account=self.account)

    def reset(self, account: str | None = None, region: str | None = None) -> None:
        """Forget what an account has, in one Region or in all: by default the account of this object."""
        of_one_region = {"region": region} if region else {}
        self._emulator_client.post("/_ecr/reset", account=account or self.account, **of_one_region)

    def snapshot(self) -> NoReturn:
        """Raise ``NotImplementedError``, which says what to use instead of ``EcrEmulator.snapshot``."""
        raise NotImplementedError(ONLY_IN_PROCESS)

    def restore(self, snapshot: object) -> NoReturn:
        """Raise ``NotImplementedError``, which says what to use instead of ``EcrEmulator.restore``."""
        raise NotImplementedError(ONLY_IN_PROCESS)

    def close(self) -> None:
        """End upstreams, empty the random account and close the connections."""
        self.close_upstreams()
        if self._is_own_account:
            self.reset()
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RunningClock:
    """Moves the time of an emulator in another process. All raise ``ValueError`` as ``EmulatorClock`` does."""

    def __init__(self, client: EmulatorClient) -> None:
        self._client = client

    def now(self) -> datetime:
        """Return the emulator's time: aware, in UTC, in whole milliseconds."""
        return datetime.fromisoformat(self._client.get("/_ecr/clock")["now"])

    def advance(self, by: timedelta | str) -> datetime:
        """Move on by whole seconds, like ``timedelta(hours=25)`` or ``"25h"``; return the new time."""
        return self._move(advance=f"{read_length(by).total_seconds():.0f}s")

    def freeze(self, at: datetime | None = None) -> datetime:
        """Stand still, now or at an instant, until the clock is moved; return the time."""
        instant = None if at is None else read_instant(at)
        now = self._move(freeze=True)
        return self.set(instant) if instant else now

    def set(self, to: datetime) -> datetime:
        """Go to an instant, in the future or in the past; return it. The clock goes on from there unless frozen."""
        return self._move(set=read_instant(to).isoformat())

    def follow_machine(self) -> datetime:
        """Show the machine's time again; return it."""
        return self._move(follow_machine=True)

    def _move(self, **how: Any) -> datetime:
        try:
            return datetime.fromisoformat(self._client.post("/_ecr/clock", **how)["now"])
        except CallRefused as refused:
            raise ValueError(str(refused)) from None


def _random_account() -> str:
    return f"{UUID(RandomIds().uuid()).int % 10**12:012}"
