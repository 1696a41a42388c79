"""Requests that violate HTTP: each interface of the emulator refuses them in its own error format."""

import json

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.serving.granian import GranianServer
from ecr_emulator.serving.listeners import listen
from ecr_emulator.serving.threaded import ThreadedServer
from tests.support.servers import WAIT, connected

TARGET = "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"
QUERY = "Content-Type: application/x-www-form-urlencoded"


@pytest.fixture(scope="module", params=["granian", "werkzeug"])
def port(request):
    with Emulator() as emulator:
        if request.param == "werkzeug":
            with ThreadedServer(emulator.wsgi) as server:
                yield server.port
            return
        server = GranianServer(emulator.wsgi, listen(["127.0.0.1"], 0), threads=4)
        server.start()
        yield server.port
        assert server.stop(WAIT)


def ask(port, *lines, body=b""):
    with connected(port) as wire:
        wire.send(*lines, "Connection: close", body=body)
        status, headers = wire.head()
        return status, headers, wire.file.read().decode()


def code_in_registry(text):
    return json.loads(text)["errors"][0]["code"]


def code_in_api(text):
    return json.loads(text)["__type"]


def error_of_admin(text):
    return "Host" in json.loads(text)["error"] and "named"


def code_in_xml(text):
    return text.partition("<Code>")[2].partition("</Code>")[0]


PARTS = [
    (["GET /v2/ HTTP/1.1"], code_in_registry, "UNSUPPORTED"),
    (["PUT /v2/app/manifests/1 HTTP/1.1"], code_in_registry, "UNSUPPORTED"),
    (["POST / HTTP/1.1", TARGET], code_in_api, "MalformedHttpRequestException"),
    (["GET /_ecr/health HTTP/1.1"], error_of_admin, "named"),
    (["GET / HTTP/1.1"], error_of_admin, "named"),
    (["POST / HTTP/1.1", "X-Amz-Target: secretsmanager.ListSecrets"], code_in_api, "MalformedHttpRequestException"),
    (["POST / HTTP/1.1", QUERY], code_in_xml, "MalformedHttpRequestException"),
]
WRONG = [
    [],
    ["Host:"],
    ["Host: localhost", "Host: localhost"],
    ["Host: localhost", "Host: example.com"],
    ["Host: evil.example, localhost"],
    ["Host: local host"],
    ["Host: localhost@evil"],
    ["Host: http://localhost/"],
    ["Host: localhost:http"],
    ["Host: localhost:65536"],
    [f"Host: localhost:{'9' * 5_000}"],
    ["Host: [::1"],
]


@pytest.mark.parametrize("hosts", WRONG, ids=lambda hosts: str(hosts)[:60])
@pytest.mark.parametrize(("lines", "found_in", "code"), PARTS, ids=[", ".join(lines)[:60] for lines, *_ in PARTS])
def test_a_request_without_exactly_one_valid_host_is_refused(port, lines, found_in, code, hosts):
    status, _, text = ask(port, *lines, *hosts, "Content-Length: 0")
    assert status == 400
    assert found_in(text) == code


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:65535", "[::1]:4566", "127.0.0.1", "a_b", "localhost:", "x.test"]
)
def test_a_host_is_a_host_with_or_without_a_port(port, host):
    assert ask(port, "GET /_ecr/health HTTP/1.1", f"Host: {host}")[0] == 200


def test_a_client_that_is_older_than_the_host_header_is_answered(port):
    assert ask(port, "GET /_ecr/health HTTP/1.0")[0] == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_a_call_of_the_api_by_another_method_is_refused_in_json(port, method):
    status, headers, text = ask(port, f"{method} / HTTP/1.1", "Host: localhost", TARGET, "Content-Length: 0")
    assert (status, headers["content-type"]) == (405, "application/x-amz-json-1.1")
    assert "POST" in headers["allow"]
    assert code_in_api(text) == "UnknownOperationException"
    assert "The API takes POST / only" in json.loads(text)["message"]


def test_a_call_of_the_api_elsewhere_is_refused_in_json(port):
    status, _, text = ask(port, "POST /repositories HTTP/1.1", "Host: localhost", TARGET, "Content-Length: 0")
    assert (status, code_in_api(text)) == (404, "UnknownOperationException")


def test_a_call_of_the_api_that_is_far_too_long_is_refused_in_json(port):
    status, _, text = ask(port, "POST / HTTP/1.1", "Host: localhost", TARGET, "Content-Length: 99999999")
    assert (status, code_in_api(text)) == (413, "RequestEntityTooLargeException")
