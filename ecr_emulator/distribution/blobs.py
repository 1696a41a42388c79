"""Blobs: pull them whole or in part, by name or by signed URL. Module ``uploads`` pushes them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from functools import partial

from werkzeug import Response

from ecr_emulator.distribution.conditions import applicable_range, etag_of, is_not_modified
from ecr_emulator.distribution.errors import OciError
from ecr_emulator.distribution.ranges import requested_span
from ecr_emulator.distribution.request import RegistryRequest
from ecr_emulator.domain.names import is_digest
from ecr_emulator.ports.upstream_failures import UpstreamNotFound
from ecr_emulator.services import layer_urls
from ecr_emulator.services.blob_source import BlobSource

_NO_DELETE = "Blobs cannot be deleted. Delete the images that refer to them."


def get_blob(request: RegistryRequest, digest: str) -> Response:
    """Answer end-2: GET, with at most one byte range, and HEAD.

    A HEAD never asks an upstream. A strict GET is redirected to a signed URL of this emulator. A GET of a stored blob
    that has a signed URL in S3 is redirected there.
    """
    check_digest(digest)
    is_head = request.http.method == "HEAD"
    source = request.services.pulls.find_blob(request.registry, request.name, digest, request.now, is_check=is_head)
    if source is None:
        raise _unknown(digest)
    if request.is_strict and not is_head:
        return _redirected(request, source)
    if not is_head:
        source.check_key()
        if source.cache_use:
            request.note_cache_use(source.cache_use)
    headers = {
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": digest,
        "Accept-Ranges": "bytes",
        "ETag": etag_of(digest),
    }
    if is_not_modified(request.http, digest):
        return Response(status=304, headers=headers)
    if source.is_here and not is_head and (url := request.services.blobs.signed_url(digest)):
        return Response(status=307, headers={"Location": url})
    return _content(request, source, headers)


def _content(request: RegistryRequest, source: BlobSource, headers: dict[str, str]) -> Response:
    span = requested_span(applicable_range(request.http, source.digest), source.size)
    start, stop = span or (0, source.size)
    headers["Content-Length"] = str(stop - start)
    if span:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{source.size}"
    if span is None:
        request.remember(source.validity, partial(_body, source, 0, source.size), source.is_intact)
    body = () if request.http.method == "HEAD" else _body(source, start, stop)
    return Response(body, 206 if span else 200, headers)


def _redirected(request: RegistryRequest, source: BlobSource) -> Response:
    """Return the answer of real ECR: a redirect to a signed URL.

    Raises ``OciError`` 404 for a blob that no image refers to.
    """
    if source.is_loose:
        raise _unknown(source.digest)
    tokens, expires_at = request.services.tokens, request.now + layer_urls.LIFE
    url = layer_urls.mint(tokens, request.origin, request.registry, request.name, source.digest, expires_at)
    return Response(status=307, headers={"Location": url})


def refuse_delete(request: RegistryRequest, digest: str) -> Response:
    """Answer end-10: ECR does not delete blobs on request, only when no image refers to them. Raises ``OciError``."""
    raise OciError(405, "UNSUPPORTED", _NO_DELETE, {"Allow": "GET, HEAD"})


def check_digest(digest: str) -> None:
    """Raise ``OciError`` 400 unless the text is a digest that can be verified."""
    if not is_digest(digest):
        raise OciError(400, "DIGEST_INVALID", f"'{digest}' is not a sha256 or sha512 digest")


def _unknown(digest: str) -> OciError:
    return OciError(404, "BLOB_UNKNOWN", f"The layer with digest '{digest}' does not exist")


def _body(source: BlobSource, start: int, stop: int) -> Iterator[bytes]:
    """Return the bytes after waiting for the first of them, so that an earlier failure becomes an error answer."""
    chunks = source.chunks(start, stop)
    try:
        first = next(chunks, b"")
    except (UpstreamNotFound, FileNotFoundError):  # FileNotFoundError: garbage collection has just deleted the file
        raise _unknown(source.digest) from None
    return _continued(first, chunks)


def _continued(first: bytes, rest: Generator[bytes, None, None]) -> Iterator[bytes]:
    with closing(rest):
        yield first
        yield from rest
