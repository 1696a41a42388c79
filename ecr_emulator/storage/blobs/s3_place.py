"""A place for blobs in S3, as ``--blobs`` names it."""

from __future__ import annotations

import os
import re
from urllib.parse import parse_qsl, urlsplit

from ecr_emulator.quick_dataclasses import dataclass

SCHEME = "s3://"
ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL_S3"
"""The variable of the environment that names the server if the place does not."""
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()/-]*")
_REGION = re.compile(r"[a-z0-9-]+")
_OF_BUCKET = "lower-case letters, digits, dots and hyphens"
_OPTIONS = ("endpoint", "region", "addressing")
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

    @property
    def server(self) -> str | None:
        """The URL of the server, from the place or the environment; None for AWS."""
        return self.endpoint or os.environ.get(ENDPOINT_VARIABLE) or None


def read_place(text: str) -> S3Place:
    """Return the place that a URL names. Raises ``ValueError`` with the part that is wrong."""
    url = urlsplit(text)
    given = parse_qsl(url.query, keep_blank_values=True, strict_parsing="?" in text)
    options, prefix = dict(given), url.path.strip("/")
    _require(url.scheme == "s3", f"it does not begin with {SCHEME}")
    _require(_BUCKET.fullmatch(url.netloc), f"the bucket {url.netloc!r} must have 3 to 63 {_OF_BUCKET}")
    shown = url.path + (f"#{url.fragment}" if url.fragment else "")
    is_prefix = _PREFIX.fullmatch(prefix) and "//" not in prefix and not url.fragment
    _require(is_prefix, f"the prefix {shown!r} may only have letters, digits, !_.*'()- and single slashes")
    for name, _ in given:
        _require(name in _OPTIONS, f"{name!r} is none of its options: {', '.join(_OPTIONS)}")
    _require(len(options) == len(given), "an option is given twice")
    endpoint, region, addressing = (options.get(name) for name in _OPTIONS)
    is_server = endpoint is None or _is_server(endpoint)
    _require(is_server, f"the endpoint {endpoint!r} must be http:// or https:// with a host, and a port if need be")
    _require(region is None or _REGION.fullmatch(region), f"{region!r} is no Region")
    _require(addressing in (None, *_ADDRESSING), f"addressing must be {' or '.join(_ADDRESSING)}, not {addressing!r}")
    return S3Place(text, url.netloc, prefix, endpoint, region, addressing)


def _require(is_right: object, otherwise: str) -> None:
    if not is_right:
        raise ValueError(otherwise)


def _is_server(endpoint: str) -> bool:
    url = urlsplit(endpoint)
    try:
        is_port = url.port != 0
    except ValueError:
        return False
    return (
        url.scheme in ("http", "https") and bool(url.hostname) and is_port and url.path in ("", "/") and not url.query
    )
