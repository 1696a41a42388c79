"""What commands ask of a running emulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

TIMEOUT_SECONDS = 10
LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - names the address, binds nothing


def version_of(hosts: Sequence[str], port: int) -> str:
    """The version of the emulator that answers on the first of the hosts. OSError if none does."""
    answer = request(hosts, port, "GET", "/_ecr/health")
    try:
        return str(answer["version"])
    except (LookupError, TypeError) as wrong:
        raise _somebody_else() from wrong


def request(hosts: Sequence[str], port: int, method: str, path: str, body: str | None = None) -> Any:
    """What the emulator on the first of the hosts answers, as JSON. OSError if none is there or it refuses."""
    import json
    from http.client import HTTPConnection, HTTPException

    host = LOOPBACK_OF.get(hosts[0], hosts[0])
    connection = HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        if answer.status != 200:
            raise OSError(f"it answers {answer.status} {answer.reason}")
        return json.load(answer)
    except (HTTPException, ValueError) as wrong:
        raise _somebody_else() from wrong
    finally:
        connection.close()


def reason(failure: OSError) -> str:
    """What went wrong, without the number of the error, which tells people nothing."""
    return failure.strerror or str(failure)


def _somebody_else() -> OSError:
    return OSError("something else answers there")
