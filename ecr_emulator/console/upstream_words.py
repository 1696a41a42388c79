"""The states of upstreams in words, for people."""

from __future__ import annotations

from typing import NamedTuple

from ecr_emulator.services.pull_through import RuleReport

REFUSALS = {
    "UpstreamAccessDenied": "refuses the credential or the image",
    "UpstreamTooManyRequests": "refuses requests because there are too many",
}
"""The words for failures with which an upstream refuses requests, by ECR's codes."""


class UpstreamWords(NamedTuple):
    """The state of an upstream in a word and in a sentence. ``look`` is the class of the word."""

    look: str
    word: str
    sentence: str


def upstream_words(report: RuleReport) -> UpstreamWords:
    """Return the state of the upstream of a rule in words."""
    error, upstream = report.health.error, report.upstream
    if upstream.limited:
        return UpstreamWords("bad", "refusing", "The rate limit is used up")
    if upstream.broken is not None:
        return UpstreamWords("warn", "resting", "It failed several times in a row and is not asked for a while")
    if report.health.failing_since and error:
        if error.code in REFUSALS:
            return UpstreamWords("bad", "refusing", f"It {REFUSALS[error.code]}")
        return UpstreamWords("bad", "failing", "Its last answer was a failure")
    if report.health.succeeded_at:
        return UpstreamWords("good", "healthy", "It answers as a registry should")
    return UpstreamWords("none", "not asked yet", "No pull has asked it so far")
