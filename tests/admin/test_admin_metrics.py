"""The metrics at /_ecr/metrics: their numbers, their labels, and what they cost a process that nobody asks for them."""

import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import Client

from ecr_emulator.counters import Counters
from ecr_emulator.request_counts import CountedRequests
from ecr_emulator.request_records import RequestRecords
from ecr_emulator.services.cache_history import CacheHistory
from ecr_emulator.testing.upstream.faults import answers, with_headers
from ecr_emulator.testing.upstream.images import image, layer
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.admin_api import ClosingClient
from tests.support.clock import FrozenClock
from tests.support.images import put_image
from tests.support.pull_through import running_cache

NAME = "quay/team/app"
APP = image("app")
CLOCK = FrozenClock()


class Scrape:
    """The samples of one answer of /_ecr/metrics."""

    def __init__(self, wsgi):
        answer = Client(wsgi).get("/_ecr/metrics", base_url="http://localhost:4566", buffered=True)
        assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
        self.families = {family.name: family for family in text_string_to_metric_families(answer.text)}

    def value(self, name, **labels):
        """Return the value of one sample; None if there is none."""
        samples = (sample for family in self.families.values() for sample in family.samples)
        found = [each.value for each in samples if (each.name, each.labels) == (f"ecr_emulator_{name}", labels)]
        return found[0] if found else None

    def samples(self, name):
        """Return the values of a metric by status."""
        samples = (sample for family in self.families.values() for sample in family.samples)
        return {each.labels["status"]: each.value for each in samples if each.name == f"ecr_emulator_{name}"}


@pytest.fixture
def upstream():
    with ScriptedUpstream() as registry:
        registry.add_image("team/app", APP, "v1")
        yield registry


@pytest.fixture
def cache(upstream):
    with running_cache(upstream) as cache:
        cache.http = ClosingClient(cache.emulator.wsgi)
        cache.rule()
        yield cache


@pytest.fixture
def scrape(cache):
    return lambda: Scrape(cache.emulator.wsgi)


def test_requests_are_counted_by_plane_operation_and_status(cache, scrape):
    cache.ecr.describe_repositories()
    cache.manifest(NAME, "absent")
    cache.http.get("/_ecr/clock")
    cache.secrets.list_secrets()
    metrics = scrape()

    def requests(plane, operation, status):
        return metrics.value("requests_total", plane=plane, operation=operation, status=status)

    assert requests("control", "DescribeRepositories", "200") == 1
    assert requests("distribution", "GET manifests", "404") == 1
    assert requests("admin", "GET /_ecr/clock", "200") == 1
    assert requests("companions", "secretsmanager:ListSecrets", "200") == 1


def test_operations_that_do_not_exist_have_one_label(cache, scrape):
    for number in range(3):
        target = {"X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.Nothing{number}"}
        cache.http.post("/", headers=target, data="{}")
        cache.get(f"/v2/no/such/route{number}")
        cache.http.get(f"/_ecr/nothing{number}")
    metrics = scrape()
    unknown = {"operation": "unknown"}
    assert metrics.value("requests_total", plane="distribution", status="404", **unknown) == 3
    assert metrics.value("requests_total", plane="admin", status="404", **unknown) == 3
    assert metrics.value("requests_total", plane="control", status="400", **unknown) == 3


def test_durations_are_a_histogram_by_operation(cache, scrape):
    cache.ecr.describe_repositories()
    cache.ecr.describe_repositories()
    metrics, labels = scrape(), {"plane": "control", "operation": "DescribeRepositories"}
    assert metrics.value("request_duration_seconds_bucket", **labels, le="+Inf") == 2
    assert metrics.value("request_duration_seconds_count", **labels) == 2
    assert metrics.value("request_duration_seconds_bucket", **labels, le="0.001") <= 2
    assert 0 < metrics.value("request_duration_seconds_sum", **labels) < 60


def test_pulls_are_counted_by_what_the_cache_did(cache, upstream, scrape):
    cache.manifest(NAME, "v1")
    cache.settle()
    token = cache.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    for _ in range(4):  # remembered answers count as well
        cache.http.get(f"/v2/{NAME}/manifests/v1", headers={"Authorization": f"Basic {token}"})
    cache.advance(hours=25)
    cache.manifest(NAME, "v1")
    upstream.fail("/manifests/v1", answers(503), count=99)
    cache.advance(hours=25)
    cache.manifest(NAME, "v1")
    metrics = scrape()
    uses = ("hit", "miss", "check", "stale")
    found = {use: metrics.value("pulls_total", upstream="quay.io", cache=use) for use in uses}
    assert found == {"hit": 4, "miss": 1, "check": 1, "stale": 1}
    assert metrics.value("remembered_answers_total") == cache.emulator.remembered_answers.given > 0
    assert metrics.value("remembered_answers_bytes") > 0
    assert metrics.value("requests_total", plane="distribution", operation="GET manifests", status="200") == 7


