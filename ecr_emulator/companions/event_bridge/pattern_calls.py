"""Calls of EventBridge about event patterns: moto checks too little in PutRule, and lacks TestEventPattern.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ecr_emulator.companions.event_bridge.patterns import InvalidPattern, check_pattern
from ecr_emulator.companions.requests import body_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers import Response

_PUT_RULE = "AWSEvents.PutRule"
_TEST_PATTERN = "AWSEvents.TestEventPattern"
_REQUIRED = ("id", "account", "source", "time", "region", "resources", "detail-type")
"""Fields that TestEventPattern requires in an event."""


def answer_pattern_call(environ: WSGIEnvironment, _: str) -> Response | None:
    """Answer TestEventPattern, and PutRule if its pattern is wrong in a way that moto does not see."""
    operation = environ.get("HTTP_X_AMZ_TARGET")
    if operation not in (_PUT_RULE, _TEST_PATTERN):
        return None
    from moto.events.exceptions import InvalidEventPatternException, ValidationException
    from moto.events.models import EventPattern, EventPatternParser

    try:
        request = json.loads(body_of(environ))
        text = request.get("EventPattern")
        pattern = EventPatternParser(text).parse()
        check_pattern(pattern)
        if operation == _PUT_RULE:
            return None
        return _answer({"Result": EventPattern(text, pattern).matches_event(_event(request.get("Event")))})
    except InvalidPattern as failure:
        return _refusal(InvalidEventPatternException(reason=str(failure)))
    except _InvalidEvent as failure:
        return _refusal(ValidationException(f"Parameter Event is not valid. Reason: {failure}"))
    except InvalidEventPatternException as failure:
        return _refusal(failure)


class _InvalidEvent(Exception):
    """An event that TestEventPattern refuses."""


def _event(text: str) -> Any:
    try:
        event = json.loads(text)
    except ValueError:
        raise _InvalidEvent("Invalid JSON") from None
    if not isinstance(event, dict):
        raise _InvalidEvent("it must be a JSON object")
    missing = [name for name in _REQUIRED if name not in event]
    if missing:
        raise _InvalidEvent(f"it must have the field {missing[0]}")
    return event


def _refusal(failure: Any) -> Response:
    return _answer({"__type": failure.error_type, "message": failure.message}, 400)


def _answer(content: dict[str, Any], status: int = 200) -> Response:
    from werkzeug.wrappers import Response

    return Response(json.dumps(content), status, content_type="application/x-amz-json-1.1")
