"""Histories of a repository in which many acts were not answered: all orders of small ones, and large ones."""

from itertools import combinations, permutations
from random import Random
from time import monotonic

import pytest

from scripts.torture import linearizability, verdicts
from scripts.torture.acts import Expired, Found, ImageDeleted, Listed, Maybe, Pulled, Pushed, TagDeleted, Write
from scripts.torture.histories import Histories
from scripts.torture.linearizability import NotLinearizable, Operation, final_states
from scripts.torture.unanswered import narrowed

EMPTY = frozenset()
TAGS = ("v0", "v1", "")
IMAGES = (1, 2, 3)


def made_by(chance, fresh=None):
    """Return an act that changes a repository. A push is of the fresh image, if there is one."""
    tag, image = chance.choice(TAGS), chance.choice(IMAGES)
    push = Pushed(fresh or image, tag)
    others = [
        TagDeleted(chance.choice(TAGS[:2])),
        ImageDeleted(fresh or image),
        Expired(),
        Write(frozenset({(1, "v0")})),
    ]
    return chance.choice([*[push] * 8, *others])


def seen_in(state, chance):
    """Return an act that reads a repository in this state."""
    tag, image = chance.choice(TAGS[:2]), chance.choice(IMAGES)
    pulled = next((each for each, its in state if its == tag), None)
    return chance.choice([Listed(state), Pulled(tag, pulled), Found(image, any(image == each for each, _ in state))])


def small_history(chance):
    """Return five operations; most are of a repository that really has these states, in the order of their begins."""
    history, state = [], EMPTY
    for _ in range(5):
        began, ended = sorted(chance.sample(range(12), 2))
        if chance.random() < 0.4:
            history.append(Operation(seen_in(state, chance), began, ended))
            continue
        act = made_by(chance)
        is_lost = chance.random() < 0.6
        if not is_lost or chance.random() < 0.5:
            (state,) = act.after(state)
        history.append(Operation(Maybe(act) if is_lost else act, began, ended))
    return history


def outcomes(order):
    """Return the states after an order; none if it breaks the times or the results of its operations."""
    if any(later.ended <= earlier.began for earlier, later in combinations(order, 2)):
        return set()
    states = {EMPTY}
    for each in order:
        states = {after for state in states for after in each.act.after(state)}
    return states


@pytest.mark.parametrize("seeds", range(10))
def test_the_orders_are_those_that_every_permutation_allows(seeds):
    for seed in range(40):
        history = small_history(Random(f"{seeds}/{seed}"))
        expected = set().union(*map(outcomes, permutations(history)))
        for operations in (history, list(narrowed(history, {EMPTY}))):
            try:
                found = final_states(operations, [EMPTY])
            except NotLinearizable:
                found = set()
            assert found == expected, operations


def large_history(chance, number):
    """Return operations of a repository that overlap, a third of them without an answer, and the last state."""
    history, state = [], EMPTY
    for moment in range(number):
        began, ended = moment - chance.uniform(0, 2), moment + chance.uniform(0.1, 2)
        act = seen_in(state, chance) if chance.random() < 0.5 else made_by(chance, fresh=moment + 10)
        is_lost = not act.only_reads and chance.random() < 0.5
        if not is_lost or chance.random() < 0.3:
            (state,) = act.after(state)
        history.append(Operation(Maybe(act), began, number + 3) if is_lost else Operation(act, began, ended))
    history.append(Operation(Listed(state), number + 4, number + 5))
    return history, state


@pytest.mark.parametrize("seed", range(3))
def test_a_history_with_many_unanswered_acts_is_decided(seed):
    history, last = large_history(Random(seed), 40)
    assert final_states(narrowed(history, {EMPTY}), [EMPTY]) == {last}


@pytest.mark.parametrize("seed", range(3))
def test_a_history_with_many_unanswered_acts_and_a_lost_push_is_not_linearizable(seed):
    history, last = large_history(Random(seed), 24)
    history += [Operation(Pushed(9, "v0"), 30, 31), Operation(Listed(last), 32, 33)]
    with pytest.raises(NotLinearizable):
        final_states(narrowed(history, {EMPTY}), [EMPTY])


def undecidable(monkeypatch):
    """Return a history that has more orders than are looked at, which contradicts itself."""
    monkeypatch.setattr(linearizability, "WIDTHS", (10, 20))
    histories, listed = Histories(), frozenset({(99, "v1")})
    histories.begin("team/app", EMPTY)
    for number in range(24):
        histories.add_unanswered("team/app", Pushed(number, f"v{number}"), 0)
        histories.add_unanswered("team/app", TagDeleted(f"v{number}"), 0)
    histories.settle()
    histories.add("team/app", Listed(listed), monotonic(), monotonic())
    return histories, listed


def test_an_undecided_history_ends_in_what_was_read_last(monkeypatch):
    histories, listed = undecidable(monkeypatch)
    assert histories.check() == []
    assert histories.state("team/app") == listed


def test_an_undecided_history_is_told(monkeypatch, capsys):
    histories, _ = undecidable(monkeypatch)
    histories.check()
    assert verdicts.status_of([], histories.undecided) == 0
    told = capsys.readouterr().out
    assert "team/app: too many orders" in told
    assert "Maybe(act=TagDeleted(tag='v7'" in told
    assert "UNDECIDED: 1 histories" in told


def test_a_push_that_a_list_lacks_is_left_out():
    history = [Operation(Maybe(Pushed(1, "v0")), 0, 9), Operation(Listed(EMPTY), 10, 11)]
    assert list(narrowed(history, {EMPTY})) == history[1:]


def test_a_push_that_a_list_lacks_stays_if_something_may_have_deleted_the_image():
    history = [
        Operation(Maybe(Pushed(1, "v0")), 0, 9), Operation(TagDeleted("v0"), 3, 4), Operation(Listed(EMPTY), 10, 11),
    ]  # fmt: skip
    assert list(narrowed(history, {EMPTY})) == history


def test_a_push_whose_image_was_seen_is_certain():
    missing, seen = Operation(Found(1, False), 1, 2), Operation(Pulled("v0", 1), 3, 4)
    history = [Operation(Maybe(Pushed(1, "v0")), 0, 9), missing, seen]
    assert list(narrowed(history, {EMPTY})) == [Operation(Pushed(1, "v0"), 1, 4), missing, seen]
