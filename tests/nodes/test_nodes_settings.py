"""The clock, the injected faults and the addresses of upstreams are the same on all nodes."""

from datetime import datetime, timedelta
from threading import Thread
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError
from werkzeug.test import Client

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.system import SystemClock
from tests.support.boto import client_of
from tests.support.nodes import ACCOUNT

HOUR = timedelta(hours=1)


def post(node, path, **body):
    response = Client(node.wsgi).post(path, json=body)
    assert response.status_code < 300, response.data
    return response.json


def now_of(node):
    return datetime.fromisoformat(Client(node.wsgi).get("/_ecr/clock").json["now"])


def outcomes(node, number):
    """Return the codes of the answers to a number of calls, each to the next node."""
    ecr = client_of(node, "ecr", account=ACCOUNT)
    codes = []
    for _ in range(number):
        try:
            ecr.describe_registry()
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])
        else:
            codes.append("OK")
    return codes


def test_moves_of_the_clock_add_up(nodes):
    one, other = nodes.emulators
    post(one, "/_ecr/clock", freeze=True)
    began = now_of(one)
    threads = [Thread(target=post, args=(node, "/_ecr/clock"), kwargs={"advance": "1h"}) for node in (one, other) * 3]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert now_of(one) == now_of(other) == began + 6 * HOUR


def test_pauses_for_upstreams_pass_on_all_nodes_when_the_clock_is_moved(nodes):
    one, other = nodes.emulators
    before = other.clock.elapsed()
    post(one, "/_ecr/clock", advance="1h")
    assert now_of(other) - now_of(one) < HOUR / 2
    assert other.clock.elapsed() - before >= HOUR.total_seconds()


def test_a_node_that_starts_later_has_the_time_of_the_others(nodes):
    began = now_of(nodes.emulators[0])
    post(nodes.emulators[0], "/_ecr/clock", set=(began + 9 * HOUR).isoformat())
    post(nodes.emulators[1], "/_ecr/clock", freeze=True)
    later = nodes.start()
    assert now_of(later) == now_of(nodes.emulators[0]) >= began + 9 * HOUR
    post(later, "/_ecr/clock", follow_machine=True)
    assert now_of(nodes.emulators[0]) < began + HOUR


def test_the_clock_of_the_database_counts_and_not_that_of_the_machine_of_a_node(nodes):
    one, other = nodes.emulators
    real = type(one._store).now
    with patch.object(type(one._store), "now", lambda store: real(store) + HOUR):  # this machine is an hour behind
        later = nodes.start()
    assert HOUR - HOUR / 60 < now_of(later) - now_of(one) < HOUR + HOUR / 60
    post(later, "/_ecr/clock", advance="2h")
    assert 2 * HOUR - HOUR / 60 < now_of(other) - SystemClock().now() < 2 * HOUR + HOUR / 60
    assert 3 * HOUR - HOUR / 60 < now_of(later) - SystemClock().now() < 3 * HOUR + HOUR / 60
    post(other, "/_ecr/clock", follow_machine=True)
    assert HOUR - HOUR / 60 < now_of(later) - now_of(one) < HOUR + HOUR / 60
    assert later.clock.ahead == timedelta()


def test_a_move_that_cannot_be_stored_is_undone(nodes):
    one, other = nodes.emulators
    began = now_of(one)
    with (
        patch.object(type(one._store), "_before_commit", side_effect=StorageFailure("gone")),
        pytest.raises(StorageFailure),
    ):
        one.clock.advance(HOUR)
    assert now_of(one) - began < HOUR / 2
    assert now_of(other) - began < HOUR / 2


def test_a_fault_hits_as_many_requests_as_it_should_on_all_nodes_together(nodes):
    post(nodes.emulators[0], "/_ecr/faults", fault="throttling", target="DescribeRegistry", skip=1, count=2)
    assert outcomes(nodes, 6) == ["OK", "ThrottlingException", "ThrottlingException", "OK", "OK", "OK"]
    [fault] = Client(nodes.emulators[1].wsgi).get("/_ecr/faults").json["faults"]
    assert (fault["matched"], fault["hits"]) == (3, 2)


def test_a_fault_hits_as_many_concurrent_requests_as_it_should(nodes):
    post(nodes.emulators[0], "/_ecr/faults", fault="throttling", count=5)
    found = []
    threads = [Thread(target=lambda node=node: found.extend(outcomes(node, 4))) for node in nodes.emulators * 2]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(found) == ["OK"] * 11 + ["ThrottlingException"] * 5


def test_a_probability_hits_the_same_requests_on_all_nodes_together(nodes):
    def hits():
        one, other = nodes.emulators
        fault = post(one, "/_ecr/faults", fault="throttling", probability=0.5, seed=7)
        found = outcomes(nodes, 12)
        assert Client(other.wsgi).delete(f"/_ecr/faults/{fault['id']}").status_code == 200
        return found

    found = hits()
    assert {*found} == {"OK", "ThrottlingException"}
    nodes.stop(nodes.emulators[1])
    nodes.start()
    assert hits() == found


def test_faults_of_an_upstream_are_the_same_on_all_nodes(nodes):
    one, other = nodes.emulators
    path = "/_ecr/upstreams/quay.io/faults"
    post(one, path, fault="status", status=503, count=2)
    assert [each["status"] for each in Client(other.wsgi).get(path).json["faults"]] == [503]
    assert len(other.faults.upstreams.hits("quay.io", "GET", "/v2/")) == 1
    assert len(one.faults.upstreams.hits("quay.io", "GET", "/v2/")) == 1
    assert other.faults.upstreams.hits("quay.io", "GET", "/v2/") == []
    Client(other.wsgi).delete(path)
    assert Client(one.wsgi).get(path).json["faults"] == []


def test_an_address_of_an_upstream_holds_on_all_nodes(nodes):
    one, other = nodes.emulators
    path = "/_ecr/upstreams/quay.io/address"
    with patch.object(other.upstream_hosts, "_forget") as forget:
        Client(one.wsgi).put(path, json={"url": "http://127.0.0.1:9"})
        assert Client(other.wsgi).get(path).json["url"] == "http://127.0.0.1:9"
    forget.assert_called_once()
    Client(other.wsgi).delete(path)
    assert Client(one.wsgi).get(path).json["url"] is None


def test_a_reset_ends_the_faults_of_all_nodes(nodes):
    one, other = nodes.emulators
    post(one, "/_ecr/faults", fault="throttling")
    post(one, "/_ecr/upstreams/quay.io/faults", fault="unreachable")
    post(other, "/_ecr/reset")
    assert outcomes(nodes, 2) == ["OK", "OK"]
    assert Client(one.wsgi).get("/_ecr/upstreams/quay.io/faults").json["faults"] == []
