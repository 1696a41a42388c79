"""The AWS JSON 1.1 protocol: requests, answers, and the order of checks."""

from __future__ import annotations

import json
import logging
import re
from io import BytesIO
from urllib.parse import urlencode

import pytest
from werkzeug.test import Client

from ecr_emulator.control.app import ControlApp
from ecr_emulator.control.dispatch import find_operation, handlers_by_operation
from ecr_emulator.control.handlers import HANDLERS
from ecr_emulator.errors import ImageNotFoundException
from ecr_emulator.ports.identities import AccessKey

PREFIX = "AmazonEC2ContainerRegistry_V20150921."
SCOPE = "{key}/20260304/{region}/ecr/aws4_request"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def authorization(key="test", region="us-east-1"):
    credential = SCOPE.format(key=key, region=region)
    return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature=0123abcd"


@pytest.fixture
def post(plane):
    """Return a function that sends a body to an operation. It leaves out headers that are None."""

    def send(operation="DescribeRepositories", body="{}", wsgi=plane.wsgi, query="", **headers):
        standard = {"X-Amz-Target": PREFIX + operation, "Authorization": authorization()}
        given = {name: value for name, value in (standard | headers).items() if value is not None}
        return Client(wsgi).post("/", data=body, query_string=query, headers=given)

    return send


def content(response):
    return json.loads(response.data)


def error(response):
    return response.status_code, content(response)["__type"], content(response)["message"]


def created(post, **headers):
    """Create a repository and return its description in the answer."""
    return content(post("CreateRepository", '{"repositoryName": "team/app"}', **headers))["repository"]


# --- Answers ---------------------------------------------------------------------------------------------


def test_answers_are_json_with_a_request_id(post):
    response = post()
    assert (response.status_code, content(response)) == (200, {"repositories": []})
    assert response.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert UUID.fullmatch(response.headers["x-amzn-RequestId"])


def test_errors_are_json_with_a_request_id(post):
    response = post("DeleteRepository", '{"repositoryName": "nowhere"}')
    assert error(response) == (
        400,
        "RepositoryNotFoundException",
        "The repository with name 'nowhere' does not exist in the registry with id '000000000000'",
    )
    assert response.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert UUID.fullmatch(response.headers["x-amzn-RequestId"])


def test_every_request_has_an_id_of_its_own(post):
    assert post().headers["x-amzn-RequestId"] != post().headers["x-amzn-RequestId"]


def test_times_are_epoch_seconds_with_milliseconds(post, clock):
    assert created(post)["createdAt"] == clock.now().timestamp() == 1772600767.089


def test_errors_carry_the_members_that_their_shape_declares(ecr):
    ecr.create_repository(repositoryName="team/app")
    upload = ecr.initiate_layer_upload(repositoryName="team/app")["uploadId"]
    with pytest.raises(ecr.exceptions.InvalidLayerPartException) as refused:
        ecr.upload_layer_part(
            repositoryName="team/app", uploadId=upload, partFirstByte=5, partLastByte=6, layerPartBlob=b"ab"
        )
    members = ("registryId", "repositoryName", "uploadId")
    assert [refused.value.response[name] for name in members] == ["000000000000", "team/app", upload]


# --- Requests --------------------------------------------------------------------------------------------


def test_an_empty_body_is_an_empty_request(post):
    assert content(post(body="")) == {"repositories": []}


def test_unknown_members_are_ignored_and_null_is_absent(post):
    body = '{"unknown": [1], "maxResults": null, "repositoryNames": null}'
    assert content(post(body=body)) == {"repositories": []}


@pytest.mark.parametrize("content_type", [None, "application/json", "application/x-amz-json-1.1; charset=utf-8"])
def test_any_content_type_is_accepted(post, content_type):
    assert post(**{"Content-Type": content_type}).status_code == 200


@pytest.mark.parametrize("body", ["{", "nonsense", b"\xff", "[" * 100_000])
def test_a_body_that_is_not_json_is_refused(post, body):
    status, code, _ = error(post(body=body))
    assert (status, code) == (400, "SerializationException")


@pytest.mark.parametrize(
    ("operation", "body", "reason"),
    [
        ("DescribeRepositories", "[]", "the body must be an object, and is a list"),
        ("DescribeRepositories", '{"maxResults": "5"}', "'maxResults' must be a whole number, and is a string"),
        ("DescribeRepositories", '{"maxResults": true}', "'maxResults' must be a whole number, and is a boolean"),
        ("DescribeRepositories", '{"maxResults": 1.5}', "'maxResults' must be a whole number, and is a number"),
        ("DescribeRepositories", '{"repositoryNames": "app"}', "'repositoryNames' must be a list, and is a string"),
        ("DescribeRepositories", '{"repositoryNames": [null]}', "'repositoryNames' must be a string, and is null"),
        ("DeleteRepository", '{"force": "yes"}', "'force' must be a boolean, and is a string"),
        ("CreateRepository", '{"tags": [{"Key": {}}]}', "'tags.Key' must be a string, and is an object"),
        ("UploadLayerPart", '{"layerPartBlob": "&"}', "'layerPartBlob' must be base64 in a string, and is a string"),
    ],
)
def test_a_value_of_a_wrong_type_is_named(post, operation, body, reason):
    assert error(post(operation, body)) == (
        400,
        "SerializationException",
        f"The request body is not what the operation expects: {reason}",
    )


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        (
            "CreateRepositoryCreationTemplate",
            r'{"prefix": "team", "appliedFor": ["REPLICATION"], "description": "\ud800"}',
        ),
        ("ListTagsForResource", r'{"resourceArn": "arn:aws:ecr:us-east-1:000000000000:repository/\ud800"}'),
    ],
)
def test_a_lone_surrogate_is_refused(post, operation, body):
    assert error(post(operation, body))[:2] == (400, "SerializationException")


