"""Failures of S3: each names the bucket and the object, and what to change."""

from __future__ import annotations

import socket
from contextlib import closing
from types import SimpleNamespace

import pytest
from botocore import endpoint

from ecr_emulator.domain.names import digest_of
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.blobs.s3.bucket import Bucket
from ecr_emulator.storage.blobs.s3.keys import key_of
from ecr_emulator.storage.blobs.s3.owner import BlobBucket
from ecr_emulator.storage.blobs.s3_place import read_place
from tests.support.other_program import Program
from tests.support.s3 import credentials, hangs_up, refuses

KEY = key_of(digest_of(b"a layer"))


@pytest.fixture
def place(moto_s3, monkeypatch):
    """An empty prefix of a bucket. Requests are repeated at once."""
    monkeypatch.setattr(endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    yield read_place(moto_s3.new_url())
    moto_s3.faults.clear()


@pytest.fixture
def bucket(place):
    with closing(Bucket(place)) as bucket:
        yield bucket


def failure(function, *arguments):
    """Return the text of the failure of a call."""
    with pytest.raises(StorageFailure) as failed:
        function(*arguments)
    return str(failed.value)


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("NoSuchBucket", "Create this bucket, or name another one with --blobs"),
        ("AccessDenied", "The credentials must allow s3:GetObject, PutObject, DeleteObject, ListBucket, "),
        ("InvalidAccessKeyId", "Give the access key of this server with AWS_ACCESS_KEY_ID or a profile; "),
        ("SignatureDoesNotMatch", "Give the secret of the access key with AWS_SECRET_ACCESS_KEY or a profile"),
        ("ExpiredToken", "Renew the session (AWS_SESSION_TOKEN)"),
        ("RequestTimeTooSkewed", "Set the time of this machine right"),
        ("PermanentRedirect", "Add region=REGION, that of the bucket, to the options of --blobs"),
    ],
)
def test_a_refusal_names_the_object_and_what_to_change(bucket, place, moto_s3, code, hint):
    moto_s3.faults.fail("", refuses("403 Forbidden", code))
    requests = {"GetObject": bucket.content, "PutObject": lambda key: bucket.put(key, b"")}
    for operation, request in requests.items():
        address = f"s3://{place.bucket}/layers/{KEY}"
        said = failure(request, KEY)
        assert said.startswith(f"S3 refuses {operation} for {address}: {code}: of the test. {hint}")


@pytest.mark.parametrize("code", ["OperationAborted", "ExistingObjectIsDirectory"])
def test_a_write_that_another_request_was_in_the_way_of_is_tried_again(bucket, moto_s3, code):
    moto_s3.faults.fail("PUT ", refuses("409 Conflict", code), 3)
    bucket.put(KEY, b"a layer")
    assert moto_s3.faults.count(KEY) == 4
    assert bucket.content(KEY) == b"a layer"


def test_a_write_that_other_requests_are_always_in_the_way_of_fails(bucket, moto_s3):
    moto_s3.faults.fail("PUT ", refuses("409 Conflict", "ExistingObjectIsDirectory"))
    assert "ExistingObjectIsDirectory: of the test" in failure(bucket.put, KEY, b"")
    assert moto_s3.faults.count(KEY) == 4


def test_a_refusal_without_a_code_names_both_the_credentials_and_what_they_must_allow(bucket, place, moto_s3):
    moto_s3.faults.fail("HEAD ", refuses("403 Forbidden", "AccessDenied"))  # answers to HEAD have no body
    said = failure(bucket.head, KEY)
    assert said.startswith(
        f"S3 refuses HeadObject for s3://{place.bucket}/layers/{KEY}: 403: Forbidden. Check the cred"
    )
    assert "ListBucket" in said


def test_a_refusal_tells_the_region_of_the_bucket(bucket, place, moto_s3):
    def answer(_app, _environ, start):
        start("400 Bad Request", [("Content-Type", "application/xml")])
        code = "AuthorizationHeaderMalformed"
        message = "the region 'us-east-1' is wrong; expecting 'eu-west-1'"
        return [f"<Error><Code>{code}</Code><Message>{message}</Message><Region>eu-west-1</Region></Error>".encode()]

    moto_s3.faults.fail("GET ", answer)
    assert failure(bucket.content, KEY).endswith("Add region=eu-west-1 to the options of --blobs")


def test_a_refusal_of_a_listing_names_the_prefix(bucket, place, moto_s3):
    moto_s3.faults.fail("", refuses("403 Forbidden", "AccessDenied"))
    said = failure(lambda: list(bucket.objects("blobs/")))
    assert said.startswith(f"S3 refuses ListObjectsV2 for s3://{place.bucket}/layers/: AccessDenied: of the test. The")


