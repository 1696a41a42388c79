"""Upload sessions: monolithic, chunked or streamed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from werkzeug import Response

from ecr_emulator.distribution.blobs import check_digest
from ecr_emulator.distribution.bodies import chunks_of
from ecr_emulator.distribution.ranges import chunk_start, received
from ecr_emulator.distribution.visit import Visit
from ecr_emulator.distribution.wire import Refusal
from ecr_emulator.domain.upload import Upload
from ecr_emulator.errors import UploadNotFoundException
from ecr_emulator.services.access import Demand


def begin_upload(visit: Visit) -> Response:
    """end-4a, end-4b and end-11: open a session, push a blob in one request, or mount one."""
    arguments = visit.request.args
    if arguments.get("mount"):
        check_digest(arguments["mount"])
        source = visit.local_name(arguments["from"]) if "from" in arguments else None
        mounted = visit.services.uploads.mount(
            visit.registry,
            visit.name,
            arguments["mount"],
            source,
            visit.now,
            may_take=lambda name: visit.permissions.may(Demand("ecr:GetDownloadUrlForLayer", visit.registry.arn(name))),
        )
        if mounted:
            return _created(visit, mounted.digest)
    digest = arguments.get("digest")
    if digest:
        check_digest(digest)
    upload = visit.services.uploads.begin(visit.registry, visit.name, visit.now)
    if not digest:
        return _progress(visit, upload, 202)
    try:
        return _finish(visit, upload.id, digest)
    except Exception:
        # The client never learns the session's id.
        with suppress(UploadNotFoundException):
            visit.services.uploads.abandon(visit.registry, visit.name, upload.id)
        raise


def append_to_upload(visit: Visit, upload_id: str) -> Response:
    """end-5: one chunk with its Content-Range, or a stream of any length."""
    upload = _append(visit, upload_id)
    if visit.is_strict:
        return _progress(visit, replace(upload, size=upload.first_part_size), 201)
    return _progress(visit, upload, 202)


def finish_upload(visit: Visit, upload_id: str) -> Response:
    """end-6: close the session, with the last bytes if there are any."""
    digest = visit.request.args.get("digest")
    if digest is None:
        raise Refusal(400, "DIGEST_INVALID", "The digest of the blob is missing: PUT …?digest=sha256:…")
    check_digest(digest)
    return _finish(visit, upload_id, digest)


def get_upload(visit: Visit, upload_id: str) -> Response:
    """end-13: how far the session has come."""
    return _progress(visit, visit.services.uploads.get(visit.registry, visit.name, upload_id), 204)


def cancel_upload(visit: Visit, upload_id: str) -> Response:
    """end-14: drop the session."""
    visit.services.uploads.abandon(visit.registry, visit.name, upload_id)
    return Response(status=204)


def _finish(visit: Visit, upload_id: str, digest: str) -> Response:
    if visit.request.content_length != 0:
        _append(visit, upload_id)
    layer = visit.services.uploads.finish(visit.registry, visit.name, upload_id, digest)
    return _created(visit, layer.digest)


def _append(visit: Visit, upload_id: str) -> Upload:
    start = chunk_start(visit.request.headers.get("Content-Range"), visit.request.content_length)
    chunks = chunks_of(visit.request)
    return visit.services.uploads.append(visit.registry, visit.name, upload_id, chunks, start)


def _progress(visit: Visit, upload: Upload, status: int) -> Response:
    headers = {
        "Location": visit.url(f"blobs/uploads/{upload.id}"),
        "Docker-Upload-UUID": upload.id,
        "Range": received(upload.size),
    }
    return Response(status=status, headers=headers)


def _created(visit: Visit, digest: str) -> Response:
    return Response(status=201, headers={"Location": visit.url(f"blobs/{digest}"), "Docker-Content-Digest": digest})
