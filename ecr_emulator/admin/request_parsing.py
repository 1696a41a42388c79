"""Strict parsing of requests to ``/_ecr/…``: unknown keys are refused."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flask import Request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from ecr_emulator.domain.names import Registry, is_account_id, is_region

JSON = "Content-Type: application/json"


def read_query(request: Request, known: Collection[str]) -> dict[str, str]:
    """Return the query of a request, which may have the known keys, each once. Raises ``BadRequest``."""
    _refuse_unknown(request.args, known, "query")
    for key, values in request.args.lists():
        if len(values) > 1:
            raise BadRequest(f"The query has {key} {len(values)} times")
    return request.args.to_dict()


def read_body(request: Request, examples: Sequence[str]) -> dict[str, Any]:
    """Return the JSON object in the body, which may have the keys of the examples; empty if there is no body.

    A POST needs the content type of JSON even without a body, because web pages can send forms to any address, but
    can send JSON only after a preflight. Raises ``UnsupportedMediaType`` and ``BadRequest``.
    """
    raw = request.get_data(cache=False)
    if (raw or request.method == "POST") and not request.is_json:
        data = f" -d '{examples[0]}'" if examples and raw else ""
        raise UnsupportedMediaType(
            f"Send the header {JSON}, as in: curl -X {request.method} -H '{JSON}' {request.base_url}{data}"
        )
    if not raw:
        return {}
    body = _parsed(raw, examples)
    _refuse_unknown(body, dict.fromkeys(key for each in examples for key in json.loads(each)), "body")
    return body


def find_registry(given: Mapping[str, Any], home: Registry) -> Registry:
    """Return the registry of ``account`` and ``region``, by default those of ``home``. Raises ``BadRequest``."""
    account, region = given.get("account", home.id), given.get("region", home.region)
    if not isinstance(account, str) or not is_account_id(account):
        raise BadRequest(f"account must be 12 digits, as text, not {_shown(account)}")
    if not isinstance(region, str) or not is_region(region):
        raise BadRequest(f"region must be a Region, like eu-west-1, not {_shown(region)}")
    return Registry(account, region)


def _parsed(raw: bytes, examples: Sequence[str]) -> dict[str, Any]:
    like = f"The body must be like {' or '.join(examples)}" if examples else "There must be no body"
    try:
        body = json.loads(raw, object_pairs_hook=_once, parse_constant=_refuse_constant)
        json.dumps(body, ensure_ascii=False).encode()  # JSON accepts lone surrogates; the database does not
    except RecursionError:
        raise BadRequest(f"{like}: this one is nested too deeply") from None
    except ValueError as wrong:
        raise BadRequest(f"{like}: {wrong}") from None
    if not isinstance(body, dict):
        raise BadRequest(f"{like}: {_shown(body)} is not of type 'object'")
    return body


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("it has a key twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"JSON has no {name}")


def _refuse_unknown(given: Collection[str], known: Collection[str], where: str) -> None:
    for key in given:
        if key not in known:
            taken = ", ".join(known) if known else "nothing"
            raise BadRequest(f"The {where} has the unknown key {_shown(key)}; this address accepts {taken} there")


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
