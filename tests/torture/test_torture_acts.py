"""The states that may follow each act on a repository, and histories with acts that nobody answered."""

import pytest

from scripts.torture.acts import (
    Expired,
    Found,
    ImageDeleted,
    Listed,
    Maybe,
    Pulled,
    Pushed,
    Read,
    TagDeleted,
    Write,
)  # fmt: skip
from scripts.torture.histories import Histories
from scripts.torture.linearizability import NotLinearizable, Operation, final_states

EMPTY = frozenset()


def pairs(*those):
    return frozenset(those)


FOLLOWING = [
    (Pushed(1, "a"), EMPTY, [pairs((1, "a"))]),
    (Pushed(1, ""), EMPTY, [pairs((1, ""))]),
    (Pushed(1, ""), pairs((1, "a")), [pairs((1, "a"))]),
    (Pushed(1, "a"), pairs((1, "")), [pairs((1, "a"))]),
    (Pushed(2, "a"), pairs((1, "a")), [pairs((1, ""), (2, "a"))]),
    (Pushed(2, "a"), pairs((1, "a"), (1, "b")), [pairs((1, "b"), (2, "a"))]),
    (Pushed(1, "a"), pairs((1, "a")), [pairs((1, "a"))]),
    (TagDeleted("a", True), pairs((1, "a"), (1, "b")), [pairs((1, "b"))]),
    (TagDeleted("a", True), pairs((1, "a")), [EMPTY]),
    (TagDeleted("a", True), EMPTY, []),
    (TagDeleted("a", False), pairs((1, "a")), []),
    (TagDeleted("a"), EMPTY, [EMPTY]),
    (ImageDeleted(1, True), pairs((1, "a"), (1, "b"), (2, "")), [pairs((2, ""))]),
    (ImageDeleted(1, True), EMPTY, []),
    (ImageDeleted(1), pairs((1, "")), [EMPTY]),
    (Expired(), pairs((1, ""), (2, ""), (3, "a")), [pairs((2, ""), (3, "a"))]),
    (Write(pairs((1, ""))), pairs((2, "a")), [pairs((1, ""))]),
    (Pulled("a", 1), pairs((1, "a")), [pairs((1, "a"))]),
    (Pulled("a", None), pairs((1, "a")), []),
    (Found(1, True), pairs((1, "a")), [pairs((1, "a"))]),
    (Found(1, True), EMPTY, []),
    (Listed(EMPTY), pairs((1, "")), []),
    (Maybe(Pushed(1, "a")), EMPTY, [EMPTY, pairs((1, "a"))]),
    (Maybe(TagDeleted("a", True)), EMPTY, [EMPTY]),
]


@pytest.mark.parametrize(("act", "state", "following"), FOLLOWING)
def test_what_follows_an_act(act, state, following):
    assert list(act.after(state)) == following


def test_a_push_that_nobody_answered_may_be_seen_later_or_never():
    unanswered = Operation(Maybe(Pushed(1, "a")), 0, 10)
    for seen in (Pulled("a", 1), Pulled("a", None)):
        assert final_states([unanswered, Operation(seen, 5, 6)], [EMPTY])


def test_a_push_that_nobody_answered_is_not_undone():
    history = [
        Operation(Maybe(Pushed(1, "a")), 0, 10),
        Operation(Pulled("a", 1), 5, 6),
        Operation(Pulled("a", None), 7, 8),
    ]
    with pytest.raises(NotLinearizable):
        final_states(history, [EMPTY])


def test_after_its_end_an_unanswered_push_takes_no_effect_any_more():
    history = [
        Operation(Maybe(Pushed(1, "a")), 0, 10),
        Operation(Pulled("a", None), 11, 12),
        Operation(Pulled("a", 1), 13, 14),
    ]
    with pytest.raises(NotLinearizable):
        final_states(history, [EMPTY])


def test_a_list_ends_all_doubt():
    listed = pairs((1, ""), (2, "a"))
    history = [
        Operation(Maybe(Pushed(1, "a")), 0, 10),
        Operation(Pushed(2, "a"), 1, 2),
        Operation(Listed(listed), 11, 12),
    ]
    assert final_states(history, [EMPTY]) == {listed}


def test_a_pull_that_began_after_an_acknowledged_update_may_not_have_the_answer_of_an_older_one():
    histories = Histories()
    histories.begin("cache:v1", 11)
    for value, began, ended in ((12, 1, 2), (13, 4, 5)):
        histories.add("cache:v1", Write(value), began, ended)
    histories.add("cache:v1", Read(12), 3, 7)
    assert histories.check() == []
    for began in (3, 6):
        histories.add("cache:v1", Read(12), began, 7)
    assert len(histories.check()) == 1