def test_the_refused_one_of_many_deletions_is_named(bucket, place, moto_s3):
    def answer(_app, environ, start):
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start("200 OK", [("Content-Type", "application/xml")])
        error = f"<Error><Key>layers/{KEY}</Key><Code>AccessDenied</Code><Message>No</Message></Error>"
        return [f"<DeleteResult>{error}</DeleteResult>".encode()]

    moto_s3.faults.fail("POST ", answer)
    said = failure(bucket.delete_all, ["blobs/other", KEY])
    assert said.startswith(f"S3 refuses DeleteObjects for s3://{place.bucket}/layers/{KEY}: AccessDenied: No. The cred")


def test_a_missing_bucket_is_named(place):
    url = place.url.replace(place.bucket, "missing-bucket")
    with closing(Bucket(read_place(url))) as bucket:
        said = failure(BlobBucket(bucket, place).owner)
    assert said.startswith("S3 refuses GetObject for s3://missing-bucket/layers/ecr.database: NoSuchBucket: ")


def test_a_server_that_cannot_be_reached_is_named():
    with credentials(), closing(Bucket(read_place("s3://team/ecr?endpoint=http://127.0.0.1:9"))) as bucket:
        said = failure(bucket.head, KEY)
    assert said.startswith(f"S3 cannot be used for s3://team/ecr/{KEY}: Could not connect to the endpoint URL: ")
    assert said.endswith(
        "Check that the server runs, and the endpoint in --blobs or AWS_ENDPOINT_URL_S3; it may need addressing=path"
    )


def test_a_server_without_tls_is_named(moto_s3):
    address = moto_s3.endpoint.replace("http:", "https:")
    with closing(Bucket(read_place(f"s3://team?endpoint={address}"))) as bucket:
        said = failure(bucket.head, KEY)
    assert f"S3 cannot be used for s3://team/{KEY}: SSL validation failed for {address}" in said
    assert said.endswith(
        "The endpoint may need http:// instead of https://, or AWS_CA_BUNDLE the certificate of its issuer"
    )


def test_a_connection_that_breaks_off_names_the_object(bucket, place, moto_s3):
    moto_s3.faults.fail("", hangs_up)
    assert failure(bucket.head, KEY).startswith(f"S3 cannot be used for s3://{place.bucket}/layers/{KEY}: Connection")


def test_a_server_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr("ecr_emulator.storage.blobs.s3.bucket.READ_TIMEOUT", 0.02)
    monkeypatch.setattr(endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"s3://team/ecr?endpoint=http://127.0.0.1:{silent.getsockname()[1]}"
        with credentials(), closing(Bucket(read_place(url))) as bucket:
            said = failure(bucket.head, KEY)
    assert said.startswith(f"S3 cannot be used for s3://team/ecr/{KEY}: Read timeout on endpoint URL: ")
    assert said.endswith('". The server accepts connections and does not answer')


PAGE = b"<html>a page<br></html>"


def test_a_server_that_is_not_s3_is_recognized():
    with Program() as program:
        head = f"HTTP/1.1 404 Not Found\r\nContent-Length: {len(PAGE)}\r\nConnection: close\r\n\r\n"
        program.answer = head.encode() + PAGE
        place = read_place(f"s3://team/ecr?endpoint={program.url}")
        with credentials(), closing(Bucket(place)) as bucket:
            said = failure(BlobBucket(bucket, place).has_blobs)
    assert said.startswith("S3 refuses ListObjectsV2 for s3://team/ecr/: 404: ")
    assert said.endswith("Is there an S3 server at the endpoint? --blobs or AWS_ENDPOINT_URL_S3 names it")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"AWS_PROFILE": "missing"},
            "S3 cannot be used for s3://team/ecr/: The config profile (missing) could not be found",
        ),
        (
            {"AWS_ENDPOINT_URL_S3": "localhost:9000"},
            "AWS_ENDPOINT_URL_S3 must be the URL of an S3 server, with http:// or https://, and a host of letters, "
            "digits, hyphens and dots: Invalid endpoint: localhost:9000",
        ),
    ],
)
def test_a_wrong_environment_is_named(monkeypatch, variables, said):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert failure(Bucket, read_place("s3://team/ecr")) == said


def test_a_host_that_clients_of_s3_refuse_is_named():
    said = failure(Bucket, read_place("s3://team/ecr?endpoint=http://my_minio:9000"))
    assert said.startswith("endpoint in --blobs must be the URL of an S3 server, with ")
    assert said.endswith(": Invalid endpoint: http://my_minio:9000")


def test_missing_credentials_are_named(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with closing(Bucket(read_place("s3://team/ecr?endpoint=http://127.0.0.1:9"))) as bucket:
        said = failure(bucket.head, KEY)
    assert said == (
        f"S3 cannot be used for s3://team/ecr/{KEY}: Unable to locate credentials. Give credentials of this server "
        "with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
    )
