"""An image replaces a cached one only if it has the platforms that are cached."""

import pytest

from ecr_emulator.services.holdings import Holdings

AMD, ARM = "linux/amd64", "linux/arm64"


def holding(whole=(), lacking=()):
    return Holdings(frozenset(whole), frozenset(lacking))


@pytest.mark.parametrize(
    ("cached", "new", "may_replace"),
    [
        (holding([AMD, ARM]), holding([AMD, ARM]), True),
        (holding([AMD, ARM]), holding([AMD]), True),  # the publisher dropped a platform
        (holding([AMD]), holding([AMD, ARM]), True),
        (holding([AMD]), holding([AMD], [ARM]), False),
        (holding([AMD]), holding([], [AMD]), False),
        (holding([AMD], [ARM]), holding([AMD], [ARM]), True),  # sparse follows sparse
        (holding([AMD], [ARM]), holding([ARM], [AMD]), False),
        (holding([AMD], [AMD]), holding([AMD], [AMD]), False),  # one of two images for a platform would be lost
        (holding([], [AMD]), holding([], [ARM]), True),  # there is nothing to lose
        (holding(), holding([], [AMD]), True),
    ],
)
def test_nothing_that_can_be_pulled_is_lost(cached, new, may_replace):
    assert new.can_replace(cached) is may_replace
