"""``quick_dataclasses.dataclass`` makes the classes that the standard decorator makes."""

import copy
import dataclasses
import pickle
from dataclasses import field

import pytest

from ecr_emulator import quick_dataclasses

OPTIONS = [{"frozen": True}, {"frozen": True, "slots": True}, {"slots": True}, {}, {"eq": False}, {"repr": False}]


def made_by(decorator, options):
    @decorator(**options)
    class Made:
        name: str
        size: int = 0
        parts: tuple = field(default_factory=tuple, repr=False)
        note: str = field(default="", compare=False)

    return Made


@pytest.fixture(params=OPTIONS, ids=str)
def both(request):
    return made_by(quick_dataclasses.dataclass, request.param), made_by(dataclasses.dataclass, request.param)


def comparisons(made):
    one = made("a", 1, note="x")
    others = [made("a", 1, note="y"), made("b", 1), made("a", 2), made("a", 1, (3,)), ("a", 1, ())]
    return [one == other for other in others]


def is_hashable(made):
    one, other = made("a", 1, note="x"), made("a", 1, note="y")
    try:
        return hash(one) == hash(other)
    except TypeError:
        return None


def represented(made):
    return repr(made("a", 1)).split(" object at ")[0]


@pytest.mark.parametrize("of", [comparisons, is_hashable, represented])
def test_classes_behave_as_standard_ones(both, of):
    quick, standard = both
    assert of(quick) == of(standard)


def test_functions_for_dataclasses_accept_instances(both):
    quick, standard = both
    assert [f.name for f in dataclasses.fields(quick)] == [f.name for f in dataclasses.fields(standard)]
    assert dataclasses.asdict(quick("a")) == dataclasses.asdict(standard("a"))
    assert dataclasses.replace(quick("a"), size=2).size == 2
    assert quick.__match_args__ == standard.__match_args__


def test_instances_can_be_copied_and_pickled():
    from ecr_emulator.domain.names import Registry

    registry = Registry("123456789012", "us-east-1")
    assert copy.deepcopy(registry) == registry
    assert pickle.loads(pickle.dumps(registry)) == registry


def test_a_class_keeps_its_own_representation():
    @quick_dataclasses.dataclass(frozen=True)
    class Own:
        name: str

        def __repr__(self):
            return "own"

    assert repr(Own("a")) == "own"


def test_classes_without_fields_are_all_equal():
    @quick_dataclasses.dataclass(frozen=True)
    class Empty:
        pass

    assert Empty() == Empty()
    assert hash(Empty()) == hash(Empty())
    assert repr(Empty()).endswith("Empty()")
