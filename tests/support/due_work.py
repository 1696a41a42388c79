"""Run emulators whose due background work is performed in small steps, by hand if a test wants that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from ecr_emulator.emulator import Emulator
from ecr_emulator.services.background import Outcome
from ecr_emulator.services.lifecycle import EVALUATE
from ecr_emulator.settings import Settings
from tests.support.clock import FrozenClock
from tests.support.docker import Docker

ACCOUNT = "000000000000"
STEP = 2
"""A step of the evaluation takes so many images."""


@contextmanager
def running(data_dir: Path | None = None, clock: FrozenClock | None = None) -> Iterator[Emulator]:
    """Run an emulator whose evaluations take small steps."""
    settings = Settings(registry_auth="open", account=ACCOUNT, data_dir=data_dir)
    with Emulator(settings, clock or FrozenClock()) as emulator:
        kinds = emulator.services.background._kinds
        evaluate: Any = kinds[EVALUATE]
        kinds[EVALUATE] = partial(evaluate, step=STEP)
        yield emulator


@contextmanager
def by_hand(data_dir: Path | None = None, clock: FrozenClock | None = None) -> Iterator[Docker]:
    """Run an emulator whose background thread does nothing: tests take the steps."""
    with running(data_dir, clock) as emulator, emulator.services.due_work.stopped():
        yield Docker(emulator, ACCOUNT)


def due(docker: Docker) -> None:
    """Let a day pass by the clock alone, as real time does."""
    docker.emulator.clock.advance(timedelta(hours=24))


def take_step(docker: Docker) -> Outcome:
    """Perform the next step of the work that is due."""
    return docker.emulator.services.background.step(docker.emulator.clock.now())
