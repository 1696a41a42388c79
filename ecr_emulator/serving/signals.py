"""The signals that end a server."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from select import select
from socket import socket, socketpair
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopFlag:
    """A flag that a signal sets to stop the process.

    The system delivers a signal to any thread, but Python runs its handler in the main thread only. A main thread that
    waits for a lock would sleep on; one that waits for a socket wakes up, whichever thread received the signal.
    """

    def __init__(self, woken: socket) -> None:
        self._woken = woken
        self._is_set = False

    def set(self) -> None:
        """Set the flag."""
        self._is_set = True

    def is_set(self) -> bool:
        """Return whether the flag is set."""
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the flag is set, or for about ``timeout`` seconds; return whether it is set."""
        while not self._is_set and select([self._woken], [], [], timeout)[0]:
            self._woken.recv(1)
        return self._is_set


@contextmanager
def catch_stop_signals() -> Iterator[StopFlag]:
    """Yield the flag that SIGTERM and SIGINT set. A second signal has its default effect: it ends the process."""
    woken, waker = socketpair()
    flag = StopFlag(woken)

    def stop(_number: int, _frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        flag.set()

    with woken, waker:
        waker.setblocking(False)
        waker_before = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        before = {each: signal.signal(each, stop) for each in SIGNALS}
        try:
            yield flag
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
            signal.set_wakeup_fd(waker_before)
