"""Referrers: signatures, SBOMs and other artifacts that refer to an image."""

from __future__ import annotations

from typing import Any

from ecr_emulator.control.handlers import operation
from ecr_emulator.control.pages import Page
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.domain.names import DIGEST_CONSTRAINT, DIGEST_PATTERN
from ecr_emulator.domain.referrer import Referrer
from ecr_emulator.errors import InvalidParameterException, UnableToListUpstreamImageReferrersException

DEFAULT_LIMIT = 20


@operation
def list_image_referrers(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html

    A subject that does not exist may have referrers that were pushed before it. In a cache repository, the referrers
    at the upstream are listed too.
    """
    page = Page(request, members, DEFAULT_LIMIT)
    subject = members["subjectId"]["imageDigest"]
    if not DIGEST_PATTERN.fullmatch(subject):
        raise InvalidParameterException(
            f"Invalid request parameters: image digest should satisfy the regex '{DIGEST_CONSTRAINT}'"
        )
    name = members["repositoryName"]
    found = request.services.referrers.find(request.registry, name, subject, request.now, request.permissions)
    if found.failure:
        raise UnableToListUpstreamImageReferrersException from found.failure
    wanted = [each for each in found.referrers if _is_wanted(each, members.get("filter", {}))]
    referrers, token = page.choose(wanted, lambda referrer: referrer.digest)
    return {"referrers": [_described(each) for each in referrers], "nextToken": token}


def _is_wanted(referrer: Referrer, wanted: dict[str, Any]) -> bool:
    types = wanted.get("artifactTypes")
    status = wanted.get("artifactStatus", "ACTIVE")
    return (not types or referrer.artifact_type in types) and status in ("ANY", referrer.status)


def _described(referrer: Referrer) -> dict[str, Any]:
    return {
        "digest": referrer.digest,
        "mediaType": referrer.media_type,
        "artifactType": referrer.artifact_type,
        "size": referrer.size,
        "annotations": referrer.annotations or None,
        "artifactStatus": referrer.status,
    }
