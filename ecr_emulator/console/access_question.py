"""The question of a page: may this principal pull from this repository, and which policy says so?"""

from __future__ import annotations

from typing import NamedTuple

from flask import request

from ecr_emulator.console.pages import ConsoleRequest
from ecr_emulator.request_context import request_context
from ecr_emulator.services.access_questions import DEEDS, AccessAnswer, AccessQuestion, BadQuestion


class AskedQuestion(NamedTuple):
    """The question in the query of a page, with its answer, or the reason why it has none; neither before it is asked.

    The deeds are those that can be asked about. Without ``is_enforced``, the emulator allows everything anyway.
    """

    question: AccessQuestion
    deeds: tuple[str, ...]
    is_enforced: bool
    answer: AccessAnswer | None = None
    error: str | None = None


def asked_question(console: ConsoleRequest, repository: str) -> AskedQuestion:
    """Return the question about a repository that the query of the page asks."""
    given = request.args
    question = AccessQuestion(given.get("principal", "").strip(), given.get("deed", DEEDS[0]), repository)
    questions = console.services.access_questions
    asked = AskedQuestion(question, DEEDS, questions.is_enforced)
    if not question.principal:
        return asked
    try:
        answer = questions.answer(question, console.registry, request_context(request.environ), console.now)
    except BadQuestion as bad:
        return asked._replace(error=f"{bad}.")
    return asked._replace(answer=answer)
