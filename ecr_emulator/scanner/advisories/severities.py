"""Severities of vulnerabilities: ratings of distributions, and scores of CVSS.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-basic.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from ecr_emulator.domain.vulnerabilities import CRITICAL, HIGH, INFORMATIONAL, LOW, MEDIUM, UNDEFINED, Score
from ecr_emulator.scanner.packages.files import objects_of, text_of

_RATINGS = {
    "critical": CRITICAL,
    "important": HIGH,
    "high": HIGH,
    "moderate": MEDIUM,
    "medium": MEDIUM,
    "low": LOW,
    "negligible": INFORMATIONAL,
    "unimportant": INFORMATIONAL,
    "none": INFORMATIONAL,
}
_PREFERRED = ("3", "4", "2")
"""Versions of CVSS in the order in which their scores decide."""


def read_scores(severities: Any) -> tuple[Score, ...]:
    """Return the scores in the ``severity`` of an advisory, the deciding one first. Damaged vectors are left out."""
    found = [_score(text_of(each.get("score"))) for each in objects_of(severities)]
    scores = dict.fromkeys(score for score in found if score is not None)
    return tuple(sorted(scores, key=lambda score: _PREFERRED.index(score.version[0])))


def read_ratings(severities: Any, *members: Mapping[str, str]) -> Iterator[str]:
    """Yield the severities that a distribution or a database has given in words."""
    words = [text_of(each.get("score")) for each in objects_of(severities)]
    for word in (*words, *(text for each in members for text in each.values())):
        if word.lower() in _RATINGS:
            yield _RATINGS[word.lower()]


def severity_of(scores: Iterable[Score], ratings: Iterable[str]) -> str:
    """Return the severity that a distribution gives, or else the one of the score."""
    for rating in ratings:
        return rating
    for score in scores:
        return rating_of(score.score)
    return UNDEFINED


def rating_of(score: float) -> str:
    """Return the severity of a score (CVSS 3.1, section 5)."""
    limits = ((9.0, CRITICAL), (7.0, HIGH), (4.0, MEDIUM), (0.1, LOW))
    return next((severity for least, severity in limits if score >= least), INFORMATIONAL)


@lru_cache(maxsize=4096)
def _score(vector: str) -> Score | None:
    from cvss import CVSS2, CVSS3, CVSS4, CVSSError

    readers = {"CVSS:3.0/": CVSS3, "CVSS:3.1/": CVSS3, "CVSS:4.0/": CVSS4, "AV:": CVSS2}
    for prefix, reader in readers.items():
        if vector.startswith(prefix):
            try:
                score = reader(vector).base_score
            except CVSSError:
                return None
            return Score("2.0" if reader is CVSS2 else prefix[5:8], float(score), vector)
    return None
