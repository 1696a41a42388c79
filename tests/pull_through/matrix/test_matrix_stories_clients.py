"""Cells that need a story: many clients, slow clients, clients that leave, and guarantees for all clients."""

import os
from base64 import b64encode
from datetime import timedelta
from functools import partial
from threading import Event
from threading import enumerate as enumerate_threads

import pytest

from ecr_emulator.ports.upstream_failures import UpstreamFailure
from ecr_emulator.services.pull_through.client_wait import CLIENT_WAIT
from ecr_emulator.testing.upstream.auth import Bearer
from ecr_emulator.testing.upstream.faults import answers, corrupted, stalls
from ecr_emulator.testing.upstream.images import FOREIGN_LAYER, image, layer
from ecr_emulator.upstream.retries import Retries
from tests.pull_through.matrix import breaks
from tests.pull_through.matrix.scenario import APP, CHILD, LAYER, NAME, TEAM
from tests.pull_through.matrix.stories import Beside, at_once, changed, stopping_at, wrong_at_the_end
from tests.support.damage import damage_blob


def test_a_clock_that_is_set_back_costs_no_token_and_no_storm(at):
    scenario = at("T", auth=Bearer(expires_in=90_000))
    assert scenario.act().said == "200"
    scenario.finish_import()
    tokens = scenario.tokens.count("GET", "/token")
    scenario.cache.advance(hours=24, minutes=10)
    scenario.upstream.fail("HEAD", answers(503), count=3)
    scenario.upstream.fail("HEAD /manifests/", answers(503), count=99)
    assert scenario.act().body == APP.raw
    failed = scenario.upstream.count("HEAD", "/manifests/")
    scenario.cache.emulator.clock.advance(-timedelta(hours=1))
    for _ in range(5):
        assert scenario.act().body == APP.raw
    assert scenario.upstream.count("HEAD", "/manifests/") == failed
    assert scenario.tokens.count("GET", "/token") == tokens
    scenario.upstream.heal()
    scenario.check_recovery()


def test_a_fetch_finishes_though_its_client_has_left(at, monkeypatch):
    scenario = at("M")
    go_on = Event()
    scenario.upstream.fail(scenario.target, stalls(go_on))
    monkeypatch.setattr("ecr_emulator.services.pull_through.manifests.CLIENT_WAIT", 0.05)
    delivered = scenario.act()
    assert (delivered.said, delivered.headers["Retry-After"]) == ("503 UNKNOWN", "1")
    monkeypatch.undo()
    go_on.set()
    assert scenario.act().body == APP.raw
    assert len(scenario.asked()) == 1
    scenario.may_import.set()
    scenario.check_recovery()


def test_a_fill_ends_though_its_client_has_left(at):
    scenario = at("B")
    go_on = Event()
    scenario.upstream.fail(scenario.target, stalls(go_on, after=100_000))
    answer = scenario.cache.get(f"/v2/{NAME}/blobs/{LAYER.digest}")
    next(answer.iter_encoded())
    answer.close()
    go_on.set()
    assert scenario.act().body == LAYER.raw
    assert len(scenario.asked()) == 1
    scenario.check_recovery()


@pytest.mark.parametrize("phase", ["T", "R", "M", "B", "F"])
def test_twenty_clients_at_once_are_one_request(at, phase):
    scenario = at(phase)
    go_on = Event()
    scenario.victim.fail(scenario.target, stalls(go_on))
    asking = [Beside(scenario.act) for _ in range(20)]
    go_on.set()
    answers_ = [each.result() for each in asking]
    assert {(each.said, each.body) for each in answers_} == {("200", answers_[0].body)}
    assert len(scenario.asked()) == 1
    scenario.check_recovery()


def test_a_slow_client_holds_nobody_up(at):
    scenario = at("B")
    slow = scenario.cache.get(f"/v2/{NAME}/blobs/{LAYER.digest}").iter_encoded()
    begun = next(slow)
    assert [each.body for each in at_once(*[scenario.act] * 4)] == [LAYER.raw] * 4
    scenario.cache.pull(NAME, "v1")
    assert begun + b"".join(slow) == LAYER.raw
    assert len(scenario.asked()) == 1
    scenario.check_recovery()


def test_many_cold_blobs_are_fetched_by_a_few_threads(at):
    scenario = at("M")
    blobs = [layer(number, 100) for number in range(40)]
    scenario.upstream.add_image(TEAM, image("many", *blobs), "v1")
    assert scenario.act().said == "200"
    reached, go_on = Event(), Event()
    scenario.upstream.fail("/blobs/", stopping_at(reached, go_on), count=99)
    asking = [Beside(partial(scenario.get, f"blobs/{blob.digest}")) for blob in blobs]
    assert reached.wait(60)
    busy = [thread for thread in enumerate_threads() if thread.name.startswith("pull-through-blob")]
    go_on.set()
    assert [each.result().body for each in asking] == [blob.raw for blob in blobs]
    assert 0 < len(busy) <= 16
    assert scenario.upstream.count("GET", "/blobs/") == len(blobs)


@pytest.mark.parametrize(
    ("span", "part"),
    [
        ("0-0", LAYER.raw[:1]),
        ("1000-149999", LAYER.raw[1_000:150_000]),
        ("150000-", LAYER.raw[150_000:]),
        ("-10", LAYER.raw[-10:]),
        ("199999-199999", LAYER.raw[-1:]),
    ],
)
def test_a_part_of_a_cold_blob_is_the_right_part_and_one_request(at, span, part):
    scenario = at("B")
    delivered = scenario.get(f"blobs/{LAYER.digest}", Range=f"bytes={span}")
    assert (delivered.said, delivered.body) == ("206", part)
    assert delivered.headers["Content-Length"] == str(len(part))
    scenario.cache.emulator._downloads.settle(20)
    assert len(scenario.asked()) == 1
    assert scenario.act().body == LAYER.raw
    assert len(scenario.asked()) == 1
    scenario.check_recovery()


