"""The acts of histories: what operations of a registry do to one tag, and what they do to one repository.

A tag is a register: a push sets it, a deletion empties it, a pull reads it. So are the policy of a repository, and the
answer whether a repository exists. A repository is a set of pairs, one for
each tag of each image, and one with an empty tag for an image without tags. Images are numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Generic

from scripts.torture.linearizability import Act, State

NOTHING = ""
"""The value of a tag that does not exist, and the tag of an image without tags."""

Pairs = frozenset[tuple[int, str]]
"""The state of a repository."""


@dataclass(frozen=True, slots=True)
class Maybe(Generic[State]):
    """An act that nobody answered: it took effect or did not."""

    only_reads: ClassVar[bool] = False
    is_certain: ClassVar[bool] = False
    act: Act[State]

    def after(self, state: State) -> Iterable[State]:
        return [state, *self.act.after(state)]


@dataclass(frozen=True, slots=True)
class Write(Generic[State]):
    """Something was set to a value, or the whole content of a repository was replaced."""

    only_reads: ClassVar[bool] = False
    is_certain: ClassVar[bool] = True
    value: State

    def after(self, _: State) -> Iterable[State]:
        return [self.value]


@dataclass(frozen=True, slots=True)
class Read(Generic[State]):
    """Something had a value."""

    only_reads: ClassVar[bool] = True
    is_certain: ClassVar[bool] = True
    value: State

    def after(self, state: State) -> Iterable[State]:
        return [state] if state == self.value else []


@dataclass(frozen=True, slots=True)
class Pushed:
    """An image was stored, and a tag points at it now unless the tag is empty."""

    only_reads: ClassVar[bool] = False
    is_certain: ClassVar[bool] = True
    image: int
    tag: str

    def after(self, state: Pairs) -> Iterable[Pairs]:
        if not self.tag:
            return [state if has_image(state, self.image) else state | {(self.image, NOTHING)}]
        others = _without_tag(state, self.tag) - {(self.image, NOTHING)}
        return [others | {(self.image, self.tag)}]


@dataclass(frozen=True, slots=True)
class TagDeleted:
    """A tag was deleted, and its image too if it has no other. ``existed`` is None if nobody knows."""

    only_reads: ClassVar[bool] = False
    is_certain: ClassVar[bool] = True
    tag: str
    existed: bool | None = None

    def after(self, state: Pairs) -> Iterable[Pairs]:
        remaining = frozenset(pair for pair in state if pair[1] != self.tag)
        return [remaining] if self.existed in (None, remaining != state) else []


@dataclass(frozen=True, slots=True)
class ImageDeleted:
    """An image was deleted with all its tags. ``existed`` is None if nobody knows."""

    only_reads: ClassVar[bool] = False
    is_certain: ClassVar[bool] = True
    image: int
    existed: bool | None = None

    def after(self, state: Pairs) -> Iterable[Pairs]:
        remaining = frozenset(pair for pair in state if pair[0] != self.image)
        return [remaining] if self.existed in (None, remaining != state) else []


@dataclass(frozen=True, slots=True)
class Expired:
    """A lifecycle policy ran that keeps one image without tags, the newest. Later images have higher numbers."""

    only_reads: ClassVar[bool] = False
    is_certain: ClassVar[bool] = True

    def after(self, state: Pairs) -> Iterable[Pairs]:
        untagged = sorted(image for image, tag in state if not tag)
        return [state - {(image, NOTHING) for image in untagged[:-1]}]


@dataclass(frozen=True, slots=True)
class Pulled:
    """A tag pointed at an image, or at none."""

    only_reads: ClassVar[bool] = True
    is_certain: ClassVar[bool] = True
    tag: str
    image: int | None

    def after(self, state: Pairs) -> Iterable[Pairs]:
        found = next((image for image, tag in state if tag == self.tag), None)
        return [state] if found == self.image else []


@dataclass(frozen=True, slots=True)
class Found:
    """An image existed, or did not."""

    only_reads: ClassVar[bool] = True
    is_certain: ClassVar[bool] = True
    image: int
    exists: bool

    def after(self, state: Pairs) -> Iterable[Pairs]:
        return [state] if has_image(state, self.image) == self.exists else []


@dataclass(frozen=True, slots=True)
class Listed:
    """The repository had these tags and images."""

    only_reads: ClassVar[bool] = True
    is_certain: ClassVar[bool] = True
    pairs: Pairs

    def after(self, state: Pairs) -> Iterable[Pairs]:
        return [state] if state == self.pairs else []


def has_image(state: Pairs, image: int) -> bool:
    """Whether a repository has an image."""
    return any(image == each for each, _ in state)


def _without_tag(state: Pairs, tag: str) -> Pairs:
    """Return a repository after a tag has moved away: its image stays, without tags if this was the only one."""
    remaining = frozenset(pair for pair in state if pair[1] != tag)
    return remaining | {(image, NOTHING) for image, moved in state if moved == tag and not has_image(remaining, image)}
