"""Pushes that nobody answered: later answers tell which of them have stored their images.

Each such push may have stored its image or not, so a history with many of them has very many orders. But only one push
stores an image, as a rule. If a client sees the image later, it was pushed before. If a client sees the repository
without it, and nothing can have deleted it yet, it was not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from scripts.torture.acts import (
    Expired,
    Found,
    ImageDeleted,
    Listed,
    Maybe,
    Pulled,
    Pushed,
    TagDeleted,
    Write,
    has_image,
)  # fmt: skip
from scripts.torture.linearizability import Act, Operation


def narrowed(history: Sequence[Operation[Any]], first: set[Any]) -> Iterator[Operation[Any]]:
    """Yield the operations of a repository, those of pushes that nobody answered with the time that answers leave.

    The same states follow. A push whose image was seen is certain, and one that has no time left is left out.
    """
    for operation in history:
        push = operation.act.act if isinstance(operation.act, Maybe) else None
        if isinstance(push, Pushed) and not _is_stored_otherwise(operation, push.image, history, first):
            yield from _narrowed(operation, push, history)
        else:
            yield operation


def _narrowed(operation: Operation[Any], push: Pushed, history: Sequence[Operation[Any]]) -> Iterator[Operation[Any]]:
    answers = [(each, _shows(each.act, push.image)) for each in history]
    seen = [each.ended for each, shows in answers if shows]
    deleted = min((each.began for each in history if _may_delete(_act(each), push)), default=float("inf"))
    missing = [each.began for each, shows in answers if shows is False and each.ended <= deleted]
    began, ended = max([operation.began, *missing]), min([operation.ended, *seen])
    if began < ended:
        yield Operation(push if seen else operation.act, began, ended)
    elif seen:
        yield operation  # a contradiction, which the search finds


def _is_stored_otherwise(
    operation: Operation[Any], image: int, history: Sequence[Operation[Any]], first: set[Any]
) -> bool:
    """Whether anything but an operation may have stored its image."""
    return any(has_image(state, image) for state in first) or any(
        each is not operation and _may_store(_act(each), image) for each in history
    )


def _act(operation: Operation[Any]) -> Act[Any]:
    """Return the act of an operation, whether it was answered or not."""
    act: Act[Any] = operation.act
    return act.act if isinstance(act, Maybe) else act


def _shows(act: Act[Any], image: int) -> bool | None:
    """Return whether an answer says that an image existed; None if it says nothing about it."""
    match act:
        case Listed(pairs):
            return has_image(pairs, image)
        case Found(found, exists) if found == image:
            return exists
        case ImageDeleted(deleted, existed) if deleted == image:
            return existed
        case Pulled(_, pulled) if pulled == image:
            return True
    return None


def _may_store(act: Act[Any], image: int) -> bool:
    match act:
        case Pushed(pushed):
            return pushed == image
        case Write(pairs):
            return has_image(pairs, image)
    return False


def _may_delete(act: Act[Any], push: Pushed) -> bool:
    """Whether an act may delete the image of a push, which never has another tag than that of the push."""
    match act:
        case ImageDeleted(image):
            return image == push.image
        case TagDeleted(tag):
            return tag == push.tag
        case Write() | Expired():
            return True
    return False
