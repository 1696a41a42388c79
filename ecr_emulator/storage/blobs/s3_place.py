"""A place for blobs in S3, as ``--blobs`` names it."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from ecr_emulator.quick_dataclasses import dataclass

SCHEME = "s3://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()/-]*")
_REGION = re.compile(r"[a-z0-9-]+")
_ADDRESSING = ("path", "virtual")


@dataclass(frozen=True, slots=True)
class S3Place:
    """A prefix of a bucket: ``s3://bucket/prefix?endpoint=URL&region=REGION&addressing=path``; options may be left out.

    ``endpoint`` is the URL of a server other than AWS. ``addressing`` says whether requests name the bucket in the path
    or in the host name; None leaves it to the client.
    """

    url: str
    bucket: str
    prefix: str
    endpoint: str | None = None
    region: str | None = None
    addressing: str | None = None

    def __str__(self) -> str:
        return self.url


def read_place(text: str) -> S3Place:
    """Return the place that a URL names. Raises ``ValueError``."""
    url = urlsplit(text)
    given = parse_qsl(url.query, keep_blank_values=True, strict_parsing="?" in text)
    options = dict(given)
    prefix = url.path.strip("/")
    is_known = options.keys() <= {"endpoint", "region", "addressing"} and len(options) == len(given)
    if url.scheme != "s3" or not _BUCKET.fullmatch(url.netloc) or not _PREFIX.fullmatch(prefix) or not is_known:
        raise ValueError(text)
    if url.fragment or "//" in prefix or options.get("addressing", "path") not in _ADDRESSING:
        raise ValueError(text)
    endpoint, region = options.get("endpoint"), options.get("region")
    if (endpoint is not None and not _is_http(endpoint)) or (region is not None and not _REGION.fullmatch(region)):
        raise ValueError(text)
    return S3Place(text, url.netloc, prefix, endpoint, region, options.get("addressing"))


def _is_http(endpoint: str) -> bool:
    url = urlsplit(endpoint)
    return url.scheme in ("http", "https") and bool(url.hostname) and url.path in ("", "/") and not url.query
