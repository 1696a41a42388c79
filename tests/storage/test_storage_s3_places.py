"""The addresses of buckets, and the clients of S3 that they make."""

from __future__ import annotations

import pytest

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.blobs.s3.bucket import Bucket
from ecr_emulator.storage.blobs.s3_place import S3Place, read_place
from tests.support.s3 import KEY, SECRET


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("s3://layers", ("layers", "")),
        ("s3://my.layers/a/b/", ("my.layers", "a/b")),
        ("s3://layers/a?region=eu-west-1", ("layers", "a", None, "eu-west-1")),
        (
            "s3://layers/a?endpoint=http%3A%2F%2Fminio%3A9000&addressing=path",
            ("layers", "a", "http://minio:9000", None, "path"),
        ),
        (
            "s3://layers?endpoint=https://[::1]:9000&addressing=virtual",
            ("layers", "", "https://[::1]:9000", None, "virtual"),
        ),
    ],
)
def test_a_url_names_a_prefix_of_a_bucket(url, parts):
    assert read_place(url) == S3Place(url, *parts)
    assert str(read_place(url)) == url


@pytest.mark.parametrize(
    "url",
    [
        "s3://", "s3:///layers", "s3://L", "s3://Layers", "s3://-layers", "s3://user@layers", "s3://layers:80/a",
        "s3://layers/a//b", "s3://layers/a b", "s3://layers/ä", "s3://layers#a", "s3://layers?region=",
        "s3://layers?region", "s3://layers?profile=x", "s3://layers?endpoint=minio:9000", "s3://layers?endpoint=http://",
        "s3://layers?endpoint=http://minio/path", "s3://layers?addressing=dns", "s3://layers?region=a&region=b",
    ],
)  # fmt: skip
def test_other_urls_are_refused(url):
    with pytest.raises(ValueError, match=r".*"):
        read_place(url)


def endpoint_of(url, monkeypatch, **variables):
    for name, value in {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, **variables}.items():
        monkeypatch.setenv(name, value)
    bucket = Bucket(read_place(url))
    try:
        return bucket.url("key", 60).partition("?")[0]
    finally:
        bucket.close()


def test_the_url_names_the_server_and_the_region(monkeypatch):
    assert endpoint_of("s3://layers/a?region=eu-west-1", monkeypatch).startswith("https://layers.s3")
    url = "s3://layers/a?endpoint=http://minio:9000&addressing=path"
    assert endpoint_of(url, monkeypatch, AWS_ENDPOINT_URL_S3="http://other") == "http://minio:9000/layers/a/key"


def test_the_endpoint_of_other_clients_is_that_of_the_emulator_and_does_not_count(monkeypatch):
    variables = {"AWS_ENDPOINT_URL": "http://localhost:4566"}
    assert "localhost" not in endpoint_of("s3://layers?region=eu-west-1", monkeypatch, **variables)
    variables["AWS_ENDPOINT_URL_S3"] = "http://127.0.0.1:9000"
    assert endpoint_of("s3://layers", monkeypatch, **variables) == "http://127.0.0.1:9000/layers/key"


def test_a_bucket_that_does_not_exist_is_named(moto_s3):
    bucket = Bucket(read_place(moto_s3.new_url().replace("/ecr-", "/missing-", 1)))
    with pytest.raises(StorageFailure, match="NoSuchBucket"):
        bucket.put("key", b"")
    bucket.close()
