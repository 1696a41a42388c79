"""Lists: the tags of a repository and the repositories of a registry, in ASCII order, page by page."""

from __future__ import annotations

import hashlib
import json
import re
from urllib.parse import urlencode

from werkzeug import Response

from ecr_emulator.distribution.visit import Visit
from ecr_emulator.distribution.wire import Refusal
from ecr_emulator.errors import InvalidParameterException

MAX_PAGE = 1_000
"""A page has at most so many entries if the client asks for pages."""
STRICT_PAGE = 100
"""What ECR sends to clients that ask for no pages."""
ALL = 1_000_000
"""More tags than a repository and more repositories than a registry can have: for clients that ask for no pages."""

_COUNT = re.compile(r"[0-9]{1,18}")


def list_tags(visit: Visit) -> Response:
    """end-8: the tags that are here; the upstream of a cache repository is not asked, as in ECR."""
    if visit.is_strict:
        return _list_tags_strictly(visit)
    limit = _limit(visit)
    with visit.services.store.reading() as work:
        repository = work.repositories.get(visit.registry, visit.name)
        tags = work.tags.page(repository, visit.request.args.get("last", ""), limit + 1)
    return _page(visit, {"name": visit.path}, "tags", tags, limit)


def list_repositories(visit: Visit) -> Response:
    """``_catalog``: the repositories of the caller's registry."""
    limit = _limit(visit)
    with visit.services.store.reading() as work:
        found = work.repositories.page(visit.registry, visit.request.args.get("last", ""), limit + 1)
    return _page(visit, {}, "repositories", [repository.name for repository in found], limit)


def _limit(visit: Visit) -> int:
    asked = visit.request.args.get("n")
    if asked is None:
        return ALL
    if not _COUNT.fullmatch(asked):
        raise Refusal(400, "UNSUPPORTED", f"n={asked!r} must be a whole number from 0 on")
    return min(int(asked), MAX_PAGE)


def _page(visit: Visit, frame: dict[str, str], key: str, entries: list[str], limit: int) -> Response:
    """``entries`` has one more than the limit if there are more pages."""
    shown = entries[:limit]
    answer = Response(json.dumps({**frame, key: shown}), content_type="application/json")
    if shown and len(entries) > limit:
        answer.headers["Link"] = _next_page(visit, limit, shown[-1])
    return answer


def _next_page(visit: Visit, limit: int, last: str) -> str:
    query = urlencode(visit.request.args.to_dict() | {"n": str(limit), "last": last})
    return f'<{visit.request.base_url}?{query}>; rel="next"'


def _list_tags_strictly(visit: Visit) -> Response:
    """In no order that means anything, 100 at a time, with an opaque ``last``, as plain text."""
    if "n" in visit.request.args and _limit(visit) < int(visit.request.args["n"]):
        raise InvalidParameterException.at("maxResults", f"Member must have value less than or equal to {MAX_PAGE}")
    limit = _limit(visit) if "n" in visit.request.args else STRICT_PAGE
    with visit.services.store.reading() as work:
        repository = work.repositories.get(visit.registry, visit.name)
        tags = {_place(tag): tag for tag in work.tags.page(repository, "", ALL)}
    places = sorted(place for place in tags if place > visit.request.args.get("last", ""))
    shown = [tags[place] for place in places[:limit]]
    answer = Response(json.dumps({"name": visit.path, "tags": shown}), content_type="text/plain; charset=utf-8")
    if shown and len(places) > limit:
        answer.headers["Link"] = _next_page(visit, limit, places[limit - 1])
    return answer


def _place(tag: str) -> str:
    """Where a tag stands in ECR's order, which nobody outside knows."""
    return hashlib.sha256(tag.encode()).hexdigest()
