"""Seeding an emulator: what a seed describes is there afterwards; what is there already stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ecr_emulator.domain.names import Registry
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.seeds.client import CallRefused, EmulatorClient
from ecr_emulator.seeds.documents import SeedDocument, read_seed, seed_files
from ecr_emulator.seeds.errors import SeedError
from ecr_emulator.seeds.iam import ensure_group, ensure_policy, ensure_role, ensure_user
from ecr_emulator.seeds.keys import ensure_key
from ecr_emulator.seeds.registries import Outcome, ensure_rule, ensure_secret, ensure_template
from ecr_emulator.seeds.registry_settings import SETTINGS
from ecr_emulator.seeds.repeated_names import entries_of
from ecr_emulator.seeds.repositories import ensure_image, ensure_repository
from ecr_emulator.seeds.toml_lines import Path as KeyPath

SECTIONS: tuple[tuple[KeyPath, Callable[..., Outcome]], ...] = (
    (("iam", "policies"), ensure_policy),
    (("iam", "groups"), ensure_group),
    (("iam", "roles"), ensure_role),
    (("iam", "users"), ensure_user),
    (("secrets",), ensure_secret),
    (("kms_keys",), ensure_key),
    (("templates",), ensure_template),
    (("rules",), ensure_rule),
)
"""Things come before those that name them: policies before groups, groups before users, roles and secrets before rules,
and keys before templates and repositories."""


@dataclass(frozen=True, slots=True)
class Seeded:
    """The numbers of things that a seed created, changed, and found unchanged."""

    created: int
    changed: int
    unchanged: int


def apply_seeds(client: EmulatorClient, *paths: Path, home: Registry | None = None) -> Seeded:
    """Apply seed files, and all seeds of folders; they are all read before the first one is applied.

    ``home`` is the registry of entries that name no account or no Region; without it, the emulator's own.
    Raises ``SeedError``. What was applied before a problem stays: once it is mended, the seed can be applied again.
    """
    documents = [read_seed(file) for path in paths for file in seed_files(path)]
    home = home or client.home()
    outcomes = Counter(outcome for document in documents for outcome in _apply(client, document, home))
    return Seeded(*(outcomes[outcome] for outcome in Outcome))


def _apply(client: EmulatorClient, document: SeedDocument, home: Registry) -> Iterator[Outcome]:
    content = document.content
    yield from _apply_registry(client, document, (), content, home)
    for number, entry in enumerate(content.get("registries", ())):
        yield from _apply_registry(client, document, ("registries", number), entry, _registry(content, home))


def _apply_registry(
    client: EmulatorClient, document: SeedDocument, path: KeyPath, content: dict[str, Any], fallback: Registry
) -> Iterator[Outcome]:
    registry = _registry(content, fallback)
    for key, ensure, arguments in _steps(document.file.parent, content):
        try:
            yield ensure(client, registry, *arguments)
        except (CallRefused, ValueError, LookupError, TypeError, OSError) as problem:
            raise SeedError(f"{document.at((*path, *key))}: {_reason(problem)}") from problem


def _steps(folder: Path, content: dict[str, Any]) -> Iterator[tuple[KeyPath, Callable[..., Outcome], tuple[Any, ...]]]:
    """Yield the key of each thing that a registry is to have, the function that ensures it, and its arguments."""
    for section, ensure in SECTIONS:
        for number, entry in enumerate(entries_of(content, section)):
            yield (*section, number), ensure, (entry,)
    for setting, ensure in SETTINGS.items():
        if setting in content:
            yield (setting,), ensure, (content[setting],)
    for number, entry in enumerate(content.get("repositories", ())):
        yield ("repositories", number), ensure_repository, (entry,)
        for position, image in enumerate(entry.get("images", ())):
            place = (folder, position)
            yield ("repositories", number, "images", position), ensure_image, (entry["name"], image, place)


def _registry(content: dict[str, Any], fallback: Registry) -> Registry:
    return Registry(content.get("account", fallback.id), content.get("region", fallback.region))


def _reason(problem: Exception) -> str:
    """Return the reason in words; files that are no images fail in many ways."""
    if isinstance(problem, LookupError | TypeError):
        return f"the files are no image: {problem!r}"
    if isinstance(problem, OSError) and problem.filename:
        return f"{problem.filename}: {problem.strerror}"
    return str(problem)
