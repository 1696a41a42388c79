"""Manifests: pull, push and delete by tag or digest."""

from __future__ import annotations

from werkzeug import Response

from ecr_emulator.distribution.blobs import check_digest
from ecr_emulator.distribution.bodies import body_of
from ecr_emulator.distribution.conditions import etag_of, has_already
from ecr_emulator.distribution.visit import Visit
from ecr_emulator.distribution.wire import Refusal, manifest_unknown
from ecr_emulator.domain.image import ImageId
from ecr_emulator.domain.manifest import MAX_MANIFEST_BYTES
from ecr_emulator.domain.names import TAG_CONSTRAINT, TAG_PATTERN, is_digest, is_tag
from ecr_emulator.errors import InvalidParameterException
from ecr_emulator.services.images import Push, Stored, delete_images, store_image
from ecr_emulator.services.repositories import repository_for_push


def get_manifest(visit: Visit, reference: str) -> Response:
    """end-3: GET and HEAD. The bytes and the media type are those that were stored, whatever Accept says."""
    _check_reference(reference)
    may_import = visit.permissions.may_import(visit.name)
    manifest = visit.services.pulls.manifest(
        visit.registry, visit.name, reference, visit.now, visit.principal, may_import
    )
    headers = {"Content-Type": manifest.media_type, "ETag": etag_of(manifest.digest)}
    if not visit.is_strict or visit.request.method == "HEAD":
        headers["Docker-Content-Digest"] = manifest.digest
    if has_already(visit.request, manifest.digest):
        return Response(status=304, headers=headers)
    return Response(manifest.raw, 200, headers)


def put_manifest(visit: Visit, reference: str) -> Response:
    """end-7: PUT by tag, or by digest with any number of ``?tag=``."""
    _check_reference(reference)
    digest = reference if is_digest(reference) else None
    tags = visit.request.args.getlist("tag") if digest else [reference]
    for tag in tags:
        _check_new_tag(tag)
    raw = body_of(visit.request, MAX_MANIFEST_BYTES)
    media_type = visit.request.mimetype or None
    with visit.services.store.writing() as work:
        repository = repository_for_push(work, visit.registry, visit.name, visit.now)
        pushes = [Push(raw, media_type, tag, digest, visit.accepts_sparse) for tag in tags or (None,)]
        stored = [store_image(work, repository, push, visit.now, blobs=visit.services.blobs) for push in pushes]
    return _created(visit, reference, stored[-1], tags if digest else [])


def delete_manifest(visit: Visit, reference: str) -> Response:
    """end-9: DELETE by digest deletes the image, by tag removes the tag, with the last tag the image."""
    _check_reference(reference)
    image_id = ImageId(digest=reference) if is_digest(reference) else ImageId(tag=reference)
    with visit.services.store.writing(frees=True) as work:
        repository = work.repositories.get(visit.registry, visit.name)
        _, failures = delete_images(work, repository, [image_id], visit.now)
    for failure in failures:
        if failure.code == "ImageReferencedByManifestList":
            raise Refusal(405, "UNSUPPORTED", failure.reason)
        raise manifest_unknown()
    return Response(status=202)


def _check_reference(reference: str) -> None:
    if ":" in reference:
        check_digest(reference)
    elif not TAG_PATTERN.fullmatch(reference):
        raise _bad_tag(TAG_CONSTRAINT)


def _check_new_tag(tag: str) -> None:
    """OCI's rule for tags is narrower than ECR's: PutImage may have stored tags that no client may push."""
    if not is_tag(tag):
        raise _bad_tag("[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


def _bad_tag(pattern: str) -> Refusal:
    sentence = InvalidParameterException.at("imageTag", f"must satisfy regular expression '{pattern}'")
    return Refusal(400, "TAG_INVALID", sentence.message)


def _created(visit: Visit, reference: str, stored: Stored, tags: list[str]) -> Response:
    answer = Response(status=201)
    if not visit.is_strict:
        answer.headers["Location"] = visit.url(f"manifests/{reference}")
    answer.headers["Docker-Content-Digest"] = stored.image.digest
    if stored.image.subject:
        answer.headers["OCI-Subject"] = stored.image.subject
    for tag in tags:
        answer.headers.add("OCI-Tag", tag)
    return answer
