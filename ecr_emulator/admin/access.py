"""``/_ecr/access``: may a principal pull from a repository, and which policy says so?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ecr_emulator.admin.request_parsing import find_registry
from ecr_emulator.request_context import request_context
from ecr_emulator.services import Services
from ecr_emulator.services.access_questions import AccessQuestion, ActionAnswer, BadQuestion

EXAMPLE = "?principal=arn:aws:iam::123456789012:user/ci&deed=pull&repository=team/app"


class AccessAdmin:
    """The view. Conditions on address, user agent and TLS are evaluated for the client that asks."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def show(self, given: Mapping[str, Any]) -> ResponseReturnValue:
        """Return the decision about ``?principal=&deed=&repository=&account=&region=``, with the reasons."""
        missing = [key for key in AccessQuestion._fields if key not in given]
        if missing:
            raise BadRequest(f"The query lacks {', '.join(missing)}; it must be like {EXAMPLE}")
        registry = find_registry(given, self._services.home)
        question = AccessQuestion(given["principal"], given["deed"], given["repository"])
        questions, now = self._services.access_questions, self._services.clock.now()
        try:
            answer = questions.answer(question, registry, request_context(request.environ), now)
        except BadQuestion as bad:
            raise BadRequest(str(bad)) from None
        return jsonify(
            principal=answer.principal,
            allowed=answer.is_allowed,
            enforced=questions.is_enforced,
            obstacle=answer.obstacle,
            actions=[_described(each) for each in answer.actions],
        )


def _described(answer: ActionAnswer) -> dict[str, Any]:
    needed, decision = answer
    return {
        "action": needed.action,
        "purpose": needed.purpose,
        "resource": needed.resource,
        "needed": needed.is_needed,
        "allowed": decision.is_allowed,
        "kind": decision.kind.value,
        "reason": decision.reason,
    }
