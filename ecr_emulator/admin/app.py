"""The endpoints of ``/_ecr/…`` as a Flask application."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from ecr_emulator.admin.addresses import Address, addresses_of
from ecr_emulator.admin.error_answers import answer_errors
from ecr_emulator.admin.faults import FaultsAdmin
from ecr_emulator.admin.pull_through import PullThroughAdmin
from ecr_emulator.admin.request_parsing import read_body, read_query
from ecr_emulator.admin.state import StateAdmin
from ecr_emulator.admin.upstreams import UpstreamsAdmin
from ecr_emulator.admin.views import Admin
from ecr_emulator.probes import PROBES
from ecr_emulator.request_counts import OPERATION
from ecr_emulator.request_log import NOTE
from ecr_emulator.url_maps import endpoint_of, url_map_of

MAX_BODY = 16 * 1024 * 1024
OPEN = PROBES | {"/", "/_ecr", "/_ecr/"}
"""Paths that are answered without the token. Their answers contain no data of users."""


def admin_app(
    admin: Admin,
    pull_through: PullThroughAdmin,
    state: StateAdmin,
    faults: FaultsAdmin,
    upstreams: UpstreamsAdmin,
    token: str | None = None,
) -> Flask:
    """Return the application with all addresses. If there is a token, other requests than probes must have it."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    addresses = addresses_of(admin, pull_through, state, faults, upstreams)
    app.url_map = url_map_of(*((each.method, each.path) for each in addresses))
    app.view_functions = {
        endpoint_of(each.method, each.path): _strictly(each, admin.complete_due_work) for each in addresses
    }
    if token:
        app.before_request(lambda: _stop_strangers(token))
    answer_errors(app)
    return app


def _strictly(address: Address, complete_due_work: Callable[[], None]) -> Callable[..., ResponseReturnValue]:
    """Return the view of an address, with a check that the query and the body have only known keys.

    If the view looks at the state, due work is completed first.
    """

    def view(**path: str) -> ResponseReturnValue:
        request.environ[OPERATION] = f"{address.method} {address.path}"
        # Requests for pages that any server has may have any query, for example a number against caches.
        query = read_query(request, address.query) if address.path.startswith("/_ecr") else {}
        if address.looks_at_state:
            complete_due_work()
        if address.takes_file:
            request.max_content_length = None
            return address.view(query, **path)
        return address.view(query | read_body(request, address.examples), **path)

    return view


def _stop_strangers(token: str) -> ResponseReturnValue | None:
    kind, _, brought = request.headers.get("Authorization", "").partition(" ")
    is_known = kind.lower() == "bearer" and hmac.compare_digest(brought.strip().encode(), token.encode())
    if is_known or request.path in OPEN:
        return None
    error = f"The token is not the emulator's --admin-token, which {request.path} needs"
    if not brought:
        how = "in the header Authorization: Bearer TOKEN; commands take it from ECR_EMULATOR_ADMIN_TOKEN"
        error = f"{request.path} needs the emulator's --admin-token {how}"
    request.environ[NOTE] = {"reason": "the token is not the --admin-token" if brought else "there is no token"}
    return jsonify(error=error), 401, {"WWW-Authenticate": 'Bearer realm="ecr-emulator"'}
