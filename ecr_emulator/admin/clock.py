"""``/_ecr/clock``: the emulator's clock, which users can move, set and freeze."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ecr_emulator.domain.durations import parse_duration
from ecr_emulator.services import Services
from ecr_emulator.services.clock_moves import MovableClock, move_clock, set_clock
from ecr_emulator.services.optional_writes import optional_write

EXAMPLES = ('{"advance": "24h"}', '{"set": "2030-01-01T00:00:00Z"}', '{"freeze": true}', '{"follow_machine": true}')


class ClockAdmin:
    """The views."""

    def __init__(self, clock: MovableClock, services: Services) -> None:
        self._clock = clock
        self._services = services

    def show(self, _: Mapping[str, Any]) -> ResponseReturnValue:
        """Return the emulator's time."""
        return jsonify(now=self._clock.now().isoformat())

    def move(self, given: Mapping[str, Any]) -> ResponseReturnValue:
        """Move, set or freeze the emulator's clock. Work that falls due is done before the answer."""
        try:
            self._do(given)
        except ValueError as wrong:
            raise BadRequest(f"The body must be like {' or '.join(EXAMPLES)}: {wrong}") from None
        now = self._clock.now()
        with optional_write("the time"):
            self._services.store.remember_time(now)
        return jsonify(now=now.isoformat())

    def _do(self, given: Mapping[str, Any]) -> None:
        match dict(given):
            case {"advance": by, **rest} if not rest:
                move_clock(self._clock, self._services.background, parse_duration(str(by)))
            case {"set": to, **rest} if not rest:
                set_clock(self._clock, self._services.background, datetime.fromisoformat(str(to)))
            case {"freeze": True, **rest} if not rest:
                self._clock.freeze()
            case {"follow_machine": True, **rest} if not rest:
                self._clock.follow_machine()
            case _:
                raise ValueError("exactly one of these is needed")
