"""Referrers listed by an upstream: pages of its referrers API, or the index under the fallback tag.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.manifest import INDEX_TYPES, MAX_MANIFEST_BYTES
from ecr_emulator.domain.names import algorithm_of, digest_of
from ecr_emulator.domain.referrer import Referrer, fallback_tag, read_referrers
from ecr_emulator.ports.upstream_failures import UpstreamNotFound, UpstreamUnavailable
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.upstream.addresses import UpstreamMap, origin_of
from ecr_emulator.upstream.manifests import ENOUGH

if TYPE_CHECKING:
    from ecr_emulator.upstream.answer import Answer

NO_API = frozenset({404, 405, 501})
"""Statuses of registries without a referrers API. Registries with the API answer 200 for every digest."""
MAX_PAGES = 100
MAX_REFERRERS = 10_000
"""Maximum number of referrers; longer listings are refused."""

_NEXT = re.compile(r'<([^>]*)>[^<]*;\s*rel="?next\b', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing, and the path (with its query) of the next one."""

    referrers: list[Referrer]
    next_path: str | None


def page_in(answer: Answer, url: str, subject: str, addresses: UpstreamMap) -> Page:
    """Return the page in an answer from ``url``, which lists the referrers of ``subject``.

    Raises ``AttemptFailed``, and ``UpstreamUnavailable`` if the answer is no page.
    """
    raw = answer.document(ENOUGH)
    link = _NEXT.search(answer.headers.get("Link", ""))
    next_path = _path_of_next(answer.who, url, link[1], addresses) if link else None
    return Page(_listed(raw, subject, answer.who), next_path)


def all_pages(first_path: str, fetch: Callable[[str], Page]) -> list[Referrer]:
    """Return the referrers of all pages. Raises what ``fetch`` does, and ``UpstreamUnavailable`` for too many pages."""
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
    """Return the referrers in the index that ``manifest`` finds under the tag of a digest; none without an index."""
    try:
        found = manifest(fallback_tag(digest))
    except UpstreamNotFound:
        return []
    return _listed(found.raw, digest, digest) if found.media_type in INDEX_TYPES else []


def _listed(raw: bytes, subject: str, who: str) -> list[Referrer]:
    """Return the referrers of a subject that an index lists.

    GitLab and others return the image itself for the fallback tag. If that is an index, it lists its own images, which
    are no referrers. The subject is never its own referrer.
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
    """Return the path of the next page. It must be at the same registry, since the credential is sent along."""
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
