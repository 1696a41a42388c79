"""An update replaces a cached image only if every platform of the cached image can still be pulled."""

import pytest

from ecr_emulator.services.image_trees import StoredPlatforms

AMD, ARM = "linux/amd64", "linux/arm64"


def stored(complete=(), incomplete=()):
    return StoredPlatforms(frozenset(complete), frozenset(incomplete))


@pytest.mark.parametrize(
    ("cached", "new", "may_replace"),
    [
        (stored([AMD, ARM]), stored([AMD, ARM]), True),
        (stored([AMD, ARM]), stored([AMD]), True),  # the publisher dropped a platform
        (stored([AMD]), stored([AMD, ARM]), True),
        (stored([AMD]), stored([AMD], [ARM]), False),
        (stored([AMD]), stored([], [AMD]), False),
        (stored([AMD], [ARM]), stored([AMD], [ARM]), True),  # sparse follows sparse
        (stored([AMD], [ARM]), stored([ARM], [AMD]), False),
        (stored([AMD], [AMD]), stored([AMD], [AMD]), False),  # one of two images for a platform would be lost
        (stored([], [AMD]), stored([], [ARM]), True),  # nothing of the cached image can be pulled
        (stored(), stored([], [AMD]), True),
    ],
)
def test_nothing_that_can_be_pulled_is_lost(cached, new, may_replace):
    assert new.can_replace(cached) is may_replace
