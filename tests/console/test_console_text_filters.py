"""Sizes, times and digests as people read them."""

from datetime import timedelta

import pytest

from ecr_emulator.console.text_filters import ago, length, short_digest, size
from tests.support.storage import NOW


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.00 kB"),
        (1_234, "1.23 kB"),
        (9_996, "10.0 kB"),
        (99_960, "100 kB"),
        (999_499, "999 kB"),
        (999_501, "1.00 MB"),
        (2**63 - 1, "9.22 EB"),
    ],
)
def test_sizes_have_three_significant_digits(number, text):
    assert size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (4.9, "just now"),
        (-3, "just now"),
        (5, "5 seconds ago"),
        (59.9, "1 minute ago"),
        (90, "1 minute ago"),
        (7_199, "2 hours ago"),
        (86_398, "1 day ago"),
        (-86_398, "in 1 day"),
        (-60 * 86_400, "in 60 days"),
    ],
)
def test_times_are_seen_from_the_clock(seconds, text):
    assert ago(NOW - timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (61, "1 minute 1 second"),
        (90_000, "1 day 1 hour"),
        (-3_600, "1 hour"),
        (86_460, "1 day 1 minute"),
    ],
)
def test_lengths_of_time_have_two_units(seconds, text):
    assert length(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("digest", "text"),
    [(f"sha256:{'0a' * 32}", "sha256:0a0a0a0a0a0a"), ("latest", "latest"), ("", ""), ("a:b:c", "a:b:c")],
)
def test_digests_are_shortened_and_other_texts_are_not(digest, text):
    assert short_digest(digest) == text
