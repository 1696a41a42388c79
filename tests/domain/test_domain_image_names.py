"""Image names as users write them."""

import pytest

from ecr_emulator.domain.image_names import parse_image_name
from ecr_emulator.domain.names import Registry

HERE = Registry("123456789012", "eu-west-1")
DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("quay/team/app", (None, "quay/team/app", None, None)),
        ("quay/team/app:v1", (None, "quay/team/app", "v1", None)),
        (f"quay/team/app@{DIGEST}", (None, "quay/team/app", None, DIGEST)),
        (f"localhost:4566/quay/app:v1@{DIGEST}", (None, "quay/app", "v1", DIGEST)),
        ("localhost/quay/app", (None, "quay/app", None, None)),
        ("ecr.test:80/quay/app", (None, "quay/app", None, None)),
        ("ghcr.io/team/app:v1", (None, "ghcr.io/team/app", "v1", None)),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:v1", (HERE, "app", "v1", None)),
        ("123456789012.dkr.ecr.eu-west-1.localhost:4566/app", (HERE, "app", None, None)),
        ("localhost:4566/123456789012/eu-west-1/app", (HERE, "app", None, None)),
    ],
)
def test_an_image_name_is_split_into_its_parts(text, expected):
    assert parse_image_name(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not a repository name"),
        ("Quay/App", "is not a repository name"),
        ("quay/app:", "is not a tag"),
        ("quay/app:a:b", "is not a tag"),
        ("quay/app@sha256:abc", "is not a digest"),
    ],
)
def test_an_invalid_image_name_is_refused_with_the_reason(text, words):
    with pytest.raises(ValueError, match=words):
        parse_image_name(text)
