"""``/_ecr/images``: the images of a repository in the order of their pushes, which ECR's API does not have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ecr_emulator.admin.request_parsing import find_registry
from ecr_emulator.domain.image import Image
from ecr_emulator.domain.listing import PlaceOfImage
from ecr_emulator.errors import EcrError
from ecr_emulator.services import Services
from ecr_emulator.services.image_details import image_detail

LIMIT = 1000
"""Images in an answer, at most and by default."""
_PLACE = re.compile(r"(.+)~(\d{1,18})")


class ImagesAdmin:
    """The view."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def show(self, given: Mapping[str, Any]) -> ResponseReturnValue:
        """Return images of ``?repository=&account=&region=``, the newest first, as DescribeImages describes them.

        ``next`` is the ``after`` of the request for the images that follow; null at the end. Times are in ISO format.
        """
        if "repository" not in given:
            raise BadRequest("The query must name a repository, like ?repository=team/app")
        registry = find_registry(given, self._services.home)
        limit, after = _limit(given.get("limit", str(LIMIT))), _place(given.get("after"))
        try:
            with self._services.store.reading() as work:
                repository = work.repositories.get(registry, given["repository"])
                found = work.listings.images(repository, after, limit + 1)
        except EcrError as absent:
            return jsonify(error=absent.message), 404
        images = found[:limit]
        following = _text_of(images[-1]) if len(found) > limit else None
        return jsonify(images=[_shown(image_detail(repository, image)) for image in images], next=following)


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LIMIT):
        raise BadRequest(f"limit must be a number from 1 to {LIMIT}, not {text[:100]!r}")
    return int(text)


def _place(text: str | None) -> PlaceOfImage | None:
    """Return the place that ``next`` of an earlier answer names. Raises ``BadRequest``."""
    if text is None:
        return None
    found = _PLACE.fullmatch(text)
    try:
        pushed_at = datetime.fromisoformat(found[1] if found else "")
        if not found or pushed_at.tzinfo is None:
            raise ValueError(text)
    except ValueError:
        raise BadRequest(f"after must be the value of next in an earlier answer, not {text[:100]!r}") from None
    return PlaceOfImage(pushed_at, int(found[2]))


def _text_of(image: Image) -> str:
    """Return the place of an image as a text that stands in a query as it is."""
    return f"{image.pushed_at.isoformat().replace('+00:00', 'Z')}~{image.key}"


def _shown(detail: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in detail.items()
        if value is not None
    }
