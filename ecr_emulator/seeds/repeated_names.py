"""Names that stand twice in a seed: it would change something each time that it is applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ecr_emulator.seeds.toml_lines import Path

NAMES: tuple[tuple[Path, str], ...] = (
    (("iam", "policies"), "name"),
    (("iam", "groups"), "name"),
    (("iam", "roles"), "name"),
    (("iam", "users"), "name"),
    (("secrets",), "name"),
    (("kms_keys",), "alias"),
    (("templates",), "prefix"),
    (("rules",), "prefix"),
    (("repositories",), "name"),
)
"""Lists of a registry, and the key that tells their entries apart."""


def repeated_names(content: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield the places of names that stand twice in one registry, and what is wrong with each."""
    registries: list[tuple[Path, Mapping[str, Any]]] = [((), content)]
    registries += [(("registries", number), each) for number, each in enumerate(content.get("registries", ()))]
    for path, registry in registries:
        for section, key in NAMES:
            yield from _repeated((*path, *section), entries_of(registry, section), key)
        for number, repository in enumerate(registry.get("repositories", ())):
            yield from _repeated_tags((*path, "repositories", number, "images"), repository.get("images", ()))


def entries_of(registry: Mapping[str, Any], section: Path) -> Sequence[Mapping[str, Any]]:
    """Return the entries of a list that may be missing."""
    found: Any = registry
    for key in section:
        found = found.get(key, {})
    return list(found)


def _repeated(path: Path, entries: Sequence[Mapping[str, Any]], key: str) -> Iterator[tuple[Path, str]]:
    seen = set()
    for number, entry in enumerate(entries):
        if entry[key] in seen:
            yield (*path, number, key), f"stands twice: {entry[key]}"
        seen.add(entry[key])


def _repeated_tags(path: Path, images: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Path, str]]:
    seen = set()
    for number, image in enumerate(images):
        for position, tag in enumerate(image.get("tags", ())):
            if tag in seen:
                yield (*path, number, "tags", position), f"stands twice: {tag}"
            seen.add(tag)
