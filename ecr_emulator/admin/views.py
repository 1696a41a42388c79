"""The views of ``/_ecr/…`` about the whole emulator. They hold those about single subjects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ecr_emulator.admin.access import AccessAdmin
from ecr_emulator.admin.clock import ClockAdmin
from ecr_emulator.admin.events import EventsAdmin
from ecr_emulator.admin.findings import FindingsAdmin
from ecr_emulator.admin.images import ImagesAdmin
from ecr_emulator.admin.init_scripts import InitAdmin
from ecr_emulator.admin.manifests import ManifestsAdmin
from ecr_emulator.admin.metrics import MetricsAdmin
from ecr_emulator.admin.ndjson import line, line_by_line
from ecr_emulator.admin.nodes import NodesAdmin
from ecr_emulator.admin.request_parsing import find_registry
from ecr_emulator.admin.signing import SigningAdmin
from ecr_emulator.admin.welcome import WELCOME
from ecr_emulator.domain.durations import parse_grace
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.probe_answers import ProbeAnswers
from ecr_emulator.services import Services
from ecr_emulator.services.clock_moves import MovableClock
from ecr_emulator.services.lifecycle import EVALUATE
from ecr_emulator.version import __version__

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