def test_each_image_that_a_call_pulls_is_a_pull(cache, scrape):
    cache.ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])
    cache.settle()
    cache.ecr.batch_get_image(
        repositoryName=NAME, imageIds=[{"imageTag": "v1"}, {"imageDigest": APP.digest}, {"imageTag": "absent"}]
    )
    metrics = scrape()
    assert metrics.value("pulls_total", upstream="quay.io", cache="miss") == 2
    assert metrics.value("pulls_total", upstream="quay.io", cache="hit") == 2


def test_prefetches_and_refreshes_are_no_pulls_of_clients(cache, scrape):
    cache.http.post("/_ecr/pull", json={"image": f"{NAME}:v1"})
    cache.settle()
    cache.http.post("/_ecr/refresh", json={"image": f"{NAME}:v1"})
    metrics = scrape()
    assert metrics.value("requests_total", plane="admin", operation="POST /_ecr/pull", status="200") == 1
    assert metrics.families["ecr_emulator_pulls"].samples == []
    assert metrics.samples("upstream_requests_total")["200"] >= 3


@pytest.mark.parametrize("size", [1_000, 100_000])
def test_a_remembered_answer_is_counted_as_any_other(cache, scrape, size):
    blob = layer("data", size)  # larger ones are read again, smaller ones are kept
    cache.ecr.create_repository(repositoryName="plain")
    put_image(cache.ecr, "plain", image("plain", blob), "v1")
    token = cache.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    labels, remembered = {"plane": "distribution", "operation": "GET blobs"}, cache.emulator.remembered_answers
    for number in range(1, 5):
        answer = cache.http.get(f"/v2/plain/blobs/{blob.digest}", headers={"Authorization": f"Basic {token}"})
        assert answer.data == blob.raw
        metrics = scrape()
        assert metrics.value("requests_total", **labels, status="200") == number
        assert metrics.value("request_duration_seconds_count", **labels) == number
        assert metrics.value("bytes_total", plane="distribution", direction="sent") == number * len(blob.raw)
    assert remembered.given >= 2
    assert metrics.value("request_duration_seconds_sum", **labels) > 0


def test_bytes_are_counted_in_both_directions(cache, scrape):
    cache.ecr.create_repository(repositoryName="plain")
    before = scrape()
    token = cache.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    headers = {"Authorization": f"Basic {token}"}
    location = cache.http.post("/v2/plain/blobs/uploads/", headers=headers).headers["Location"]
    assert cache.http.patch(location, data=b"x" * 5000, headers=headers).status_code == 202
    after = scrape()

    def bytes_of(metrics, direction):
        return metrics.value("bytes_total", plane="distribution", direction=direction) or 0

    assert bytes_of(after, "received") - bytes_of(before, "received") == 5000
    assert after.value("uploads") == 1
    sent = bytes_of(after, "sent")
    body = cache.http.get("/v2/plain/tags/list", headers=headers).data
    assert bytes_of(scrape(), "sent") - sent == len(body)


def test_upstream_requests_and_bytes_are_counted_by_upstream(cache, upstream, scrape):
    cache.pull(NAME, "v1")
    cache.settle()
    upstream.fail("/manifests/busy", answers(429), count=99)
    cache.manifest(NAME, "busy")
    metrics = scrape()
    by_status = metrics.samples("upstream_requests_total")
    assert by_status["429"] >= 1
    assert sum(by_status.values()) == len(upstream.requests)
    image_bytes = len(APP.raw) + len(APP.config.raw) + sum(len(layer.raw) for layer in APP.layers)
    assert metrics.value("upstream_received_bytes_total", upstream="quay.io") >= image_bytes


def test_an_upstream_without_an_answer_is_counted_as_failed(cache, upstream, scrape):
    upstream.stop()
    assert cache.manifest(NAME, "v1").status_code >= 500
    assert scrape().value("upstream_requests_total", upstream="quay.io", status="failed") >= 1


def test_the_rate_limit_of_an_upstream_is_shown(cache, upstream, scrape):
    assert scrape().value("upstream_rate_limit_remaining", upstream="quay.io") is None
    headers = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "57;w=21600"}
    upstream.fail("/manifests/v1", with_headers(**headers))
    cache.manifest(NAME, "v1")
    assert scrape().value("upstream_rate_limit_remaining", upstream="quay.io") == 57


