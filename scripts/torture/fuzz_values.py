"""Values for the shapes of ECR's model: valid ones, ones that are nearly valid, and hostile ones."""

from __future__ import annotations

import base64
import json
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

REMEMBERED = 30
"""Maximum number of values that are remembered for each name of a member."""

NAMES = ("fuzz/app", "fuzz/web", "fuzz/a/b", "library/x", "cache/team/app")
TAGS = ("latest", "v1", "v2", "1.0.0-rc.1")
IMAGE_CONFIG = b'{"architecture":"amd64","os":"linux"}'
TEXTS = {
    "policyText": json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Sid": "all", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}],
        }
    ),
    "lifecyclePolicyText": json.dumps(
        {
            "rules": [
                {
                    "rulePriority": 1,
                    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 3},
                    "action": {"type": "expire"},
                }
            ]
        }
    ),
}
KNOWN: dict[str, tuple[str, ...]] = {
    "repositoryName": NAMES,
    "imageTag": TAGS,
    "registryId": ("123456789012",),
    "region": ("eu-west-1", "us-east-1"),
    "ecrRepositoryPrefix": ("cache", "quay", "ROOT"),
    "prefix": ("cache", "team", "ROOT"),
    "upstreamRegistryUrl": ("quay.io", "public.ecr.aws", "registry.k8s.io"),
    "resourceArn": tuple(f"arn:aws:ecr:us-east-1:123456789012:repository/{name}" for name in NAMES),
    "lifecyclePolicyText": (TEXTS["lifecyclePolicyText"],),
    "policyText": (TEXTS["policyText"],),
}
"""Values of members by their names, so that valid requests find something."""

HOSTILE: tuple[Any, ...] = (
    "", " ", "\0", "a\0b", "../../etc/passwd", "%00", "%2e%2e%2f", "' OR 1=1 --", "{{7*7}}", "${jndi:ldap://x}",
    "\r\nX: y", "\ud800", "\u202e\u0000", "\u00e9" * 300, "A" * 5_000, "\U0001f433", "sha256:" + "g" * 64,
    "sha256:" + "0" * 63, "sha512:" + "a" * 128, "__class__", "null", "-1", "9" * 400, 0, -1, 2**31, 2**63,
    -(2**63) - 1, 10**400, 1.5, 1e308, float("nan"), float("inf"), True, False, None, [], {}, [[]], [None], {"": ""},
    {"a": {"a": {}}},
)  # fmt: skip


class Values:
    """Makes values. What the emulator answers is remembered, and used again."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._remembered: dict[str, list[Any]] = defaultdict(list)

    def remember(self, document: Any) -> None:
        """Remember the strings in an answer by the names of their members."""
        if isinstance(document, list):
            for each in document:
                self.remember(each)
        elif isinstance(document, Mapping):
            for name, value in document.items():
                if isinstance(value, str):
                    self.keep(name, value)
                else:
                    self.remember(value)

    def keep(self, name: str, value: str) -> None:
        """Remember a value of a member."""
        kept = self._remembered[name]
        kept.append(value)
        del kept[:-REMEMBERED]

    def structure(self, shape: Any, hostility: float) -> dict[str, Any]:
        """Make the members of a structure; each is nearly valid or hostile with a probability."""
        made = {
            name: self.value(name, member, hostility)
            for name, member in shape.members.items()
            if self._chance.random() < (0.97 if name in shape.required_members else 0.4)
        }
        if self._chance.random() < hostility / 4:
            made[self._chance.choice(("unknown", "", "RepositoryName", "\0"))] = self.hostile()
        return made

    def value(self, name: str, shape: Any, hostility: float) -> Any:
        """Make a value of a shape for a member of this name."""
        dice = self._chance.random()
        if dice < hostility / 2:
            return self.hostile()
        valid = self._valid(name, shape, hostility)
        return self._mutated(valid, shape) if dice < hostility else valid

    def known(self, name: str) -> Any:
        """Return a known value of a member; empty if there is none."""
        return self._chance.choice([*KNOWN.get(name, ()), *self._remembered.get(name, ())] or [""])

    def hostile(self) -> Any:
        """Return a hostile value of any type."""
        if self._chance.random() < 0.02:
            return _nested(self._chance.choice((50, 400)))
        return deepcopy(self._chance.choice(HOSTILE))

    def _valid(self, name: str, shape: Any, hostility: float) -> Any:
        makers: dict[str, Callable[[], Any]] = {
            "structure": lambda: self.structure(shape, hostility),
            "list": lambda: [
                self.value(name.removesuffix("s"), shape.member, hostility)
                for _ in range(self._chance.choice((0, 1, 1, 1, 2, 3, 101)))
            ],
            "map": lambda: {
                str(self.value("key", shape.key, hostility)): self.value("value", shape.value, hostility)
                for _ in range(2)
            },
            "string": lambda: self._string(name, shape),
            "integer": lambda: self._number(shape),
            "long": lambda: self._number(shape),
            "float": lambda: self._chance.random() * 10,
            "double": lambda: self._chance.random() * 10,
            "boolean": lambda: self._chance.random() < 0.5,
            "timestamp": lambda: self._chance.choice((0, 1_700_000_000, 1_700_000_000.5)),
            "blob": lambda: base64.b64encode(self._chance.choice((b"", b"{}", IMAGE_CONFIG, b"x" * 70_000))).decode(),
        }
        return makers[shape.type_name]()

    def _string(self, name: str, shape: Any) -> str:
        if shape.enum:
            return str(self._chance.choice(shape.enum))
        known = self.known(name)
        if known and self._chance.random() < 0.9:
            return str(known)
        low, high = shape.metadata.get("min", 1), shape.metadata.get("max", 30)
        return "".join(self._chance.choices("abcxyz0189", k=self._chance.randint(low, max(low, min(high, low + 30)))))

    def _number(self, shape: Any) -> int:
        low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 1_000)
        return self._chance.choice((low, high, self._chance.randint(low, high)))

    def _mutated(self, value: Any, shape: Any) -> Any:
        """Change a valid value a little."""
        if isinstance(value, str):
            return self._mutated_text(value, shape.metadata)
        if isinstance(value, bool) or value is None:
            return str(value)
        if isinstance(value, int | float):
            low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 1_000)
            return self._chance.choice((low - 1, high + 1, str(value), value + 0.5))
        if isinstance(value, list):
            return self._chance.choice((value * 2, [*value, None], {str(n): each for n, each in enumerate(value)}))
        return [value] if self._chance.random() < 0.5 else json.dumps(value, default=str)

    def _mutated_text(self, value: str, limits: Mapping[str, int]) -> str:
        place = self._chance.randrange(len(value) + 1)
        odd = self._chance.choice(("A", "/", ":", ".", "-", "é", "\n", " ", "@", "*", "\t", "\0"))
        return self._chance.choice(
            (
                value[:place] + odd + value[place:],
                value[:place] + value[place + 1 :],
                value.upper(),
                value + "x" * (limits.get("max", 256) + 1 - len(value)),
                value[: max(0, limits.get("min", 1) - 1)],
                f" {value} ",
            )
        )


def _nested(depth: int) -> Any:
    made: Any = []
    for _ in range(depth):
        made = [made]
    return made
