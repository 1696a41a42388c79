"""Events in words, for people."""

from __future__ import annotations

from typing import Any, NamedTuple

from ecr_emulator.domain.events import IMPORT, INSPECTOR_FINDING, Event
from ecr_emulator.domain.finding_changes import CLOSED


class EventSentence(NamedTuple):
    """The words for an event: the action, its repository and image, and the reason if it failed."""

    action: str
    repository: str = ""
    digest: str = ""
    tag: str = ""
    failure: str = ""


ACTIONS = {
    "PUSH": "pushed",
    "DELETE": "deleted",
    "REPLICATE": "replicated",
    "UPDATE_STORAGE_CLASS": "moved to another storage class",
    "SCAN_FREQUENCY_CHANGE": "scan frequency changed",
}
"""The words for the action types of events."""


def event_sentence(event: Event) -> EventSentence:
    """Return an event in words. Details that the event lacks stay empty."""
    detail = event.detail
    if event.detail_type == INSPECTOR_FINDING:
        return _finding_sentence(detail)
    return EventSentence(
        action=_action(event.detail_type, detail),
        repository=detail.get("repository-name", "").rpartition(":repository/")[2],  # Inspector names its ARN
        digest=detail.get("image-digest", ""),
        tag=detail.get("image-tag") or ", ".join(detail.get("image-tags", ())),
        failure=detail.get("failure-reason", ""),
    )


def _finding_sentence(detail: dict[str, Any]) -> EventSentence:
    image = detail["resources"][0]["details"]["awsEcrContainerImage"]
    name = detail["packageVulnerabilityDetails"]["vulnerabilityId"]
    words = "closed" if detail["status"] == CLOSED else f"is {detail['severity'].lower()}"
    return EventSentence(
        f"finding {name} {words}", image["repositoryName"], image["imageHash"], ", ".join(image["imageTags"])
    )


def _action(detail_type: str, detail: dict[str, Any]) -> str:
    if detail_type == IMPORT:
        return "import failed" if "failure-code" in detail else "imported"
    if "scan-status" in detail:
        return f"scan {detail['scan-status'].lower()}"
    action = ACTIONS.get(detail.get("action-type", ""), detail_type)
    return action if detail.get("result", "SUCCESS") == "SUCCESS" else f"not {action}"