def test_blobs_are_counted_once_for_all_repositories(cache, scrape):
    for repository in ("one", "two"):
        cache.ecr.create_repository(repositoryName=repository)
        put_image(cache.ecr, repository, APP, "v1")
    blobs = [APP.config, *APP.layers]
    metrics = scrape()
    assert metrics.value("blobs") == len(blobs)
    assert metrics.value("blobs_bytes") == sum(len(blob.raw) for blob in blobs)


def test_the_number_of_blobs_follows_each_change(cache, scrape):
    cache.ecr.create_repository(repositoryName="one")
    put_image(cache.ecr, "one", APP, "v1")
    before = len([APP.config, *APP.layers])
    assert [scrape().value("blobs") for _ in range(4)] == [before] * 4
    put_image(cache.ecr, "one", image("other", layer("other")), "v2")
    assert [scrape().value("blobs") for _ in range(4)] == [before + 2] * 4
    cache.ecr.delete_repository(repositoryName="one", force=True)
    assert [scrape().value("blobs_bytes") for _ in range(4)] == [0] * 4
    cache.ecr.create_repository(repositoryName="one")
    put_image(cache.ecr, "one", APP, "v1")
    assert scrape().value("blobs") == before
    cache.http.post("/_ecr/reset", json={})
    assert [scrape().value("blobs") for _ in range(4)] == [0] * 4


def test_waiting_tasks_are_counted(cache, scrape):
    before = scrape().value("tasks")
    assert before >= 1  # garbage collection waits always
    cache.ecr.create_repository(repositoryName="plain")
    policy = '{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", '
    policy += '"countNumber": 1}, "action": {"type": "expire"}}]}'
    cache.ecr.put_lifecycle_policy(repositoryName="plain", lifecyclePolicyText=policy)
    assert scrape().value("tasks") == before + 1
    assert scrape().value("task_lateness_seconds") == 0


def test_calls_in_progress_and_threads_are_counted(scrape):
    metrics = scrape()
    kinds = ("manifests", "imports", "referrers", "blobs")
    assert [metrics.value("single_flights", kind=kind) for kind in kinds] == [0, 0, 0, 0]
    assert metrics.value("threads") >= 1


def test_no_label_is_the_name_of_a_repository(cache, scrape):
    cache.pull(NAME, "v1")
    samples = (sample for family in scrape().families.values() for sample in family.samples)
    labels = {value for sample in samples for value in sample.labels.values()}
    assert "quay.io" in labels
    assert not any("team" in value for value in labels)


def test_the_usual_address_of_metrics_names_the_right_one(cache):
    answer = cache.http.get("/metrics")
    assert (answer.status_code, answer.json["error"]) == (404, "The metrics are at /_ecr/metrics")


def test_labels_without_end_are_counted_together():
    counters = Counters(most=2)
    for name in "abcd":
        counters.add((name, "x"))
    counters.add(("a", "x"))
    assert counters.totals() == {("a", "x"): 2, ("b", "x"): 1, ("other", "other"): 2}


def test_a_streamed_answer_is_counted_when_it_is_closed():
    records = RequestRecords(CacheHistory(CLOCK.now))

    def wsgi(environ, start_response):
        start_response("206 Partial Content", [])
        return iter([b"one", b"three"])

    ticks = iter([1.0, 1.5])
    counted = CountedRequests(wsgi, records, CLOCK.now, lambda: next(ticks))
    body = counted({"REQUEST_METHOD": "GET"}, lambda *_: None)
    assert list(body) == [b"one", b"three"]
    assert records.counts.totals() == {}
    body.close()
    ((kind, totals),) = records.counts.totals().items()
    assert (kind.status, totals.sent, totals.seconds, sum(totals.buckets)) == ("206", 8, 0.5, 1)


def test_an_application_that_fails_counts_as_500():
    records = RequestRecords(CacheHistory(CLOCK.now))

    def wsgi(environ, start_response):
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        CountedRequests(wsgi, records, CLOCK.now)({"REQUEST_METHOD": "GET"}, lambda *_: None)
    assert [kind.status for kind in records.counts.totals()] == ["500"]


def test_requests_do_not_import_the_library():
    code = (
        "import sys; from werkzeug.test import Client; from ecr_emulator.emulator import Emulator\n"
        "with Emulator() as emulator:\n"
        "    client = Client(emulator.wsgi)\n"
        "    assert client.get('/_ecr/clock', base_url='http://localhost').status_code == 200\n"
        "    assert 'prometheus_client' not in sys.modules\n"
        "    assert client.get('/_ecr/metrics', base_url='http://localhost').status_code == 200\n"
        "    assert 'prometheus_client' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=60)
