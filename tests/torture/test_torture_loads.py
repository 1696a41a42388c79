"""A load that was interrupted replaces all objects or none; images of one repository may expire after it."""

import pytest

from scripts.torture.rounds import half_loaded
from scripts.torture.world import COPIED, EXPIRING, SHARED


def images(*numbers):
    return frozenset((number, "") for number in numbers)


BEFORE = {SHARED: images(1, 2), COPIED: images(9), EXPIRING: images(1, 2, 3)}
SAVED = {SHARED: images(4, 5), COPIED: images(9), EXPIRING: images(4, 5, 6)}


@pytest.mark.parametrize(
    "now",
    [
        BEFORE,
        SAVED,
        BEFORE | {EXPIRING: images(3)},
        SAVED | {EXPIRING: images(6)},
    ],
)
def test_a_whole_load_and_none_are_right(now):
    assert half_loaded(BEFORE, SAVED, now) == []


@pytest.mark.parametrize(
    "now",
    [
        SAVED | {SHARED: BEFORE[SHARED]},
        SAVED | {EXPIRING: BEFORE[EXPIRING]},
        SAVED | {EXPIRING: images(3)},
        BEFORE | {EXPIRING: SAVED[EXPIRING]},
        SAVED | {EXPIRING: images(4, 6)},
        SAVED | {EXPIRING: images()},
        SAVED | {SHARED: images(5)},
    ],
)
def test_a_part_of_a_load_is_noticed(now):
    (wrong,) = half_loaded(BEFORE, SAVED, now)
    assert wrong.startswith("a load replaced ")


def test_an_object_in_its_saved_state_before_a_load_tells_nothing():
    before = BEFORE | {EXPIRING: images(6)}
    assert half_loaded(before, SAVED, SAVED | {EXPIRING: images(6)}) == []
    assert half_loaded(before, SAVED, before) == []
