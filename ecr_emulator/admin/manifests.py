"""``/_ecr/manifests``: manifests of images for people and tools that look at them, which counts as no pull."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ecr_emulator.admin.request_parsing import find_registry
from ecr_emulator.errors import EcrError, ImageNotFoundException
from ecr_emulator.services import Services


class ManifestsAdmin:
    """The view."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def show(self, given: Mapping[str, Any], digest: str) -> ResponseReturnValue:
        """Return the manifest of ``?repository=&account=&region=`` as text, without recording a pull."""
        if "repository" not in given:
            raise BadRequest("The query must name the repository of the image, like ?repository=team/app")
        registry = find_registry(given, self._services.home)
        try:
            with self._services.store.reading() as work:
                repository = work.repositories.get(registry, given["repository"])
                image = work.images.find(repository, digest)
                if image is None:
                    raise ImageNotFoundException(image_digest=digest, image_tag="null", **repository.identity)
                stored = work.images.manifest(image)
        except EcrError as absent:
            return jsonify(error=absent.message), 404
        return jsonify(digest=stored.digest, media_type=stored.media_type, manifest=stored.raw.decode())
