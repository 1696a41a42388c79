"""Wildcard patterns."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_emulator.domain.wildcards import matches


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("latest", "latest", True),
        ("latest", "latest-2", False),
        ("v*", "v", True),
        ("*", "", True),
        ("*beta*", "1-beta-2", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("v1.*", "v1x2", False),
        ("*.temp-*", "x.temp-", True),
        ("V*", "v1", False),
    ],
)
def test_a_star_matches_any_characters_and_the_rest_matches_itself(pattern, text, expected):
    assert matches(pattern, text) is expected


@given(st.text("ab*", max_size=8), st.text("ab", max_size=10))
def test_a_pattern_matches_like_its_regular_expression(pattern, text):
    assert matches(pattern, text) == bool(re.fullmatch(".*".join(pattern.split("*")), text))


def test_a_pattern_of_many_stars_is_fast():
    assert not matches("*a" * 125 + "*b", "a" * 256)
