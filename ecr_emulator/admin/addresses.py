"""The addresses of the emulator's endpoints beyond Amazon's API, each with its view."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from flask import jsonify
from flask.typing import ResponseReturnValue

from ecr_emulator.admin import openapi
from ecr_emulator.admin.access_keys import EXAMPLE as ACCESS_KEY
from ecr_emulator.admin.clock import EXAMPLES as CLOCK_EXAMPLES
from ecr_emulator.admin.faults import FAULT_EXAMPLES, FaultsAdmin
from ecr_emulator.admin.findings import EXAMPLES as FINDINGS_EXAMPLES
from ecr_emulator.admin.pull_through import PullThroughAdmin
from ecr_emulator.admin.state import StateAdmin
from ecr_emulator.admin.upstreams import ADDRESS_EXAMPLE, FAULTS_EXAMPLE, UpstreamsAdmin
from ecr_emulator.admin.upstreams import FAULT_EXAMPLES as UPSTREAM_FAULT_EXAMPLES
from ecr_emulator.admin.views import Admin
from ecr_emulator.probes import PROBES

REGISTRY = '"account": "123456789012", "region": "us-east-1"'
IMAGE = f'{{"image": "docker-hub/library/nginx:1.27", {REGISTRY}}}'
DATES = f'{{"repository": "team/app", "digest": "sha256:…", "pushed_at": "…", "pulled_at": "…", {REGISTRY}}}'


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


def addresses_of(
    admin: Admin, pull_through: PullThroughAdmin, state: StateAdmin, faults: FaultsAdmin, upstreams: UpstreamsAdmin
) -> list[Address]:
    """Return all addresses."""
    return [
        *_addresses_of_the_emulator(admin),
        *_addresses_of_registries(admin, pull_through),
        *_addresses_of_faults(faults),
        *_addresses_of_upstreams(upstreams),
        *_addresses_of_state(state),
    ]


def _addresses_of_the_emulator(admin: Admin) -> list[Address]:
    """Return the addresses that do not look at the state. Tools for LocalStack ask those below ``/_localstack``."""
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
        at_once("GET", "/_ecr/signing", admin.signing.show),
        at_once("POST", "/_ecr/reset", admin.reset, examples=(f"{{{REGISTRY}}}",)),
    ]


def _addresses_of_registries(admin: Admin, pull_through: PullThroughAdmin) -> list[Address]:
    return [
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
    ]


def _addresses_of_faults(faults: FaultsAdmin) -> list[Address]:
    return [
        Address("GET", "/_ecr/faults", faults.show),
        Address("POST", "/_ecr/faults", faults.add, examples=FAULT_EXAMPLES),
        Address("DELETE", "/_ecr/faults", faults.clear),
        Address("DELETE", "/_ecr/faults/<fault>", faults.remove),
    ]


def _addresses_of_upstreams(upstreams: UpstreamsAdmin) -> list[Address]:
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


def _addresses_of_state(state: StateAdmin) -> list[Address]:
    return [
        Address("POST", "/_ecr/image-dates", state.set_image_dates, examples=(DATES,)),
        Address("POST", "/_ecr/access-keys", state.access_keys.put, examples=(ACCESS_KEY,)),
        Address("POST", "/_ecr/snapshots", state.take_snapshot),
        Address("POST", "/_ecr/snapshots/<snapshot>/restore", state.restore_snapshot),
        Address("DELETE", "/_ecr/snapshots/<snapshot>", state.delete_snapshot),
        Address("GET", "/_ecr/state", state.save),
        Address("PUT", "/_ecr/state", state.load, takes_file=True),
    ]
