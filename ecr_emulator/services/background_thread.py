"""The thread that performs long background work between requests."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Thread

log = logging.getLogger(__name__)


class BackgroundThread:
    """A thread that calls ``step`` until it returns False. It exists only while it has something to do."""

    def __init__(self, step: Callable[[], bool]) -> None:
        self._step = step
        self._changed = Condition()
        self._is_running = False
        self._is_wanted = False
        self._stops = 0

    @property
    def is_running(self) -> bool:
        """Whether the thread exists."""
        return self._is_running

    def start(self) -> None:
        """Start the thread, unless it is stopped. If it runs, it takes one more step at least."""
        with self._changed:
            self._is_wanted = not self._stops
            if self._is_wanted and not self._is_running:
                Thread(target=self._run, name="background", daemon=True).start()
                self._is_running = True

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Wait until the current step ends, and let no other begin while the block runs."""
        self._stop()
        try:
            yield
        finally:
            with self._changed:
                self._stops -= 1

    def close(self) -> None:
        """Wait until the current step ends, and let no other begin."""
        self._stop()

    def _stop(self) -> None:
        with self._changed:
            self._stops += 1
            self._changed.wait_for(lambda: not self._is_running)

    def _run(self) -> None:
        while self._goes_on():
            try:
                while not self._stops and self._step():
                    pass
            except Exception:
                log.exception("background work failed; the next request continues it")

    def _goes_on(self) -> bool:
        """Return whether the thread is wanted; if not, it ends."""
        with self._changed:
            self._is_running = self._is_wanted and not self._stops
            self._is_wanted = False
            if not self._is_running:
                self._changed.notify_all()
            return self._is_running
