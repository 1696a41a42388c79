"""The signals that end a server."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from select import select
from socket import socket, socketpair
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Told:
    """Whether somebody has told the process to stop.

    The system hands a signal to any thread, and Python acts on it in the main thread only. One that waits for a lock
    would sleep on; one that waits for a socket is woken, whichever thread the signal came to.
    """

    def __init__(self, woken: socket) -> None:
        self._woken = woken
        self._is_told = False

    def set(self) -> None:
        """Somebody has."""
        self._is_told = True

    def is_set(self) -> bool:
        """Whether somebody has."""
        return self._is_told

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until somebody has, or for about ``timeout`` seconds; whether somebody has."""
        while not self._is_told and select([self._woken], [], [], timeout)[0]:
            self._woken.recv(1)
        return self._is_told


@contextmanager
def told_to_stop() -> Iterator[Told]:
    """What SIGTERM and SIGINT set. A second one does what it would do otherwise: it ends the process."""
    woken, waker = socketpair()
    told = Told(woken)

    def stop(_number: int, _frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        told.set()

    with woken, waker:
        waker.setblocking(False)
        waker_before = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        before = {each: signal.signal(each, stop) for each in SIGNALS}
        try:
            yield told
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
            signal.set_wakeup_fd(waker_before)
