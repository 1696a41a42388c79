"""Referrers: signatures, SBOMs and other artifacts that refer to an image."""

from __future__ import annotations

from typing import Any

from ecr_emulator.control.call import Call, operation
from ecr_emulator.control.pages import Page
from ecr_emulator.domain.names import DIGEST_CONSTRAINT, DIGEST_PATTERN
from ecr_emulator.errors import InvalidParameterException
from ecr_emulator.services.referrers import Referrer, referrers_of

DEFAULT_LIMIT = 20


@operation
def list_image_referrers(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html

    A subject that does not exist has no referrers, or has those that came before it.
    """
    page = Page(call, request, DEFAULT_LIMIT)
    subject = request["subjectId"]["imageDigest"]
    if not DIGEST_PATTERN.fullmatch(subject):
        raise InvalidParameterException(
            f"Invalid request parameters: image digest should satisfy the regex '{DIGEST_CONSTRAINT}'"
        )
    with call.services.store.reading() as work:
        repository = work.repositories.get(call.registry, request["repositoryName"])
        found = [
            each for each in referrers_of(work, repository, subject) if _is_wanted(each, request.get("filter", {}))
        ]
    referrers, token = page.choose(found, lambda referrer: referrer.image.digest)
    return {"referrers": [_described(each) for each in referrers], "nextToken": token}


def _is_wanted(referrer: Referrer, wanted: dict[str, Any]) -> bool:
    types = wanted.get("artifactTypes")
    status = wanted.get("artifactStatus", "ACTIVE")
    return (not types or referrer.image.artifact_media_type in types) and status in ("ANY", referrer.image.status)


def _described(referrer: Referrer) -> dict[str, Any]:
    image = referrer.image
    return {
        "digest": image.digest,
        "mediaType": image.media_type,
        "artifactType": image.artifact_media_type,
        "size": referrer.size,
        "annotations": referrer.annotations or None,
        "artifactStatus": image.status,
    }
