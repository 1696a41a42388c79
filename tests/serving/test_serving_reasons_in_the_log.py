"""The log states reasons and operations that the answers do not: of a 401, and of calls of other services."""

from base64 import b64encode

import pytest
from werkzeug.test import Client

from ecr_emulator.emulator import Emulator
from ecr_emulator.request_log import RequestLog
from ecr_emulator.settings import Settings

SIGNED = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"


@pytest.fixture(scope="module")
def emulator():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def logged(emulator, caplog):
    """Return a function that sends a request and returns the fields of its log line."""
    caplog.set_level("INFO", "ecr_emulator.requests")
    client = Client(RequestLog(emulator.wsgi))

    def send(method, path, **how):
        client.open(path, base_url="http://localhost:4566", method=method, **how).close()
        return caplog.records[-1].facts

    return send


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (None, "no Authorization header"),
        ("Bearer abc", "not Bearer"),
        ("Basic ???", "not those of docker login"),
        (f"Basic {b64encode(b'AWS:password').decode()}", "not a token of this emulator"),
    ],
)
def test_the_log_states_why_a_client_was_refused(logged, authorization, reason):
    headers = {"Authorization": authorization} if authorization else {}
    facts = logged("GET", "/v2/", headers=headers)
    assert facts["status"] == 401
    assert reason in facts["reason"]


@pytest.mark.parametrize(
    ("service", "how", "operation"),
    [
        ("sts", {"data": {"Action": "GetCallerIdentity", "Version": "2011-06-15"}}, "GetCallerIdentity"),
        ("sns", {"data": {"Action": "ListTopics", "Version": "2010-03-31"}}, "ListTopics"),
        ("cloudformation", {"data": {"Action": "ListStacks", "Version": "2010-05-15"}}, "ListStacks"),
        ("secretsmanager", {"headers": {"X-Amz-Target": "secretsmanager.ListSecrets"}, "data": "{}"}, "ListSecrets"),
    ],
)
def test_the_log_names_the_service_and_the_operation_of_a_request(logged, service, how, operation):
    headers = {"Authorization": SIGNED.format(service)} | how.pop("headers", {})
    facts = logged("POST", "/", headers=headers, **how)
    assert (facts["service"], facts["operation"]) == (service, operation)


def test_the_log_names_the_service_where_no_header_names_the_operation(logged):
    facts = logged("GET", "/bucket", headers={"Authorization": SIGNED.format("s3")})
    assert (facts["service"], facts["method"], facts["path"]) == ("s3", "GET", "/bucket")


@pytest.mark.parametrize(
    ("headers", "reason"), [({}, "there is no token"), ({"Authorization": "Bearer wrong"}, "not the --admin-token")]
)
def test_the_log_states_why_an_endpoint_of_the_emulator_refused_a_client(caplog, headers, reason):
    caplog.set_level("INFO", "ecr_emulator.requests")
    with Emulator(Settings(admin_token="right")) as emulator:
        answer = Client(RequestLog(emulator.wsgi)).get("/_ecr/rules", base_url="http://localhost:4566", headers=headers)
        answer.close()
    facts = caplog.records[-1].facts
    assert (answer.status_code, facts["status"]) == (401, 401)
    assert reason in facts["reason"]