# --- Operations ------------------------------------------------------------------------------------------


def test_an_operation_that_is_not_emulated_says_so(post, monkeypatch):
    monkeypatch.delitem(handlers_by_operation(), "StartImageScan")
    find_operation.cache_clear()
    assert error(post("StartImageScan")) == (
        400,
        "UnknownOperationException",
        "StartImageScan is an operation of Amazon ECR that is not emulated yet.",
    )


@pytest.mark.parametrize("target", ["Elsewhere.DescribeRepositories", PREFIX + "Nonsense", PREFIX, "nonsense"])
def test_the_error_for_an_unknown_operation_names_it(post, target):
    status, code, message = error(post(**{"X-Amz-Target": target}))
    assert (status, code) == (400, "UnknownOperationException")
    assert f"'{target}'" in message


def test_a_request_without_target_has_an_error_of_its_own(post):
    status, code, message = error(post(**{"X-Amz-Target": None}))
    assert (status, code) == (400, "UnknownOperationException")
    assert "X-Amz-Target" in message


def test_a_handler_must_have_the_name_of_an_operation(monkeypatch):
    monkeypatch.setitem(HANDLERS, "make_coffee", HANDLERS["tag_resource"])
    with pytest.raises(LookupError, match="make_coffee"):
        handlers_by_operation.__wrapped__()


def test_the_target_is_checked_before_the_caller_and_the_caller_before_the_body(post):
    nothing_right = {"Authorization": None, "body": "{"}
    assert error(post("Nonsense", **nothing_right))[1] == "UnknownOperationException"
    assert error(post(**nothing_right))[1] == "MissingAuthenticationTokenException"
    assert error(post(body="{"))[1] == "SerializationException"


# --- Callers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "Basic QVdTOnB3",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=test/20260304/us-east-1/ecr/aws4_request",
        "AWS4-HMAC-SHA256 Credential=test/20260304/us-east-1, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=test/20260304/US EAST/ecr/aws4_request, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=, SignedHeaders=host, Signature=0",
    ],
)
def test_a_signature_with_missing_parts_is_incomplete(post, header):
    status, code, message = error(post(Authorization=header))
    assert (status, code) == (400, "IncompleteSignatureException")
    assert message.startswith("The Authorization header is not a complete AWS Signature Version 4: ")


def test_an_access_key_of_12_digits_is_an_account(post):
    answer = created(post, Authorization=authorization("123456789012", "eu-west-1"))
    assert answer["repositoryArn"] == "arn:aws:ecr:eu-west-1:123456789012:repository/team/app"


def test_other_access_keys_belong_to_the_home_account(post):
    assert created(post, Authorization=authorization("AKIAEXAMPLE"))["registryId"] == "000000000000"


def test_a_presigned_query_names_the_caller_too(post):
    query = urlencode({"X-Amz-Credential": SCOPE.format(key="123456789012", region="eu-west-1")})
    assert created(post, Authorization=None, query=query)["registryId"] == "123456789012"


def test_an_access_key_of_iam_belongs_to_its_account(plane, post):
    ann = AccessKey("111122223333", "arn:aws:iam::111122223333:user/ann", "secret")
    plane.identities.keys["AKIAKNOWN"] = ann
    assert created(post, Authorization=authorization("AKIAKNOWN"))["registryId"] == "111122223333"


# --- Internal errors -------------------------------------------------------------------------------------


def test_an_unexpected_failure_is_a_server_exception_and_logged(plane, post, monkeypatch, caplog):
    monkeypatch.setattr(plane.services.store, "reading", None)
    with caplog.at_level(logging.ERROR):
        response = post(wsgi=ControlApp(plane.services, plane.callers))
    status, code, message = error(response)
    request_id = response.headers["x-amzn-RequestId"]
    assert (status, code) == (500, "ServerException")
    assert request_id in message
    assert request_id in caplog.text
    assert "Traceback" in caplog.text
    assert "Traceback" not in response.text


def test_a_strict_endpoint_refuses_answers_that_the_model_does_not_describe(plane, post, monkeypatch):
    monkeypatch.setattr(type(plane.services.addresses), "repository_uri", lambda *_: 5)
    with pytest.raises(AssertionError, match="repositoryUri: 5 is not of type 'string'"):
        created(post)


def test_a_strict_endpoint_refuses_errors_that_the_model_does_not_declare(plane, post, monkeypatch):
    def undeclared(*_):
        raise ImageNotFoundException("no such image")

    monkeypatch.setattr(plane.services.store, "reading", undeclared)
    with pytest.raises(AssertionError, match="DescribeRepositories does not declare ImageNotFoundException"):
        post()


def test_a_body_above_the_maximum_is_not_read(post):
    assert post(body=b" " * (64 * 1024 * 1024 + 1)).status_code == 413


@pytest.mark.parametrize("length", ["3", "9999999", "99999999"])
def test_a_body_that_is_not_as_long_as_announced_is_refused(plane, length):
    headers = {"X-Amz-Target": PREFIX + "DescribeRepositories", "Authorization": authorization()}
    given = {"CONTENT_LENGTH": length, "wsgi.input": BytesIO(b"{}")}
    assert Client(plane.wsgi).post("/", headers=headers, environ_overrides=given).status_code in (400, 413)


def test_json_in_answers_is_ascii(post):
    body = json.dumps({"repositoryName": "team/größe"})
    assert post("CreateRepository", body).data.isascii()
