import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_emulator.domain.names import (
    Registry,
    digest_of,
    is_digest,
    is_region,
    is_repository_name,
    is_tag,
    parse_repository_arn,
)


@pytest.mark.parametrize("name", ["ab", "a/b", "a--b", "a__b", "a.b-c_d/e", "0/9", "a" * 256])
def test_a_repository_may_be_called(name):
    assert is_repository_name(name)


@pytest.mark.parametrize(
    "name", ["a", "", "a___b", "a..b", "-a", "a-", "a//b", "/a", "a/", "A/b", "a" * 257, "a/../b", "a\n"]
)
def test_a_repository_may_not_be_called(name):
    assert not is_repository_name(name)


@pytest.mark.parametrize(("tag", "legal"), [("latest", True), ("_x.Y-1", True), (".x", False), ("a" * 129, False)])
def test_tags_follow_the_distribution_specification(tag, legal):
    assert is_tag(tag) is legal


@pytest.mark.parametrize(
    "text",
    [
        "sha256:" + "a" * 63,
        "sha256:" + "A" * 64,
        "sha256:" + "g" * 64,
        "sha512:" + "a" * 64,
        "md5:" + "a" * 32,
        "sha256",
        "sha256:../../etc/passwd",
    ],
)
def test_what_cannot_be_verified_is_no_digest(text):
    assert not is_digest(text)


@given(st.binary(), st.sampled_from(["sha256", "sha512"]))
def test_a_digest_names_its_algorithm(data, algorithm):
    digest = digest_of(data, algorithm)
    assert is_digest(digest)
    assert digest == f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


@pytest.mark.parametrize(
    ("region", "arn"),
    [
        ("us-east-1", "arn:aws:ecr:us-east-1:123456789012:repository/a/b"),
        ("cn-north-1", "arn:aws-cn:ecr:cn-north-1:123456789012:repository/a/b"),
        ("us-gov-west-1", "arn:aws-us-gov:ecr:us-gov-west-1:123456789012:repository/a/b"),
    ],
)
def test_an_arn_has_the_partition_of_its_region_and_can_be_read_back(region, arn):
    registry = Registry("123456789012", region)
    assert registry.arn("a/b") == arn
    assert parse_repository_arn(arn) == (registry, "a/b")


def test_other_arns_are_not_repositories():
    assert parse_repository_arn("arn:aws:s3:::bucket") is None


@pytest.mark.parametrize("name", ["us-east-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "eusc-de-east-1"])
def test_regions_of_every_partition_have_valid_names(name):
    assert is_region(name)


@pytest.mark.parametrize("name", ["", "us-east", "US-EAST-1", "us_east_1", "europe-west-1", "us-east-1.amazonaws.com"])
def test_other_names_are_no_regions(name):
    assert not is_region(name)
