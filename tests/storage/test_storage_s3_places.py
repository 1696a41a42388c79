"""The addresses of buckets, and the clients of S3 that they make."""

from __future__ import annotations

import re

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


BUCKET = " must have 3 to 63 lower-case letters, digits, dots and hyphens"
PREFIX = " may only have letters, digits, !_.*'()- and single slashes"
ENDPOINT = " must be http:// or https:// with a host, and a port if need be"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("s3:layers", "the bucket ''" + BUCKET),
        ("http://layers/a", "it does not begin with s3://"),
        ("s3://", "the bucket ''" + BUCKET),
        ("s3:///layers", "the bucket ''" + BUCKET),
        ("s3://L", "the bucket 'L'" + BUCKET),
        ("s3://Layers", "the bucket 'Layers'" + BUCKET),
        ("s3://-layers", "the bucket '-layers'" + BUCKET),
        ("s3://user@layers", "the bucket 'user@layers'" + BUCKET),
        ("s3://layers:80/a", "the bucket 'layers:80'" + BUCKET),
        ("s3://layers/a//b", "the prefix '/a//b'" + PREFIX),
        ("s3://layers/a b", "the prefix '/a b'" + PREFIX),
        ("s3://layers/ä", "the prefix '/ä'" + PREFIX),
        ("s3://layers#a", "the prefix '#a'" + PREFIX),
        ("s3://layers?region=", "'' is no Region"),
        ("s3://layers?region", "bad query field: 'region'"),
        ("s3://layers?profile=x", "'profile' is none of its options: endpoint, region, addressing"),
        ("s3://layers?endpoint=minio:9000", "the endpoint 'minio:9000'" + ENDPOINT),
        ("s3://layers?endpoint=http://", "the endpoint 'http://'" + ENDPOINT),
        ("s3://layers?endpoint=http://minio/path", "the endpoint 'http://minio/path'" + ENDPOINT),
        ("s3://layers?endpoint=http://minio:99999", "the endpoint 'http://minio:99999'" + ENDPOINT),
        ("s3://layers?endpoint=http://minio:0", "the endpoint 'http://minio:0'" + ENDPOINT),
        ("s3://layers?addressing=dns", "addressing must be path or virtual, not 'dns'"),
        ("s3://layers?region=a&region=b", "an option is given twice"),
    ],
)
def test_other_urls_are_refused_with_the_part_that_is_wrong(url, reason):
    with pytest.raises(ValueError, match=r"^" + re.escape(reason) + "$"):
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
