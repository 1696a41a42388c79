"""Settings of registries in seeds: the policy, scanning, replication and signing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ecr_emulator.domain.names import Registry
from ecr_emulator.seeds.client import EmulatorClient
from ecr_emulator.seeds.registries import Outcome, as_text, find_or_none, has_all


def ensure_registry_policy(client: EmulatorClient, registry: Registry, policy: Any) -> Outcome:
    """Put the policy of the registry. Raises ``CallRefused``."""
    current = find_or_none(client, registry, "GetRegistryPolicy")
    if current and json.loads(current["policyText"]) == json.loads(as_text(policy)):
        return Outcome.UNCHANGED
    client.call(registry, "PutRegistryPolicy", policyText=as_text(policy))
    return Outcome.CHANGED if current else Outcome.CREATED


def ensure_scanning(client: EmulatorClient, registry: Registry, entry: Mapping[str, Any]) -> Outcome:
    """Put the scanning configuration, which every registry has. Raises ``CallRefused``."""
    rules = [
        {"scanFrequency": rule["frequency"], "repositoryFilters": _filters(rule["filters"], "WILDCARD")}
        for rule in entry.get("rules", ())
    ]
    wanted = {"scanType": entry["type"], "rules": rules}
    if has_all(client.call(registry, "GetRegistryScanningConfiguration")["scanningConfiguration"], wanted):
        return Outcome.UNCHANGED
    client.call(registry, "PutRegistryScanningConfiguration", **wanted)
    return Outcome.CHANGED


def ensure_replication(client: EmulatorClient, registry: Registry, entry: Mapping[str, Any]) -> Outcome:
    """Put the replication configuration, which every registry has. Raises ``CallRefused``."""
    rules = []
    for rule in entry["rules"]:
        destinations = [
            {"region": each["region"], "registryId": each.get("account", registry.id)} for each in rule["destinations"]
        ]
        filters = {"repositoryFilters": _filters(rule["prefixes"], "PREFIX_MATCH")} if "prefixes" in rule else {}
        rules.append({"destinations": destinations, **filters})
    if has_all(client.call(registry, "DescribeRegistry")["replicationConfiguration"]["rules"], rules):
        return Outcome.UNCHANGED
    client.call(registry, "PutReplicationConfiguration", replicationConfiguration={"rules": rules})
    return Outcome.CHANGED


def ensure_signing(client: EmulatorClient, registry: Registry, entry: Mapping[str, Any]) -> Outcome:
    """Put the signing configuration. Raises ``CallRefused``."""
    rules = []
    for rule in entry["rules"]:
        filters = {"repositoryFilters": _filters(rule["filters"], "WILDCARD_MATCH")} if "filters" in rule else {}
        rules.append({"signingProfileArn": rule["profile"], **filters})
    current = find_or_none(client, registry, "GetSigningConfiguration")
    if current and has_all(current["signingConfiguration"]["rules"], rules):
        return Outcome.UNCHANGED
    client.call(registry, "PutSigningConfiguration", signingConfiguration={"rules": rules})
    return Outcome.CHANGED if current else Outcome.CREATED


SETTINGS = {
    "policy": ensure_registry_policy,
    "scanning": ensure_scanning,
    "replication": ensure_replication,
    "signing": ensure_signing,
}
"""Keys of a registry that stand for one setting each."""


def _filters(filters: Iterable[str], kind: str) -> list[dict[str, str]]:
    return [{"filter": each, "filterType": kind} for each in filters]
