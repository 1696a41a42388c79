"""``EcrEmulator``: an emulator inside the process of a test suite."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

from ecr_emulator.quick_imports import quick_imports
from ecr_emulator.testing.arguments import EmulatorSettings, read_settings
from ecr_emulator.testing.endpoint import EcrEndpoint, checked_account, checked_region
from ecr_emulator.transports import InProcess

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from ecr_emulator.emulator import Emulator
    from ecr_emulator.serving.threaded import ThreadedServer
    from ecr_emulator.snapshots import Snapshot
    from ecr_emulator.testing.aws_clients import EmulatorSession
    from ecr_emulator.testing.clock import EmulatorClock
    from ecr_emulator.testing.faults import FaultSource
    from ecr_emulator.testing.upstream_hosts import ChangeableHosts

UNOPENED = "http://localhost:4566"
"""The endpoint of clients in this process as long as nobody has asked for an address."""


class EcrEmulator(EcrEndpoint):
    """An emulator in this process, without a socket until somebody asks for an address. A context manager.

    The arguments are the settings of ``ecr-emulator serve`` (docs/settings.md); neither the environment nor a settings
    file is read. Without ``data_dir`` the state is temporary. Raises ``SettingsError`` for wrong arguments.
    """

    def __init__(self, **settings: Unpack[EmulatorSettings]) -> None:
        # Imported when an emulator starts, so that a conftest.py that imports this class costs nothing.
        with quick_imports():
            from ecr_emulator.emulator import Emulator

        self._opened: Emulator | None = Emulator(read_settings(settings))
        self.account = self._emulator.settings.account
        self.region = self._emulator.settings.region
        self._admin_token = self._emulator.settings.admin_token
        self._server: ThreadedServer | None = None
        self._opening = Lock()
        self._transport: InProcess = InProcess(self._answer, self._origin)

    @property
    def _emulator(self) -> Emulator:
        if self._opened is None:
            raise RuntimeError(f"{self} is closed; a closed emulator cannot be used again")
        return self._opened

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._emulator.wsgi(environ, start_response)

    @property
    def endpoint_url(self) -> str:
        """The address of the emulator, like ``http://127.0.0.1:49152``. It listens there from now on."""
        with self._opening:
            if self._server is None:
                from ecr_emulator.serving.threaded import ThreadedServer

                self._server = ThreadedServer(self._emulator.wsgi).start()
            return self._server.url

    def _origin(self) -> str:
        return self._server.url if self._server else UNOPENED

    def _session(self, account: str, region: str) -> EmulatorSession:
        with quick_imports():
            from ecr_emulator.testing.aws_clients import in_process_session

        return in_process_session(account, region, self._origin, self._transport)

    @property
    def clock(self) -> EmulatorClock:
        """The emulator's time, which tests can move."""
        from ecr_emulator.testing.clock import EmulatorClock

        return EmulatorClock(self._emulator.clock, self._emulator.services.background)

    @property
    def _upstream_hosts(self) -> ChangeableHosts:
        from ecr_emulator.testing.upstream_hosts import EmbeddedHosts

        return EmbeddedHosts(self._emulator.upstream_hosts)

    @property
    def _fault_source(self) -> FaultSource:
        return self._emulator.faults.ecr

    def reset(self, account: str | None = None, region: str | None = None) -> None:
        """Forget everything, or only what an account has, in one Region or in all. The clock stays as it is.

        Raises ``ValueError`` for a Region without an account.
        """
        if region and not account:
            raise ValueError("a region needs an account: give both, or neither to forget everything")
        self._emulator.reset(account and checked_account(account), region and checked_region(region))

    def snapshot(self) -> Snapshot:
        """Return everything as it is now: state, companions, clock, and what is remembered of upstreams."""
        return self._emulator.snapshots.take()

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot of this emulator, any number of times.

        Raises ``ForeignSnapshot`` for one of another emulator, and ``ValueError`` for what is none.
        """
        from ecr_emulator.snapshots import Snapshot

        if not isinstance(snapshot, Snapshot):
            raise ValueError(f"restore takes what snapshot() returned, not {snapshot!r}; load_snapshot takes files")
        self._emulator.snapshots.restore(snapshot)

    def close(self) -> None:
        """Stop listening and remove the temporary state. A second call does nothing."""
        if self._opened is None:
            return
        self._opened.event_delivery.end_streams()
        if self._server:
            self._server.stop()
            self._server = None
        self.close_upstreams()
        self._opened.close()
        self._opened = None
        vars(self).pop("faults", None)

    def __enter__(self) -> Self:
        self._emulator  # noqa: B018 - raises if it is closed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
