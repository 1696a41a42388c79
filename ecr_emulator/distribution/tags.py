"""Lists: the tags of a repository and the repositories of a registry, in ASCII order, page by page."""

from __future__ import annotations

import hashlib
import json
import re
from urllib.parse import urlencode

from werkzeug import Response

from ecr_emulator.distribution.errors import OciError
from ecr_emulator.distribution.request import RegistryRequest
from ecr_emulator.errors import InvalidParameterException

MAX_PAGE = 1_000
"""Maximum number of entries in a page if the client asks for pages with ``n``."""
STRICT_PAGE = 100
"""Number of entries in ECR's pages for clients that send no ``n``."""
ALL = 1_000_000
"""Number of entries for clients that send no ``n``: no repository has more tags, no registry more repositories."""

_COUNT = re.compile(r"[0-9]{1,18}")


def list_tags(request: RegistryRequest) -> Response:
    """Answer end-8 with the stored tags. As in ECR, the upstream of a cache repository is not asked."""
    if request.is_strict:
        return _list_tags_strictly(request)
    limit = _limit(request)
    with request.services.store.reading() as work:
        repository = work.repositories.get(request.registry, request.name)
        tags = work.tags.page(repository, request.http.args.get("last", ""), limit + 1)
    return _page(request, {"name": request.path}, "tags", tags, limit)


def list_repositories(request: RegistryRequest) -> Response:
    """Answer ``_catalog`` with the repositories of the addressed registry."""
    limit = _limit(request)
    with request.services.store.reading() as work:
        found = work.repositories.page(request.registry, request.http.args.get("last", ""), limit + 1)
    return _page(request, {}, "repositories", [repository.name for repository in found], limit)


def _limit(request: RegistryRequest) -> int:
    asked = request.http.args.get("n")
    if asked is None:
        return ALL
    if not _COUNT.fullmatch(asked):
        raise OciError(400, "UNSUPPORTED", f"n must be 0 or a positive whole number, not {asked!r}")
    return min(int(asked), MAX_PAGE)


def _page(request: RegistryRequest, frame: dict[str, str], key: str, entries: list[str], limit: int) -> Response:
    """Return a page of ``entries``. One entry more than ``limit`` shows that there is a next page."""
    shown = entries[:limit]
    answer = Response(json.dumps({**frame, key: shown}), content_type="application/json")
    if shown and len(entries) > limit:
        answer.headers["Link"] = _next_page(request, limit, shown[-1])
    return answer


def _next_page(request: RegistryRequest, limit: int, last: str) -> str:
    query = urlencode(request.http.args.to_dict() | {"n": str(limit), "last": last})
    return f'<{request.http.base_url}?{query}>; rel="next"'


def _list_tags_strictly(request: RegistryRequest) -> Response:
    """List tags as real ECR does: in an arbitrary order, 100 at a time, with an opaque ``last``, as plain text."""
    if "n" in request.http.args and _limit(request) < int(request.http.args["n"]):
        raise InvalidParameterException.at("maxResults", f"Member must have value less than or equal to {MAX_PAGE}")
    limit = _limit(request) if "n" in request.http.args else STRICT_PAGE
    with request.services.store.reading() as work:
        repository = work.repositories.get(request.registry, request.name)
        tags = {_sort_key(tag): tag for tag in work.tags.page(repository, "", ALL)}
    keys = sorted(key for key in tags if key > request.http.args.get("last", ""))
    shown = [tags[key] for key in keys[:limit]]
    answer = Response(json.dumps({"name": request.path, "tags": shown}), content_type="text/plain; charset=utf-8")
    if shown and len(keys) > limit:
        answer.headers["Link"] = _next_page(request, limit, keys[limit - 1])
    return answer


def _sort_key(tag: str) -> str:
    """Return the sort key of a tag in strict lists. ECR's own order is not documented."""
    return hashlib.sha256(tag.encode()).hexdigest()
