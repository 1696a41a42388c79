"""Histories of a tag that can and cannot have happened one operation after the other, and one of a real emulator."""

from itertools import combinations, permutations
from random import Random

import pytest

from scripts.torture import tags
from scripts.torture.acts import NOTHING, Read, Write
from scripts.torture.linearizability import NotLinearizable, Operation, final_states


def write(value, began, ended):
    return Operation(Write(value), began, ended)


def read(value, began, ended):
    return Operation(Read(value), began, ended)


POSSIBLE = {
    "nothing happened": [],
    "one after the other": [write("a", 0, 1), read("a", 2, 3), write("b", 4, 5), read("b", 6, 7)],
    "a pull during a push sees the old image": [write("a", 0, 1), write("b", 2, 5), read("a", 3, 4)],
    "a pull during a push sees the new image": [write("a", 0, 1), write("b", 2, 5), read("b", 3, 4)],
    "two pushes at once, either may be last": [write("a", 0, 3), write("b", 1, 4), read("a", 5, 6)],
    "two pushes at once, the other may be last": [write("a", 0, 3), write("b", 1, 4), read("b", 5, 6)],
    "deleted and pushed again": [write("a", 0, 1), write(NOTHING, 2, 3), read(NOTHING, 4, 5), write("a", 6, 7)],
    "a push and a deletion at once": [write("a", 0, 1), write("b", 2, 6), write(NOTHING, 3, 5), read("b", 7, 8)],
    "two pushes of one image at once, and another one between them": [
        write("a", 0, 9), write("a", 1, 3), write("b", 4, 5), read("a", 6, 7),
    ],
    "the tag did not exist at first": [read(NOTHING, 0, 1), write("a", 2, 3)],
}  # fmt: skip
IMPOSSIBLE = {
    "a pull sees nothing after a push": [write("a", 0, 1), read(NOTHING, 2, 3)],
    "a pull sees an older image than was acknowledged": [write("a", 0, 1), write("b", 2, 3), read("a", 4, 5)],
    "a pull sees an older image than a pull before it": [
        write("a", 0, 1), write("b", 2, 9), read("b", 3, 4), read("a", 5, 6),
    ],
    "a pull sees what nobody pushed": [write("a", 0, 1), read("b", 2, 3)],
    "a pull sees the future": [read("a", 0, 1), write("a", 2, 3)],
    "a deleted tag comes back": [write("a", 0, 1), write(NOTHING, 2, 3), read(NOTHING, 4, 5), read("a", 6, 7)],
    "two pulls disagree on the order of two pushes": [
        write("a", 0, 9), write("b", 0, 9), read("a", 1, 2), read("b", 3, 4), read("a", 5, 6),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", POSSIBLE)
def test_a_history_that_an_order_explains(name):
    assert final_states(POSSIBLE[name], [NOTHING])


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_history_that_no_order_explains(name):
    with pytest.raises(NotLinearizable):
        final_states(IMPOSSIBLE[name], [NOTHING])


def test_many_pulls_at_once_take_little_time():
    pulls = [read(value, number, 100) for number in range(40) for value in ("a", "b")]
    assert final_states([write("a", 0, 1), write("b", 2, 99), write("c", 3, 98), *pulls], [NOTHING]) == {"b", "c"}


@pytest.mark.parametrize("seed", range(200))
def test_the_orders_are_those_that_every_permutation_allows(seed):
    chance = Random(seed)
    history = []
    for _ in range(5):
        began, ended = sorted(chance.sample(range(12), 2))
        history.append(chance.choice((read, write))(chance.choice("ab"), began, ended))
    expected = {outcome for order in permutations(history) for outcome in outcomes(order)}
    try:
        assert final_states(history, ["a"]) == expected
    except NotLinearizable:
        assert not expected


def outcomes(order):
    """Return the state after an order; nothing if it breaks the times or the results of its operations."""
    if any(later.ended <= earlier.began for earlier, later in combinations(order, 2)):
        return []
    states = ["a"]
    for each in order:
        states = [after for state in states for after in each.act.after(state)]
    return states


@pytest.mark.slow
def test_a_thousand_pushes_from_eight_threads(capsys):
    assert tags.main(["4000", "8", "7"]) == 0
    assert "every history is linearizable" in capsys.readouterr().out
