"""Manifests: pull, push and delete by tag or digest."""

from __future__ import annotations

from werkzeug import Response

from ecr_emulator.distribution.blobs import check_digest
from ecr_emulator.distribution.bodies import body_of
from ecr_emulator.distribution.conditions import etag_of, is_not_modified
from ecr_emulator.distribution.errors import OciError, manifest_unknown
from ecr_emulator.distribution.request import RegistryRequest
from ecr_emulator.domain.image import ImageId
from ecr_emulator.domain.manifest import MAX_MANIFEST_BYTES
from ecr_emulator.domain.names import TAG_CONSTRAINT, TAG_PATTERN, is_digest, is_tag
from ecr_emulator.errors import InvalidParameterException
from ecr_emulator.services.image_deletions import delete_images
from ecr_emulator.services.images import Push, Stored, store_image
from ecr_emulator.services.signing import refused_by


def get_manifest(request: RegistryRequest, reference: str) -> Response:
    """Answer end-3: GET and HEAD. The bytes and the media type are the stored ones; Accept is ignored."""
    _check_reference(reference)
    pulled = request.services.pulls.pull(
        request.registry,
        request.name,
        reference,
        request.now,
        request.principal,
        request.permissions,
        report=request.note_cache_use,
    )
    request.remember(pulled.validity)
    manifest = pulled.manifest
    headers = {"Content-Type": manifest.media_type, "ETag": etag_of(manifest.digest)}
    if not request.is_strict or request.http.method == "HEAD":
        headers["Docker-Content-Digest"] = manifest.digest
    if is_not_modified(request.http, manifest.digest):
        return Response(status=304, headers=headers)
    return Response(manifest.raw, 200, headers)


def put_manifest(request: RegistryRequest, reference: str) -> Response:
    """Answer end-7: PUT by tag, or by digest with any number of ``?tag=``."""
    _check_reference(reference)
    digest = reference if is_digest(reference) else None
    tags = request.http.args.getlist("tag") if digest else [reference]
    for tag in tags:
        _check_new_tag(tag)
    raw = body_of(request.http, MAX_MANIFEST_BYTES)
    media_type = request.http.mimetype or None
    with request.services.store.writing() as work:
        repository = request.services.new_repositories.for_push(work, request.registry, request.name, request.now)
        sparse, refusal = request.accepts_sparse, refused_by(request.permissions)
        pushes = [Push(raw, media_type, tag, digest, sparse, refusal) for tag in tags or (None,)]
        stored = [store_image(work, repository, push, request.now, blobs=request.services.blobs) for push in pushes]
    return _created(request, reference, stored[-1], tags if digest else [])


def delete_manifest(request: RegistryRequest, reference: str) -> Response:
    """Answer end-9: DELETE by digest deletes the image. DELETE by tag removes the tag, and the image with its last one.

    Raises ``OciError`` 404, or 405 for an image that an index lists.
    """
    _check_reference(reference)
    image_id = ImageId(digest=reference) if is_digest(reference) else ImageId(tag=reference)
    with request.services.store.writing(frees=True) as work:
        repository = work.repositories.get(request.registry, request.name)
        _, failures = delete_images(work, repository, [image_id], request.now)
    for failure in failures:
        if failure.code == "ImageReferencedByManifestList":
            raise OciError(405, "UNSUPPORTED", failure.reason)
        raise manifest_unknown()
    return Response(status=202)


def _check_reference(reference: str) -> None:
    if ":" in reference:
        check_digest(reference)
    elif not TAG_PATTERN.fullmatch(reference):
        raise _bad_tag(TAG_CONSTRAINT)


def _check_new_tag(tag: str) -> None:
    """Raise ``OciError`` 400 unless a tag follows OCI's rule, which is narrower than ECR's rule for PutImage."""
    if not is_tag(tag):
        raise _bad_tag("[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


def _bad_tag(pattern: str) -> OciError:
    sentence = InvalidParameterException.at("imageTag", f"must satisfy regular expression '{pattern}'")
    return OciError(400, "TAG_INVALID", sentence.message)


def _created(request: RegistryRequest, reference: str, stored: Stored, tags: list[str]) -> Response:
    answer = Response(status=201)
    if not request.is_strict:
        answer.headers["Location"] = request.url(f"manifests/{reference}")
    answer.headers["Docker-Content-Digest"] = stored.image.digest
    if stored.image.subject:
        answer.headers["OCI-Subject"] = stored.image.subject
    for tag in tags:
        answer.headers.add("OCI-Tag", tag)
    return answer
