"""An upstream's listing of referrers: pages of its referrers API, or the index under the fallback tag.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.manifest import INDEX_TYPES, MAX_MANIFEST_BYTES
from ecr_emulator.domain.names import algorithm_of, digest_of
from ecr_emulator.domain.referrer import Referrer, fallback_tag, read_referrers
from ecr_emulator.ports.upstream_failures import UpstreamNotFound, UpstreamUnavailable
from ecr_emulator.upstream.addresses import UpstreamMap, origin_of
from ecr_emulator.upstream.manifests import ENOUGH

if TYPE_CHECKING:
    from ecr_emulator.upstream.http import Answer

NO_API = frozenset({404, 405, 501})
"""What registries say that have no referrers API; those that have it know every digest."""
MAX_PAGES = 100
MAX_REFERRERS = 10_000
"""More than that is no listing but an attempt to keep us busy."""

_NEXT = re.compile(r'<([^>]*)>[^<]*;\s*rel="?next\b', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing, and the path (with its query) of the next one."""

    referrers: list[Referrer]
    next_path: str | None


def page_in(answer: Answer, url: str, subject: str, addresses: UpstreamMap) -> Page:
    """The page in an answer from ``url``, which was asked what refers to ``subject``.

    Raises ``AttemptFailed``, and ``UpstreamUnavailable`` if it is none.
    """
    raw = answer.document(ENOUGH)
    link = _NEXT.search(answer.headers.get("Link", ""))
    next_path = _path_of_next(answer.who, url, link[1], addresses) if link else None
    return Page(_listed(raw, subject, answer.who), next_path)


def all_pages(first_path: str, fetch: Callable[[str], Page]) -> list[Referrer]:
    """The referrers of all pages. Raises what ``fetch`` raises, and ``UpstreamUnavailable`` if there is no last one."""
    found: list[Referrer] = []
    path: str | None = first_path
    for _ in range(MAX_PAGES):
        if path is None or len(found) > MAX_REFERRERS:
            break
        page = fetch(path)
        found += page.referrers
        path = page.next_path
    if path is not None:
        raise UpstreamUnavailable(f"the listing at {first_path} has no end after {len(found)} referrers")
    return found


def under_fallback_tag(digest: str, manifest: Callable[[str], StoredManifest]) -> list[Referrer]:
    """The referrers in the index that ``manifest`` finds under the tag of a digest; none if there is no index."""
    try:
        found = manifest(fallback_tag(digest))
    except UpstreamNotFound:
        return []
    return _listed(found.raw, digest, digest) if found.media_type in INDEX_TYPES else []


def _listed(raw: bytes, subject: str, who: str) -> list[Referrer]:
    """What an index lists as referrers of a subject.

    GitLab and others find an image under its digest written as a tag: an index that is the subject itself lists its
    own images. Nothing can refer to itself either.
    """
    if len(raw) > MAX_MANIFEST_BYTES:
        raise UpstreamUnavailable(f"{who} sent a page of referrers of more than 4 MiB")
    if digest_of(raw, algorithm_of(subject)) == subject:
        return []
    try:
        index: Any = json.loads(raw)
        return [each for each in read_referrers(index["manifests"]) if each.digest != subject]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise UpstreamUnavailable(f"{who} sent something for its referrers that is no index") from None


def _path_of_next(who: str, url: str, link: str, addresses: UpstreamMap) -> str:
    """A listing goes on at the registry itself: our credential for it goes along."""
    try:
        target = urljoin(url, link)
        is_here = origin_of(addresses.locate(target)) == origin_of(addresses.locate(url))
    except ValueError:
        is_here = False
    if not is_here:
        raise UpstreamUnavailable(
            f"{who} continues its list of referrers at another registry, {link.partition('?')[0]}"
        )
    parts = urlsplit(target)
    return parts._replace(scheme="", netloc="", fragment="").geturl()
