"""Probes: most are answered without the admin endpoints, and all as if by them."""

import pytest
from werkzeug.test import Client

from ecr_emulator.emulator import Emulator
from ecr_emulator.probes import PROBES
from tests.support.admin_api import ClosingClient


@pytest.fixture(scope="module")
def http():
    with Emulator() as running:
        yield ClosingClient(running.wsgi)


@pytest.mark.parametrize("path", sorted(path for path in PROBES if not path.startswith("/_")))
def test_a_probe_with_a_query_gets_the_answer_of_one_without(http, path):
    plain, other = http.get(path), http.get(path, query_string={"at": "noon"})
    assert (plain.status_code, plain.json, plain.mimetype) == (other.status_code, other.json, other.mimetype)


@pytest.mark.parametrize("path", sorted(PROBES))
def test_the_head_of_a_probe_has_no_body(http, path):
    answer = Client(http.application).head(path)
    assert (answer.status_code, answer.text) == (200, "")
    assert answer.content_length == len(http.get(path).data)


@pytest.mark.parametrize("path", ["/_ecr/health", "/_ecr/ready"])
def test_a_probe_with_an_unknown_key_is_refused(http, path):
    for part, given in {"query": {"query_string": {"at": "noon"}}, "body": {"json": {"at": "noon"}}}.items():
        refused = http.get(path, **given)
        reason = f'The {part} has the unknown key "at"; this address accepts nothing there'
        assert (refused.status_code, refused.json["error"]) == (400, reason)


@pytest.mark.parametrize("path", ["/health", "/_ecr/ready"])
def test_probes_are_counted_by_their_paths(http, path):
    http.get(path)
    line = f'operation="GET {path}",plane="admin",status="200"'
    assert line in http.get("/_ecr/metrics").text
