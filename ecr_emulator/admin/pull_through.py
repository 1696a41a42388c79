"""``/_ecr/rules``, ``/_ecr/refresh`` and ``/_ecr/pull``: the health of the pull through cache, checks and imports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ecr_emulator.admin.ndjson import line, line_by_line
from ecr_emulator.admin.request_parsing import find_registry
from ecr_emulator.domain.image_names import ImageName, parse_image_name
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import matching_rule
from ecr_emulator.errors import EcrError
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.ports.time import Clock
from ecr_emulator.ports.upstream_failures import (
    UpstreamAccessDenied,
    UpstreamFailure,
    UpstreamNotFound,
    UpstreamTooManyRequests,
)
from ecr_emulator.services.cache_tools import CacheTools
from ecr_emulator.services.pull_through import NoRule, RuleReport


class PullThroughAdmin:
    """The views. The emulator's account and Region are the defaults of a request."""

    def __init__(self, tools: CacheTools, home: Registry, clock: Clock) -> None:
        self._tools = tools
        self._home = home
        self._clock = clock

    def rules(self, given: Mapping[str, Any]) -> ResponseReturnValue:
        """Return the health of the rules of ``?account=&region=``, and the other registries that have rules."""
        registry = find_registry(given, self._home)
        now = self._clock.now()
        reports = self._tools.reports.of(registry, now)
        return jsonify(
            now=now.isoformat(),
            **_place(registry),
            rules=[_described(report) for report in reports],
            elsewhere=[_place(other) for other in self._others(registry)],
        )

    def refresh(self, given: Mapping[str, Any]) -> ResponseReturnValue:
        """Check cached tags upstream now: all of ``{"image": "<repository>"}``, or one of ``<repository>:<tag>``."""
        registry, image = self._image(given)
        if image.digest:
            raise BadRequest("The image of a digest never changes; name a repository, or one of its tags")
        try:
            found = self._tools.refresher.refresh(registry, image.repository, image.tag, self._clock.now())
        except NoRule as uncovered:
            return jsonify(error=f"{uncovered}.{self._hint(registry)}"), 404
        except EcrError as absent:
            return jsonify(error=absent.message), 404
        return jsonify(**_place(registry), repository=image.repository, refreshed=[asdict(each) for each in found])

    def pull(self, given: Mapping[str, Any]) -> ResponseReturnValue:
        """Import all parts of an image: ``{"image": "<repository>:<tag>"}``. The answer has a line of JSON per step.

        The last line has ``"done": true``, or an ``error`` if a part is missing.
        """
        registry, image = self._image(given)
        now = self._clock.now()
        reference = image.digest or image.tag or "latest"
        try:
            manifest = self._tools.prefetch.manifest(registry, image.repository, reference, now)
        except EcrError as absent:
            return jsonify(error=f"{absent.message}.{self._without_rule(registry, image.repository)}"), 404
        except UpstreamFailure as failure:
            return jsonify(error=failure.reason, code=failure.failure_code), _status(failure)

        def lines() -> Iterator[str]:
            try:
                for progress in self._tools.prefetch.image(registry, image.repository, reference, manifest, now):
                    yield line(asdict(progress))
                yield line({"done": True})
            except UpstreamFailure as failure:
                yield line({"error": failure.reason, "code": failure.failure_code})
            except (EcrError, StorageFailure) as failure:
                yield line({"error": str(failure), "code": type(failure).__name__})

        return line_by_line(lines())

    def _without_rule(self, registry: Registry, name: str) -> str:
        """Return a sentence that no rule covers a name; empty if a rule does."""
        rules = [report.rule for report in self._tools.reports.of(registry, self._clock.now())]
        return "" if matching_rule(rules, name) else f" {NoRule.of(registry, name)}.{self._hint(registry)}"

    def _others(self, registry: Registry) -> list[Registry]:
        return [each for each in self._tools.reports.registries() if each != registry]

    def _hint(self, registry: Registry) -> str:
        """Return a sentence with the registries that have rules, if this registry has none; else empty."""
        others = self._others(registry)
        if not others or self._tools.reports.of(registry, self._clock.now()):
            return ""
        places = "; or ".join(f"--account {each.id} --region {each.region}" for each in others)
        return f" {registry.id} has no rules in {registry.region}; there are some with {places}"

    def _image(self, given: Mapping[str, Any]) -> tuple[Registry, ImageName]:
        name = given.get("image")
        if not isinstance(name, str):
            raise BadRequest('The body must be like {"image": "docker-hub/library/nginx:1.27"}')
        registry = find_registry(given, self._home)
        try:
            image = parse_image_name(name)
        except ValueError as wrong:
            raise BadRequest(str(wrong)) from None
        return image.registry or registry, image


def _place(registry: Registry) -> dict[str, str]:
    return {"account": registry.id, "region": registry.region}


def _described(report: RuleReport) -> dict[str, Any]:
    rule, health, upstream = report.rule, report.health, report.upstream
    return {
        "prefix": rule.prefix,
        "upstream": rule.url,
        "upstream_prefix": rule.upstream_prefix,
        "address": upstream.address,
        "state": report.state,
        "failing_since": _time(health.failing_since),
        "until": _time(report.until),
        "last_success": _time(health.succeeded_at),
        "last_error": health.error and health.error._asdict() | {"at": _time(health.error.at)},
        "rate_limit": upstream.rate_limit and upstream.rate_limit._asdict(),
    }


def _time(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


def _status(failure: UpstreamFailure) -> int:
    return {UpstreamNotFound: 404, UpstreamAccessDenied: 403, UpstreamTooManyRequests: 429}.get(type(failure), 503)
