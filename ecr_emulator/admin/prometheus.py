"""The metrics, built by prometheus-client from the emulator's own counts whenever somebody asks.

https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from threading import active_count

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client import exposition as _exposition
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from ecr_emulator.admin.metrics import MetricSources
from ecr_emulator.counters import Labels
from ecr_emulator.request_counts import BUCKETS, RequestKind, RequestTotals
from ecr_emulator.version import __version__

CONTENT_TYPE = _exposition.CONTENT_TYPE_PLAIN_0_0_4
PREFIX = "ecr_emulator_"

_LIMITS = [*map(str, BUCKETS), "+Inf"]


def text_of(sources: MetricSources) -> bytes:
    """Return all metrics in the text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(EmulatorCollector(sources))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class EmulatorCollector(Collector):
    """Collects the metrics of one emulator."""

    def __init__(self, sources: MetricSources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with its numbers of now."""
        yield _gauge("build_info", "The version of the emulator.", {(__version__,): 1}, "version")
        yield from self._requests()
        yield from self._remembered()
        yield from self._upstreams()
        yield from self._state()
        yield _gauge("threads", "Threads that run Python code.", active_count())

    def _requests(self) -> Iterator[Metric]:
        totals = self._sources.requests.totals()
        numbers = {tuple(kind): sum(each.buckets) for kind, each in totals.items()}
        yield _counter("requests", "Requests answered.", numbers, "plane", "operation", "status")
        yield _durations(totals)
        yield _counter("bytes", "Bytes of the bodies of requests and answers.", _bytes(totals), "plane", "direction")
        pulls = self._sources.requests.pulls.totals()
        yield _counter("pulls", "Pulls that a pull through cache rule covers.", pulls, "upstream", "cache")

    def _remembered(self) -> Iterator[Metric]:
        remembered = self._sources.remembered
        yield _counter("remembered_answers", "Remembered answers that were given.", {(): remembered.given})
        yield _gauge("remembered_answers_bytes", "Bytes of the remembered answers, roughly.", remembered.size)

    def _upstreams(self) -> Iterator[Metric]:
        upstreams = self._sources.upstreams
        requests, received = upstreams.requests.totals(), upstreams.received.totals()
        limits: dict[Labels, float] = {(host,): number for host, number in self._sources.rate_limits().items()}
        flights: dict[Labels, float] = {(kind,): number for kind, number in self._sources.single_flights().items()}
        yield _counter("upstream_requests", "Requests sent to upstreams.", requests, "upstream", "status")
        yield _counter("upstream_received_bytes", "Bytes received from upstreams.", received, "upstream")
        yield _gauge("upstream_rate_limit_remaining", "Pulls that the upstream still allows.", limits, "upstream")
        yield _gauge("single_flights", "Fetches in progress, each for any number of clients.", flights, "kind")

    def _state(self) -> Iterator[Metric]:
        services = self._sources.services
        with services.store.reading() as work:
            blobs, size = work.inventory.blob_totals()
            uploads, tasks = len(work.uploads.ids()), work.tasks.count()
        due_in = services.background.seconds_until_due(self._sources.now())
        lateness = 0.0 if due_in is None else max(0.0, -due_in)
        yield _gauge("blobs", "Blobs that repositories hold, each counted once.", blobs)
        yield _gauge("blobs_bytes", "Bytes of the blobs that repositories hold.", size)
        yield _gauge("uploads", "Uploads that have begun and not ended.", uploads)
        yield _gauge("tasks", "Background tasks that wait.", tasks)
        others = services.store.other_nodes
        running = sum(node.is_running for node in others.all()) if others else 1
        yield _gauge("nodes", "Running emulators with this state, this one included.", running)
        yield _gauge("task_lateness_seconds", "Seconds since the first waiting task became due.", lateness)


def _counter(name: str, help_text: str, totals: Mapping[Labels, float], *labels: str) -> Metric:
    family = CounterMetricFamily(PREFIX + name, help_text, labels=labels)
    for values, total in sorted(totals.items()):
        family.add_metric(values, total)
    return family


def _gauge(name: str, help_text: str, numbers: Mapping[Labels, float] | float, *labels: str) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, help_text, labels=labels)
    for values, number in sorted(numbers.items()) if isinstance(numbers, Mapping) else [((), numbers)]:
        family.add_metric(values, number)
    return family


def _durations(totals: Mapping[RequestKind, RequestTotals]) -> Metric:
    """Return the histogram by plane and operation; all statuses together, so that it stays small."""
    by_operation: dict[Labels, list[RequestTotals]] = defaultdict(list)
    for kind, each in totals.items():
        by_operation[kind.plane, kind.operation].append(each)
    help_text = "Seconds from the arrival of a request to the end of its answer."
    family = HistogramMetricFamily(PREFIX + "request_duration_seconds", help_text, labels=("plane", "operation"))
    for labels, parts in sorted(by_operation.items()):
        numbers = accumulate(map(sum, zip(*(part.buckets for part in parts), strict=True)))
        buckets = list(zip(_LIMITS, numbers, strict=True))
        family.add_metric(labels, buckets, sum(part.seconds for part in parts))
    return family


def _bytes(totals: Mapping[RequestKind, RequestTotals]) -> dict[Labels, int]:
    planes = {kind.plane for kind in totals}
    return {
        (plane, direction): sum(getattr(each, direction) for each in _of_plane(totals, plane))
        for plane in planes
        for direction in ("received", "sent")
    }


def _of_plane(totals: Mapping[RequestKind, RequestTotals], plane: str) -> Iterable[RequestTotals]:
    return (each for kind, each in totals.items() if kind.plane == plane)