def test_clients_hear_of_an_unreachable_upstream_before_they_time_out():
    retries = Retries()
    pauses = sum(retries.first_pause * 2**number * 1.2 for number in range(retries.attempts - 1))
    assert retries.attempts * retries.connect_timeout + pauses < CLIENT_WAIT
    assert retries.document_timeout <= 15


def test_the_reason_why_a_certificate_is_not_trusted_is_told(at):
    scenario = at("M", tls=True)
    with breaks.distrusted("127.0.0.2", stranger=False)(scenario, 1):
        assert scenario.act().said == "503 UNKNOWN"
    reason = scenario.cache.http.get("/_ecr/events").json["events"][-1]["detail"]["failure-reason"]
    assert "certificate verify failed" in reason
    assert "127.0.0.1" in reason


def test_a_client_hears_what_is_to_come_before_the_upstream_says_a_word(at, monkeypatch):
    monkeypatch.setattr("ecr_emulator.services.pull_through.blob_download.CLIENT_WAIT", 0.05)
    scenario = at("B")
    go_on = Event()
    scenario.upstream.fail(scenario.target, stalls(go_on))
    answer = scenario.cache.get(f"/v2/{NAME}/blobs/{LAYER.digest}")
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(LAYER.size))
    go_on.set()
    assert b"".join(answer.iter_encoded()) == LAYER.raw


def test_a_small_blob_that_arrives_wrong_is_fetched_once_more_over_another_connection(at):
    scenario = at("B")
    config = CHILD.config
    connections = scenario.upstream.connections
    scenario.upstream.fail(f"/blobs/{config.digest}", wrong_at_the_end)
    delivered = scenario.get(f"blobs/{config.digest}")
    assert (delivered.said, delivered.body) == ("200", config.raw)
    assert scenario.upstream.count("GET", f"/blobs/{config.digest}") == 2
    assert scenario.upstream.connections > connections


def test_a_client_never_gets_the_beginning_of_one_attempt_and_the_end_of_another(at):
    scenario = at("B")
    go_on = Event()
    scenario.upstream.fail(
        scenario.target, lambda request, reply: stalls(go_on, 150_000)(request, corrupted()(request, reply))
    )
    body = scenario.cache.get(f"/v2/{NAME}/blobs/{LAYER.digest}").iter_encoded()
    assert not LAYER.raw.startswith(next(body))
    go_on.set()
    with pytest.raises(UpstreamFailure):
        list(body)
    scenario.cache.emulator._downloads.settle(20)
    assert scenario.act().body == LAYER.raw
    assert len(scenario.asked()) == 2


def test_a_blob_that_arrived_wrong_is_left_alone_for_a_minute(at):
    scenario = at("B")
    scenario.upstream.fail(scenario.target, wrong_at_the_end, count=2)
    assert scenario.act().said in ("200 cut", "503 UNKNOWN")
    scenario.cache.emulator._downloads.settle(20)
    assert scenario.act().said == "503 UNKNOWN"
    assert len(scenario.asked()) == 2
    scenario.cache.advance(minutes=1)
    assert scenario.act().body == LAYER.raw


@pytest.mark.parametrize("left", [0, 100, LAYER.size - 1])
def test_a_cached_blob_that_lost_bytes_is_fetched_again(at, left):
    scenario = at("B")
    assert scenario.act().said == "200"
    damage_blob(scenario.cache.emulator, LAYER.digest, lambda file: os.truncate(file, left))
    assert scenario.act().body == LAYER.raw
    assert len(scenario.asked()) == 2
    scenario.check_recovery()


def test_blobs_that_come_with_the_manifest_and_those_of_no_bytes_are_not_asked_for(at):
    scenario = at("M")
    empty, inline, foreign = layer("empty", 0), layer("inline", 50), layer("foreign", 70, FOREIGN_LAYER)
    linked = layer("linked", 90)

    def change(document):
        document["layers"][1]["data"] = b64encode(inline.raw).decode()
        for described in document["layers"][2:]:
            described["urls"] = ["https://elsewhere.test/layer"]

    app = changed(image("inline", empty, inline, foreign, linked), change)
    scenario.upstream.add_image(TEAM, app, "v1")
    assert scenario.act().body == app.raw
    assert scenario.get(f"blobs/{inline.digest}").body == inline.raw
    assert scenario.get(f"blobs/{empty.digest}").body == b""
    scenario.finish_import()
    assert scenario.told() == "SUCCESS"
    asked = {each.path.rpartition("/")[2] for each in scenario.upstream.asked("GET", "/blobs/")}
    assert asked == {app.config.digest, linked.digest}, "foreign layers are fetched only for requests of clients"
    assert scenario.get(f"blobs/{foreign.digest}").body == foreign.raw


def test_inline_bytes_that_are_not_the_blobs_are_not_believed(at):
    scenario = at("M")
    app = changed(image("liar", LAYER), lambda it: it["layers"][0].update(data="bm90IHRoZSBieXRlcw=="))
    scenario.upstream.add_image(TEAM, app, "v1")
    assert scenario.act().body == app.raw
    assert scenario.get(f"blobs/{LAYER.digest}").body == LAYER.raw
