"""The destinations to which images are replicated.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ecr_emulator.domain.names import Registry

DOCUMENT = "replication"
"""The name of the registry document that holds the configuration, and of the image document with its statuses."""
MAX_DESTINATIONS = 25
"""Maximum number of unique destinations in all rules of a registry."""


def destinations(configuration: dict[str, Any]) -> list[Registry]:
    """Return the registries that the rules name, each once."""
    return list(dict.fromkeys(registry for rule in configuration["rules"] for registry in _named(rule)))


def destinations_of(configuration: dict[str, Any], repository_name: str) -> list[Registry]:
    """Return the destinations of images that are pushed to a repository, each once."""
    rules = (rule for rule in configuration["rules"] if _covers(rule, repository_name))
    return list(dict.fromkeys(registry for rule in rules for registry in _named(rule)))


def deletion_destinations_of(configuration: dict[str, Any], repository_name: str) -> list[Registry]:
    """Return the destinations where images are deleted when a repository deletes them, each once."""
    rules = (rule for rule in configuration["rules"] if rule.get("deleteReplication", {}).get("enabled"))
    return destinations_of({"rules": list(rules)}, repository_name)


def _named(rule: dict[str, Any]) -> Iterator[Registry]:
    return (Registry(each["registryId"], each["region"]) for each in rule["destinations"])


def _covers(rule: dict[str, Any], repository_name: str) -> bool:
    filters = rule.get("repositoryFilters")
    return filters is None or any(repository_name.startswith(each["filter"]) for each in filters)
