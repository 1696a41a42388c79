"""Signature Version 4, checked with ``--verify-signatures`` for keys of IAM and STS."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from werkzeug.test import Client

from ecr_emulator.domain.names import digest_of
from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.system import SystemClock
from tests.support.boto import ENDPOINT, Keys
from tests.support.iam_principals import ACCOUNT, IamAccount, IamPrincipal

TARGET = "AmazonEC2ContainerRegistry_V20150921."
WRONG = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


@pytest.fixture(scope="module")
def emulator():
    """Yield an emulator that verifies signatures and does not enforce IAM: each works without the other."""
    with Emulator(Settings(account=ACCOUNT, verify_signatures=True)) as running:
        yield running
        running.reset()


@pytest.fixture(scope="module")
def ann(emulator):
    return IamAccount(emulator).user()


@pytest.fixture(scope="module")
def session(emulator):
    iam = IamAccount(emulator)
    return iam.session(iam.role())


def refusal(call, **request):
    with pytest.raises(ClientError) as refused:
        call(**request)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


class Signed:
    """A request that botocore signs; tests may change it afterwards."""

    def __init__(self, emulator, keys, *, query=None, headers=None, body=b"{}", service="ecr", at=None):
        self.http = Client(emulator.wsgi)
        self.body = body = body if query is None else b""  # botocore signs no body in a URL
        names = {"X-Amz-Target": f"{TARGET}DescribeRegistry", "Content-Type": "application/x-amz-json-1.1"}
        self.request = AWSRequest("POST", f"{ENDPOINT}/", headers=names | (headers or {}), data=body)
        credentials = Credentials(*keys)
        auth = (
            SigV4Auth(credentials, service, "us-east-1")
            if query is None
            else SigV4QueryAuth(credentials, service, "us-east-1", expires=query)
        )
        auth.add_auth(self.request) if at is None else self._sign_at(auth, at)

    def _sign_at(self, auth, at):
        from unittest.mock import patch

        with patch("botocore.auth.get_current_datetime", return_value=at):
            auth.add_auth(self.request)

    def send(self):
        path = self.request.url.removeprefix(ENDPOINT)
        answer = self.http.post(path, base_url=ENDPOINT, headers=dict(self.request.headers.items()), data=self.body)
        content = json.loads(answer.data)
        return (content["__type"], content["message"]) if "__type" in content else answer.status_code


# --- Accepted requests -----------------------------------------------------------------------------------


def test_a_signature_of_boto3_is_accepted(ann, session):
    for somebody in (ann, session):
        assert somebody.ecr.create_repository(repositoryName=f"signed/{somebody.keys.access_key.lower()}")
        assert somebody.send("GET", "/v2/_catalog").status_code == 200


def test_a_presigned_url_is_good_for_its_lifetime(emulator, ann, session):
    now = datetime.now(UTC)
    for somebody in (ann, session):
        assert Signed(emulator, somebody.keys, query=60).send() == 200
        assert Signed(emulator, somebody.keys, query=7200, at=now - timedelta(hours=1)).send() == 200
        code, message = Signed(emulator, somebody.keys, query=60, at=now - timedelta(hours=1)).send()
        assert (code, message[:18]) == ("InvalidSignatureException", "Signature expired:")


def test_a_body_may_be_left_out_of_the_signature(emulator, ann):
    signed = Signed(emulator, ann.keys, headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    signed.body = b'{"registryId": "any"}'
    assert signed.send() == 200


def test_the_hash_of_the_body_may_be_declared_but_must_be_its_own(emulator, ann):
    declared = {"X-Amz-Content-SHA256": digest_of(b"{}").removeprefix("sha256:")}
    assert Signed(emulator, ann.keys, headers=declared).send() == 200
    signed = Signed(emulator, ann.keys, headers=declared)
    signed.body = b'{"other": 1}'
    assert signed.send() == ("InvalidSignatureException", WRONG)


def test_the_http_date_header_is_accepted_as_signing_time(emulator, ann):
    assert Signed(emulator, ann.keys, headers={"Date": "any"}).send() == 200


def test_signatures_of_keys_without_a_known_secret_are_not_verified(emulator):
    for access_key in (ACCOUNT, "AKIASTRANGER"):
        assert IamPrincipal(emulator, "", Keys(access_key, "whatever")).ecr.describe_registry()


# --- Refused requests ------------------------------------------------------------------------------------


def test_a_signature_with_a_wrong_secret_is_refused(emulator, ann, session):
    for keys in (ann.keys, session.keys):
        impostor = IamPrincipal(emulator, "", keys._replace(secret="guessed"))
        assert refusal(impostor.ecr.describe_registry) == ("InvalidSignatureException", WRONG)


@pytest.mark.parametrize("query", [None, 60])
def test_a_request_that_is_changed_after_signing_is_refused(emulator, ann, query):
    body = Signed(emulator, ann.keys, query=query)
    body.body = b'{"other": 1}'
    target = Signed(emulator, ann.keys, query=query)
    target.request.headers.replace_header("X-Amz-Target", f"{TARGET}GetAuthorizationToken")
    assert [signed.send() for signed in (body, target)] == [("InvalidSignatureException", WRONG)] * 2


def test_a_presigned_query_cannot_be_changed(emulator, ann):
    signed = Signed(emulator, ann.keys, query=60)
    signed.request.url = signed.request.url.replace("Expires=60", "Expires=6000")
    assert signed.send() == ("InvalidSignatureException", WRONG)


def test_a_session_without_its_token_or_with_another_is_refused(emulator, ann, session):
    for token in (None, "another"):
        thief = IamPrincipal(emulator, "", session.keys._replace(session_token=token))
        assert refusal(thief.ecr.describe_registry)[0] == "UnrecognizedClientException"


@pytest.mark.parametrize(
    ("late", "message"),
    [
        (-4, None),
        (4, None),
        (-6, "Signature expired: 20260101T115400Z is now earlier than 20260101T115500Z (20260101T120000Z - 5 min.)"),
        (6, "Signature not yet current: 20260101T120600Z is still later than 20260101T120500Z "
            "(20260101T120000Z + 5 min.)"),
    ],
)  # fmt: skip
def test_a_clock_may_differ_by_five_minutes(emulator, ann, monkeypatch, late, message):
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    monkeypatch.setattr(SystemClock, "now", lambda _: noon)
    answer = Signed(emulator, ann.keys, at=noon + timedelta(minutes=late)).send()
    assert answer == (("InvalidSignatureException", message) if message else 200)


def test_a_signature_is_for_one_service_and_one_day(emulator, ann):
    assert Signed(emulator, ann.keys, service="s3").send() == (
        "InvalidSignatureException",
        "Credential should be scoped to correct service: 'ecr'.",
    )
    signed = Signed(emulator, ann.keys)
    today = f"{datetime.now(UTC):%Y%m%d}"
    header = signed.request.headers["Authorization"].replace(f"/{today}/", "/20200101/")
    signed.request.headers.replace_header("Authorization", header)
    code, message = signed.send()
    assert code == "InvalidSignatureException"
    assert message.startswith(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP"
    )


@pytest.mark.parametrize("text", ["", "yesterday", "20261126", "20269999T999999Z"])
def test_an_invalid_signing_time_is_reported_as_missing(emulator, ann, text):
    signed = Signed(emulator, ann.keys)
    signed.request.headers.replace_header("X-Amz-Date", text)
    code, message = signed.send()
    assert (code, "'X-Amz-Date'" in message) == ("IncompleteSignatureException", True)


def test_an_http_date_out_of_range_is_reported_as_missing(emulator, ann):
    signed = Signed(emulator, ann.keys, headers={"Date": "any"})
    signed.request.headers.replace_header("Date", "Fri, 31 Dec 9999 23:59:59 -2359")
    code, message = signed.send()
    assert (code, "'X-Amz-Date'" in message) == ("IncompleteSignatureException", True)


@pytest.mark.parametrize("lifetime", ["0", "604801", "-1", "x", "9" * 30, "000000001999999999999"])
def test_the_lifetime_of_a_presigned_url_has_limits(emulator, ann, lifetime):
    signed = Signed(emulator, ann.keys, query=60)
    signed.request.url = signed.request.url.replace("Expires=60", f"Expires={lifetime}")
    code, message = signed.send()
    assert (code, "'X-Amz-Expires'" in message) == ("IncompleteSignatureException", True)


def test_the_emulators_clock_does_not_matter(emulator, ann):
    emulator.clock.advance(timedelta(days=3))
    assert ann.ecr.describe_registry()
