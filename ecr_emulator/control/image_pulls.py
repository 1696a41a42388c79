"""Pull images for BatchGetImage, from the registry itself or through a pull through cache rule."""

from __future__ import annotations

from collections.abc import Collection

from ecr_emulator.control.request import EcrRequest
from ecr_emulator.domain.image import Image, ImageId, StoredManifest
from ecr_emulator.domain.names import is_digest, is_tag
from ecr_emulator.domain.pull_through import PullThroughRule, matching_rule
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import (
    ImageNotFoundException,
    KmsException,
    RepositoryNotFoundException,
    UnableToGetUpstreamImageException,
)
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.ports.upstream_failures import UpstreamAccessDenied, UpstreamFailure, UpstreamNotFound
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.resolution import Failure, malformed, not_found, resolve


@dataclass(frozen=True, slots=True)
class Pulled:
    """An image with its manifest. The answer lists it under each of the tags; None stands for an untagged image."""

    repository: Repository
    image: Image
    manifest: StoredManifest
    tags: tuple[str | None, ...]


class ImagePulls:
    """The pulls of one request, all from one repository.

    Raises ``RepositoryNotFoundException`` unless the repository exists or a pull through cache rule covers it.
    """

    def __init__(self, request: EcrRequest, repository_name: str, accepted: Collection[str] | None) -> None:
        self._request = request
        self._name = repository_name
        self._accepted = accepted
        with request.services.store.reading() as work:
            self._rule = matching_rule(work.rules.all(request.registry), repository_name)
            is_there = work.repositories.find(request.registry, repository_name) is not None
        if not is_there and not (self._rule and request.permissions.may_import_into_new_repository(repository_name)):
            raise RepositoryNotFoundException(repository_name=repository_name, registry_id=request.registry.id)

    def pull(self, image_ids: Collection[ImageId]) -> list[Pulled | Failure]:
        """Pull images and record the pulls. Raises ``UnableToGetUpstreamImageException``."""
        failures = {image_id: failure for image_id in image_ids if (failure := self._failure_before(image_id))}
        served = self._serve([image_id for image_id in image_ids if image_id not in failures])
        return [failures.get(image_id) or served[image_id] for image_id in image_ids]

    def _failure_before(self, image_id: ImageId) -> Failure | None:
        """Return why an image cannot be looked for, after its cached tag was updated; None if it can be."""
        return malformed(image_id) or (self._update_cache(self._rule, image_id) if self._rule else None)

    def _update_cache(self, rule: PullThroughRule, image_id: ImageId) -> Failure | None:
        """Update the cached image from the upstream, and return the failure of the upstream if there is one.

        An image that the upstream does not have is no failure: ``_serve`` then does not find it.
        """
        reference = image_id.tag or image_id.digest or ""
        if not (is_tag(reference) or is_digest(reference)):
            return None
        request = self._request
        principal = request.caller.principal_arn
        try:
            request.services.pulls.manifest(
                rule.registry,
                self._name,
                reference,
                request.now,
                principal,
                request.permissions,
                report=request.report,
            )
        except (UpstreamNotFound, ImageNotFoundException):
            return None
        except KmsException as refused:
            return Failure(image_id, "KmsError", refused.message)
        except UpstreamFailure as failure:
            if isinstance(failure, UpstreamAccessDenied):
                self._check_secret(rule)
            return Failure(image_id, failure.failure_code, failure.message)
        return None

    def _check_secret(self, rule: PullThroughRule) -> None:
        """Raise ``UnableToGetUpstreamImageException``, which fails the whole request, if the secret cannot be read.

        A secret that the upstream rejects fails only the image.
        """
        if rule.credential_arn is None:
            return
        try:
            self._request.services.secrets.credential(rule.credential_arn, rule.registry)
        except UpstreamFailure as unreadable:
            raise UnableToGetUpstreamImageException from unreadable

    def _serve(self, image_ids: Collection[ImageId]) -> dict[ImageId, Pulled | Failure]:
        """Return the stored images, all as they are at one moment, and record the pulls."""
        request, services = self._request, self._request.services
        with services.store.reading() as work:
            repository = work.repositories.find(request.registry, self._name)
            if repository is None:
                return {image_id: not_found(image_id) for image_id in image_ids}
            found = {image_id: self._find(work, repository, image_id) for image_id in image_ids}
        pulled = [result.image for result in found.values() if isinstance(result, Pulled)]
        try:
            if pulled:
                services.keys.check(repository)
        except KmsException as refused:
            return {
                image_id: Failure(image_id, "KmsError", refused.message) if isinstance(result, Pulled) else result
                for image_id, result in found.items()
            }
        services.pulls.times.record_all(repository, pulled, request.caller.principal_arn, request.now)
        return found

    def _find(self, work: UnitOfWork, repository: Repository, image_id: ImageId) -> Pulled | Failure:
        image = resolve(work, repository, image_id)
        if isinstance(image, Failure):
            return image
        if not image.is_active:
            return Failure(image_id, "ImageInaccessible", f"Requested image is {image.status.lower()}")
        if self._accepted and image.media_type not in self._accepted:
            return not_found(image_id)
        return Pulled(repository, image, work.images.manifest(image), _listed_tags(image_id, image))


def _listed_tags(image_id: ImageId, image: Image) -> tuple[str | None, ...]:
    if image_id.tag:
        return (image_id.tag,)
    return image.tags or (None,)
