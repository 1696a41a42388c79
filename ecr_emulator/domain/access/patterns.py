"""Patterns in policies, with wildcards and variables.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from functools import lru_cache

from ecr_emulator.quick_dataclasses import dataclass

Lookup = Callable[[str], str | None]
"""Returns the value of a request for a condition key; None unless the key has exactly one value."""

_VARIABLE = re.compile(r"\$\{(?:([*?$])|([^\s,{}'*?$][^,{}']*)(?:,\s*'([^']*)'\s*)?)\}")
_ARN_PARTS = 6


class Wildcard(Enum):
    MANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """``${key}`` or ``${key, 'default'}``. ``text`` is the text in the policy."""

    text: str
    key: str
    default: str | None


Token = str | Wildcard | Variable
"""Literal text, a wildcard, or a variable. The value of a variable is literal text."""
Matcher = Callable[[str], bool]


class Pattern:
    """A text pattern. If one of its variables has neither value nor default, nothing matches it."""

    __slots__ = ("_matcher", "tokens")

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tuple(tokens)
        fixed = tuple(token for token in self.tokens if not isinstance(token, Variable))
        self._matcher = _matcher(fixed) if len(fixed) == len(self.tokens) else None

    @classmethod
    def read(cls, text: str, *, variables: bool, wildcards: bool = True) -> Pattern:
        """Parse a pattern. Without ``variables`` or ``wildcards``, these characters are literal text."""
        return cls(tuple(_tokens(text, variables, wildcards)))

    def matches(self, text: str, lookup: Lookup) -> bool:
        """Whether the pattern matches the whole text. The time is proportional to the text's length for any pattern."""
        if self._matcher is not None:
            return self._matcher(text)
        resolved = self._resolved(lookup)
        return resolved is not None and _matcher(resolved)(text)

    @property
    def is_open(self) -> bool:
        """Whether the pattern ends in a ``*``."""
        return self.tokens[-1:] == (Wildcard.MANY,)

    def _resolved(self, lookup: Lookup) -> tuple[str | Wildcard, ...] | None:
        resolved: list[str | Wildcard] = []
        for token in self.tokens:
            if not isinstance(token, Variable):
                resolved.append(token)
                continue
            value = lookup(token.key)
            if value is None:
                value = token.default
            if value is None:
                return None
            resolved.append(value)
        return tuple(resolved)


class Names:
    """A list of patterns without variables. It is fast for long lists of literal words and prefixes (``ecr:Get*``)."""

    __slots__ = ("_beginnings", "_others", "_words")

    def __init__(self, texts: Sequence[str]) -> None:
        words, beginnings, others = set(), [], []
        for text in texts:
            stem = text.removesuffix("*")
            if "*" in stem or "?" in stem:
                others.append(_matcher(tuple(_literals(text, wildcards=True))))
            elif stem == text:
                words.add(text)
            else:
                beginnings.append(stem)
        self._words, self._beginnings, self._others = frozenset(words), tuple(beginnings), tuple(others)

    def match(self, text: str) -> bool:
        """Whether one of the patterns matches the whole text."""
        return text in self._words or text.startswith(self._beginnings) or any(fits(text) for fits in self._others)


class ArnPattern:
    """A pattern for ARNs, with a pattern for each part between the colons.

    A ``*`` at the end of a part may also match further parts, as in ``arn:aws:ecr:*``.
    """

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[Pattern]) -> None:
        self._parts = tuple(parts)

    @classmethod
    def read(cls, text: str, *, variables: bool, only_in_last: bool = False) -> ArnPattern:
        """Parse a pattern. With ``only_in_last``, variables are literal text before the fifth colon."""
        parts = _split(_tokens(text, variables, wildcards=True))
        if only_in_last:
            parts[: _ARN_PARTS - 1] = [_without_variables(part) for part in parts[: _ARN_PARTS - 1]]
        return cls([Pattern(part) for part in parts])

    def matches(self, parts: Sequence[str], lookup: Lookup) -> bool:
        """Whether the pattern matches the ARN with these parts (see ``arn_parts``)."""
        if len(self._parts) == len(parts):
            # From the end, where ARNs differ most.
            pairs = zip(reversed(self._parts), reversed(parts), strict=True)
            return all(pattern.matches(part, lookup) for pattern, part in pairs)
        return self._matches_over_colons(parts, lookup)

    def _matches_over_colons(self, parts: Sequence[str], lookup: Lookup) -> bool:
        reached = [0]
        for pattern in self._parts:
            reached = [at + 1 for at in reached if at < len(parts) and pattern.matches(parts[at], lookup)]
            if not reached:
                return False
            if pattern.is_open:
                reached = list(range(reached[0], len(parts) + 1))
        return len(parts) in reached


def arn_parts(arn: str) -> list[str]:
    """Split an ARN into its six parts; the last part is the rest after the fifth colon."""
    return arn.split(":", _ARN_PARTS - 1)


@lru_cache(maxsize=4096)
def _matcher(tokens: tuple[str | Wildcard, ...]) -> Matcher:
    if tokens == (Wildcard.MANY,):
        return lambda _: True
    if Wildcard.MANY not in tokens and Wildcard.ONE not in tokens:
        return "".join(map(str, tokens)).__eq__
    return _is_match(re.compile(_expression(tokens), re.DOTALL))


def _is_match(expression: re.Pattern[str]) -> Matcher:
    return lambda text: expression.fullmatch(text) is not None


def _expression(tokens: tuple[str | Wildcard, ...]) -> str:
    """Return a regular expression without backtracking: the first match of the text after a ``*`` is always enough."""
    pieces = [""]
    for token in tokens:
        if token is Wildcard.MANY:
            pieces.append("")
        else:
            pieces[-1] += "." if token is Wildcard.ONE else re.escape(str(token))
    first, *rest = pieces
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>.*?{piece})" for piece in middle if piece) + f".*{last}"


def _tokens(text: str, variables: bool, wildcards: bool) -> Iterator[Token]:
    at = 0
    for found in _VARIABLE.finditer(text) if variables else ():
        yield from _literals(text[at : found.start()], wildcards)
        escaped, key, default = found.groups()
        yield escaped or Variable(found[0], key.strip(), default)
        at = found.end()
    yield from _literals(text[at:], wildcards)


def _literals(text: str, wildcards: bool) -> Iterator[str | Wildcard]:
    pieces = re.split(r"([*?])", text) if wildcards else [text]
    for piece in filter(None, pieces):
        yield Wildcard(piece) if wildcards and piece in "*?" else piece


def _split(tokens: Iterator[Token]) -> list[list[Token]]:
    """Split tokens at the first five colons in literal text."""
    parts: list[list[Token]] = [[]]
    for token in tokens:
        pieces: list[Token] = [*token.split(":", _ARN_PARTS - len(parts))] if isinstance(token, str) else [token]
        parts[-1].append(pieces[0])
        parts.extend([piece] for piece in pieces[1:])
    return [[token for token in part if token] for part in parts]


def _without_variables(tokens: list[Token]) -> list[Token]:
    return [token.text if isinstance(token, Variable) else token for token in tokens]
