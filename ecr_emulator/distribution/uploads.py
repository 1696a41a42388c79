"""Upload sessions: monolithic, chunked or streamed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial

from werkzeug import Response

from ecr_emulator.distribution.blobs import check_digest
from ecr_emulator.distribution.bodies import chunks_of
from ecr_emulator.distribution.errors import OciError
from ecr_emulator.distribution.ranges import chunk_start, received
from ecr_emulator.distribution.request import RegistryRequest
from ecr_emulator.domain.upload import Upload
from ecr_emulator.errors import UploadNotFoundException
from ecr_emulator.services.access import RequiredAction


def begin_upload(request: RegistryRequest) -> Response:
    """Answer end-4a, end-4b and end-11: open a session, push a blob in one request, or mount a blob."""
    arguments = request.http.args
    if arguments.get("mount"):
        check_digest(arguments["mount"])
        source = request.local_name(arguments["from"]) if "from" in arguments else None
        mounted = request.services.uploads.mount(
            request.registry,
            request.name,
            arguments["mount"],
            source,
            request.now,
            may_take=partial(_may_mount_from, request),
        )
        if mounted:
            return _created(request, mounted.digest)
    digest = arguments.get("digest")
    if digest:
        check_digest(digest)
    upload = request.services.uploads.begin(request.registry, request.name, request.now)
    if not digest:
        return _progress(request, upload, 202)
    try:
        return _finish(request, upload.id, digest)
    except Exception:
        # The client never learns the session's id.
        with suppress(UploadNotFoundException):
            request.services.uploads.abandon(request.registry, request.name, upload.id)
        raise


def append_to_upload(request: RegistryRequest, upload_id: str) -> Response:
    """Answer end-5: append one chunk with its Content-Range, or a stream of any length."""
    upload = _append(request, upload_id)
    if request.is_strict:
        return _progress(request, replace(upload, size=upload.first_part_size), 201)
    return _progress(request, upload, 202)


def finish_upload(request: RegistryRequest, upload_id: str) -> Response:
    """Answer end-6: close the session, after appending the body if there is one."""
    digest = request.http.args.get("digest")
    if digest is None:
        raise OciError(400, "DIGEST_INVALID", "The digest of the blob is missing: PUT …?digest=sha256:…")
    check_digest(digest)
    return _finish(request, upload_id, digest)


def get_upload(request: RegistryRequest, upload_id: str) -> Response:
    """Answer end-13 with the number of received bytes."""
    return _progress(request, request.services.uploads.get(request.registry, request.name, upload_id), 204)


def cancel_upload(request: RegistryRequest, upload_id: str) -> Response:
    """Answer end-14: cancel the session."""
    request.services.uploads.abandon(request.registry, request.name, upload_id)
    return Response(status=204)


def _may_mount_from(request: RegistryRequest, name: str) -> bool:
    return request.permissions.may(RequiredAction("ecr:GetDownloadUrlForLayer", request.registry.arn(name)))


def _finish(request: RegistryRequest, upload_id: str, digest: str) -> Response:
    if request.http.content_length != 0:
        _append(request, upload_id)
    layer = request.services.uploads.finish(request.registry, request.name, upload_id, digest)
    return _created(request, layer.digest)


def _append(request: RegistryRequest, upload_id: str) -> Upload:
    start = chunk_start(request.http.headers.get("Content-Range"), request.http.content_length)
    chunks = chunks_of(request.http)
    return request.services.uploads.append(request.registry, request.name, upload_id, chunks, start)


def _progress(request: RegistryRequest, upload: Upload, status: int) -> Response:
    headers = {
        "Location": request.url(f"blobs/uploads/{upload.id}"),
        "Docker-Upload-UUID": upload.id,
        "Range": received(upload.size),
    }
    return Response(status=status, headers=headers)


def _created(request: RegistryRequest, digest: str) -> Response:
    return Response(status=201, headers={"Location": request.url(f"blobs/{digest}"), "Docker-Content-Digest": digest})
