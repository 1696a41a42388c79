"""The views and addresses of ``/_ecr/…``, the emulator's endpoints beyond Amazon's API."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ecr_emulator.admin import openapi
from ecr_emulator.admin.access import AccessAdmin
from ecr_emulator.admin.access_keys import EXAMPLE as ACCESS_KEY
from ecr_emulator.admin.clock import EXAMPLES as CLOCK_EXAMPLES
from ecr_emulator.admin.clock import ClockAdmin
from ecr_emulator.admin.error_answers import answer_errors
from ecr_emulator.admin.events import EventsAdmin
from ecr_emulator.admin.faults import FAULT_EXAMPLES, FaultsAdmin
from ecr_emulator.admin.findings import EXAMPLES as FINDINGS_EXAMPLES
from ecr_emulator.admin.findings import FindingsAdmin
from ecr_emulator.admin.images import ImagesAdmin
from ecr_emulator.admin.init_scripts import InitAdmin
from ecr_emulator.admin.manifests import ManifestsAdmin
from ecr_emulator.admin.metrics import MetricsAdmin
from ecr_emulator.admin.ndjson import line, line_by_line
from ecr_emulator.admin.nodes import NodesAdmin
from ecr_emulator.admin.pull_through import PullThroughAdmin
from ecr_emulator.admin.request_parsing import find_registry, read_body, read_query
from ecr_emulator.admin.signing import SigningAdmin
from ecr_emulator.admin.state import StateAdmin
from ecr_emulator.admin.upstreams import ADDRESS_EXAMPLE, FAULTS_EXAMPLE, UpstreamsAdmin
from ecr_emulator.admin.upstreams import FAULT_EXAMPLES as UPSTREAM_FAULT_EXAMPLES
from ecr_emulator.admin.welcome import WELCOME
from ecr_emulator.domain.durations import parse_grace
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.probe_answers import ProbeAnswers
from ecr_emulator.probes import PROBES
from ecr_emulator.request_counts import OPERATION
from ecr_emulator.request_log import NOTE
from ecr_emulator.services import Services
from ecr_emulator.services.clock_moves import MovableClock
from ecr_emulator.services.lifecycle import EVALUATE
from ecr_emulator.url_maps import endpoint_of, url_map_of
from ecr_emulator.version import __version__

MAX_BODY = 16 * 1024 * 1024
Given = Mapping[str, Any]
"""The values in the query or the body of a request. Its address declares the allowed keys."""


class Admin:
    """The views. ``reset`` empties the emulator, or one account, in one Region if a Region is given."""

    def __init__(
        self,
        services: Services,
        clock: MovableClock,
        events: EventsAdmin,
        reset: Callable[[str | None, str | None], None],
        probes: ProbeAnswers,
        metrics: MetricsAdmin,
    ) -> None:
        self._services = services
        self._clock = clock
        self.clock = ClockAdmin(clock, services)
        self.events = events
        self.access = AccessAdmin(services)
        self.findings = FindingsAdmin(services)
        self.images = ImagesAdmin(services)
        self.signing = SigningAdmin(services)
        self.manifests = ManifestsAdmin(services)
        self.init = InitAdmin(probes.init_scripts)
        self.nodes = NodesAdmin(services.store.other_nodes)
        self._probes = probes
        self.metrics = metrics
        self._reset = reset

    def complete_due_work(self) -> None:
        """Do all work that is due, before a request that looks at the state."""
        self._services.due_work.complete_everything(self._clock.now())

    def welcome(self, _: Given) -> ResponseReturnValue:
        """Return a list of the addresses, for users who open the endpoint in a browser."""
        text = WELCOME.format(version=__version__, url=request.host_url.rstrip("/"), home=self._services.home)
        return text, {"Content-Type": "text/plain; charset=utf-8"}

    def probe(self, _: Given) -> ResponseReturnValue:
        """Answer a probe."""
        return self._probes.answer(request.path)

    def evaluate_lifecycle_policies(self, _: Given) -> ResponseReturnValue:
        """Evaluate the lifecycle policies of all repositories now instead of within a day."""
        number = self._services.background.run_now(EVALUATE, self._clock.now())
        return jsonify(evaluated=number)

    def collect_garbage(self, given: Given) -> ResponseReturnValue:
        """Collect garbage now instead of within a day; ``{"grace": "1h"}`` keeps what is younger."""
        try:
            grace = parse_grace(str(given.get("grace", "24h")))
        except ValueError as wrong:
            raise BadRequest(f'The body must be like {{"grace": "1h"}}, or empty: {wrong}') from None
        return jsonify(asdict(self._services.garbage_collector.collect(self._clock.now(), grace)))

    def verify(self, _: Given) -> ResponseReturnValue:
        """Read all blobs and manifests. The answer has a line of JSON for each step and for each finding.

        The last line has ``"done": true``, or an ``error`` if the verification had to stop.
        """

        def lines() -> Iterator[str]:
            last: dict[str, Any] = {}
            try:
                for step in self._services.verification.run():
                    last = asdict(step)
                    yield line(last)
                yield line(last | {"done": True})
            except StorageFailure as failure:
                yield line({"error": failure.reason})

        return line_by_line(lines())

    def reset(self, given: Given) -> ResponseReturnValue:
        """Remove everything, or what one account has: ``{"account": "123456789012", "region": "eu-west-1"}``."""
        if not given:
            self._reset(None, None)
            return jsonify(status="empty")
        if "account" not in given:
            raise BadRequest("A region needs an account. Send both, or neither to empty everything")
        registry = find_registry(given, self._services.home)
        region = registry.region if "region" in given else None
        self._reset(registry.id, region)
        return jsonify(status="empty", account=registry.id, region=region)


class Address(NamedTuple):
    """A method and path with its view. A body may only have the keys of ``examples``.

    A view that ``takes_file`` reads the body itself, which may be of any size. Unless it ``looks_at_state``, a request
    does not wait for work that is due.
    """

    method: str
    path: str
    view: Callable[..., ResponseReturnValue]
    query: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    takes_file: bool = False
    looks_at_state: bool = True


REGISTRY = '"account": "123456789012", "region": "us-east-1"'
IMAGE = f'{{"image": "docker-hub/library/nginx:1.27", {REGISTRY}}}'
DATES = f'{{"repository": "team/app", "digest": "sha256:…", "pushed_at": "…", "pulled_at": "…", {REGISTRY}}}'
OPEN = PROBES | {"/", "/_ecr", "/_ecr/"}
"""Paths that are answered without the token. Their answers contain no data of users."""


def _upstream_addresses(upstreams: UpstreamsAdmin) -> list[Address]:
    faults, address = "/_ecr/upstreams/<host>/faults", "/_ecr/upstreams/<host>/address"
    return [
        Address("GET", faults, upstreams.show_faults),
        Address("POST", faults, upstreams.add_fault, examples=UPSTREAM_FAULT_EXAMPLES),
        Address("PUT", faults, upstreams.put_faults, examples=(FAULTS_EXAMPLE,)),
        Address("DELETE", faults, upstreams.clear_faults),
        Address("DELETE", f"{faults}/<fault>", upstreams.remove_fault),
        Address("GET", address, upstreams.show_address),
        Address("PUT", address, upstreams.put_address, examples=(ADDRESS_EXAMPLE,)),
        Address("DELETE", address, upstreams.delete_address),
    ]


def _addresses(
    admin: Admin, pull_through: PullThroughAdmin, state: StateAdmin, faults: FaultsAdmin, upstreams: UpstreamsAdmin
) -> list[Address]:
    """Return all addresses. Tools for LocalStack ask those below ``/_localstack``."""
    at_once = partial(Address, looks_at_state=False)
    return [
        *(at_once("GET", path, admin.probe) for path in sorted(PROBES)),
        at_once("GET", "/_localstack/init", admin.init.show),
        at_once("GET", "/_localstack/init/<stage>", admin.init.show_stage),
        at_once("GET", "/", admin.welcome),
        at_once("GET", "/_ecr", admin.welcome),
        at_once("GET", "/_ecr/", admin.welcome),
        at_once("GET", "/metrics", lambda _: (jsonify(error="The metrics are at /_ecr/metrics"), 404)),
        at_once("GET", "/_ecr/metrics", admin.metrics.show),
        at_once("GET", "/_ecr/nodes", admin.nodes.show),
        at_once("GET", "/_ecr/openapi.json", openapi.show),
        at_once("GET", "/_ecr/clock", admin.clock.show),
        at_once("POST", "/_ecr/clock", admin.clock.move, examples=CLOCK_EXAMPLES),
        Address("GET", "/_ecr/events", admin.events.show, query=("after", "follow")),
        Address("POST", "/_ecr/lifecycle", admin.evaluate_lifecycle_policies),
        Address("POST", "/_ecr/gc", admin.collect_garbage, examples=('{"grace": "1h"}',)),
        Address("POST", "/_ecr/verify", admin.verify),
        Address(
            "GET", "/_ecr/access", admin.access.show, query=("principal", "deed", "repository", "account", "region")
        ),
        Address("GET", "/_ecr/rules", pull_through.rules, query=("account", "region")),
        Address("POST", "/_ecr/refresh", pull_through.refresh, examples=(IMAGE,)),
        Address("POST", "/_ecr/pull", pull_through.pull, examples=(IMAGE,)),
        Address("GET", "/_ecr/findings/<digest>", admin.findings.show),
        Address("PUT", "/_ecr/findings/<digest>", admin.findings.put, examples=FINDINGS_EXAMPLES),
        Address("DELETE", "/_ecr/findings/<digest>", admin.findings.delete),
        Address("GET", "/_ecr/images", admin.images.show, query=("repository", "limit", "after", "account", "region")),
        Address("GET", "/_ecr/manifests/<digest>", admin.manifests.show, query=("repository", "account", "region")),
        at_once("GET", "/_ecr/signing", admin.signing.show),
        Address("GET", "/_ecr/faults", faults.show),
        Address("POST", "/_ecr/faults", faults.add, examples=FAULT_EXAMPLES),
        Address("DELETE", "/_ecr/faults", faults.clear),
        Address("DELETE", "/_ecr/faults/<fault>", faults.remove),
        *_upstream_addresses(upstreams),
        Address("POST", "/_ecr/image-dates", state.set_image_dates, examples=(DATES,)),
        Address("POST", "/_ecr/access-keys", state.access_keys.put, examples=(ACCESS_KEY,)),
        Address("POST", "/_ecr/snapshots", state.take_snapshot),
        Address("POST", "/_ecr/snapshots/<snapshot>/restore", state.restore_snapshot),
        Address("DELETE", "/_ecr/snapshots/<snapshot>", state.delete_snapshot),
        Address("GET", "/_ecr/state", state.save),
        Address("PUT", "/_ecr/state", state.load, takes_file=True),
        at_once("POST", "/_ecr/reset", admin.reset, examples=(f"{{{REGISTRY}}}",)),
    ]


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
    addresses = _addresses(admin, pull_through, state, faults, upstreams)
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
