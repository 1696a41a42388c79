"""Log lines of the process, as text or as JSON."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from ecr_emulator.domain.printable_text import one_line


def set_up_logging(level: str, style: str, stream: TextIO = sys.stderr) -> None:
    """Log messages of at least ``level`` (``debug`` … ``error``) to ``stream``, as ``text`` or as ``json`` lines.

    Loggers of other packages, such as SQLAlchemy and werkzeug, log at least ``warning``.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("ecr_emulator").setLevel(level.upper())


class TextLines(logging.Formatter):
    """``12:34:56.789 INFO    request method=GET path=/v2/ status=200``: local time, level, message, facts."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03d %(levelname)-7s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """Return the line with the facts after the message."""
        facts = "".join(f" {name}={_shown(value)}" for name, value in _facts(record).items())
        return one_line(super().formatMessage(record)) + facts


class JsonLines(logging.Formatter):
    """One JSON object per line: ``time`` (UTC), ``level``, ``logger``, ``message``, the facts, and ``exception``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _shown(value: object) -> str:
    """Return simple texts unchanged and other values as JSON, so that any text of a client stays on one line."""
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.,/:@%+~-]+", value)
    return str(value) if plain else json.dumps(value, default=str)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    facts: dict[str, Any] = getattr(record, "facts", {})
    return facts
