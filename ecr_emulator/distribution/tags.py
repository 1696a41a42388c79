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
"""A page has at most so many entries if the client asks for pages."""
STRICT_PAGE = 100
"""What ECR sends to clients that ask for no pages."""
ALL = 1_000_000
"""More tags than a repository and more repositories than a registry can have: for clients that ask for no pages."""

_COUNT = re.compile(r"[0-9]{1,18}")


def list_tags(request: RegistryRequest) -> Response:
    """end-8: the tags that are here; the upstream of a cache repository is not asked, as in ECR."""
    if request.is_strict:
        return _list_tags_strictly(request)
    limit = _limit(request)
    with request.services.store.reading() as work:
        repository = work.repositories.get(request.registry, request.name)
        tags = work.tags.page(repository, request.http.args.get("last", ""), limit + 1)
    return _page(request, {"name": request.path}, "tags", tags, limit)


def list_repositories(request: RegistryRequest) -> Response:
    """``_catalog``: the repositories of the caller's registry."""
    limit = _limit(request)
    with request.services.store.reading() as work:
        found = work.repositories.page(request.registry, request.http.args.get("last", ""), limit + 1)
    return _page(request, {}, "repositories", [repository.name for repository in found], limit)


def _limit(request: RegistryRequest) -> int:
    asked = request.http.args.get("n")
    if asked is None:
        return ALL
    if not _COUNT.fullmatch(asked):
        raise OciError(400, "UNSUPPORTED", f"n={asked!r} must be a whole number from 0 on")
    return min(int(asked), MAX_PAGE)


def _page(request: RegistryRequest, frame: dict[str, str], key: str, entries: list[str], limit: int) -> Response:
    """``entries`` has one more than the limit if there are more pages."""
    shown = entries[:limit]
    answer = Response(json.dumps({**frame, key: shown}), content_type="application/json")
    if shown and len(entries) > limit:
        answer.headers["Link"] = _next_page(request, limit, shown[-1])
    return answer


def _next_page(request: RegistryRequest, limit: int, last: str) -> str:
    query = urlencode(request.http.args.to_dict() | {"n": str(limit), "last": last})
    return f'<{request.http.base_url}?{query}>; rel="next"'


def _list_tags_strictly(request: RegistryRequest) -> Response:
    """In no order that means anything, 100 at a time, with an opaque ``last``, as plain text."""
    if "n" in request.http.args and _limit(request) < int(request.http.args["n"]):
        raise InvalidParameterException.at("maxResults", f"Member must have value less than or equal to {MAX_PAGE}")
    limit = _limit(request) if "n" in request.http.args else STRICT_PAGE
    with request.services.store.reading() as work:
        repository = work.repositories.get(request.registry, request.name)
        tags = {_place(tag): tag for tag in work.tags.page(repository, "", ALL)}
    places = sorted(place for place in tags if place > request.http.args.get("last", ""))
    shown = [tags[place] for place in places[:limit]]
    answer = Response(json.dumps({"name": request.path, "tags": shown}), content_type="text/plain; charset=utf-8")
    if shown and len(places) > limit:
        answer.headers["Link"] = _next_page(request, limit, places[limit - 1])
    return answer


def _place(tag: str) -> str:
    """Where a tag stands in ECR's order, which nobody outside knows."""
    return hashlib.sha256(tag.encode()).hexdigest()
