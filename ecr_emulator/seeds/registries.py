"""Secrets, creation templates and pull through cache rules in seeds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from ecr_emulator.domain.names import Registry
from ecr_emulator.seeds.client import CallRefused, EmulatorClient

SECRETS = "secretsmanager"
KMS = "kms"


class Outcome(Enum):
    """The effect of a part of a seed."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


def ensure_secret(client: EmulatorClient, registry: Registry, entry: Mapping[str, Any]) -> Outcome:
    """Create a secret, or put another value in it. Raises ``CallRefused``, and ``ValueError`` without a value."""
    name, value = entry["name"], _secret_value(entry)
    current = find_or_none(client, registry, "GetSecretValue", SECRETS, SecretId=name)
    if current is None:
        more = {"Description": entry["description"]} if "description" in entry else {}
        client.call(registry, "CreateSecret", SECRETS, Name=name, SecretString=value, **more)
        return Outcome.CREATED
    if current.get("SecretString") == value:
        return Outcome.UNCHANGED
    client.call(registry, "PutSecretValue", SECRETS, SecretId=name, SecretString=value)
    return Outcome.CHANGED


def ensure_template(client: EmulatorClient, registry: Registry, entry: Mapping[str, Any]) -> Outcome:
    """Create or update a repository creation template. Raises ``CallRefused``."""
    wanted = {
        "prefix": entry["prefix"],
        "appliedFor": entry["applied_for"],
        **repository_settings(client, registry, entry),
    }
    wanted |= _renamed(entry, {"description": "description", "custom_role": "customRoleArn"})
    for key, member in (("policy", "repositoryPolicy"), ("lifecycle_policy", "lifecyclePolicy")):
        if key in entry:
            wanted[member] = as_text(entry[key])
    if "tags" in entry:
        wanted["resourceTags"] = tag_list(entry["tags"])
    operation = "RepositoryCreationTemplate"
    prefix: dict[str, Any] = {"prefixes": [entry["prefix"]]}
    current = client.call(registry, f"Describe{operation}s", **prefix)["repositoryCreationTemplates"]
    if current and has_all(current[0], wanted):
        return Outcome.UNCHANGED
    client.call(registry, f"{'Update' if current else 'Create'}{operation}", **wanted)
    return Outcome.CHANGED if current else Outcome.CREATED


def ensure_rule(client: EmulatorClient, registry: Registry, entry: Mapping[str, Any]) -> Outcome:
    """Create or update a pull through cache rule.

    Raises ``CallRefused``, and ``ValueError`` for a change that ECR does not allow.
    """
    names = {"upstream": "upstreamRegistryUrl", "upstream_prefix": "upstreamRepositoryPrefix"}
    fixed = _renamed(entry, names)
    changing = _renamed(entry, {"custom_role": "customRoleArn"})
    if "secret" in entry:
        changing["credentialArn"] = client.call(registry, "DescribeSecret", SECRETS, SecretId=entry["secret"])["ARN"]
    rule = {"ecrRepositoryPrefix": entry["prefix"]}
    prefixes: dict[str, Any] = {"ecrRepositoryPrefixes": [entry["prefix"]]}
    found = find_or_none(client, registry, "DescribePullThroughCacheRules", **prefixes)
    if found is None or not found["pullThroughCacheRules"]:
        client.call(registry, "CreatePullThroughCacheRule", **rule, **fixed, **changing)
        return Outcome.CREATED
    current = found["pullThroughCacheRules"][0]
    if not has_all(current, fixed):
        raise ValueError(f"the rule {entry['prefix']} has another upstream, which ECR cannot change; delete it first")
    if has_all(current, changing):
        return Outcome.UNCHANGED
    client.call(registry, "UpdatePullThroughCacheRule", **rule, **changing)
    return Outcome.CHANGED


def repository_settings(client: EmulatorClient, registry: Registry, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that repositories and templates have in common, by the names of the API.

    A key is named by its ARN, as ECR describes it. ECR checks a key that KMS does not have. Raises ``CallRefused``.
    """
    settings = _renamed(entry, {"tag_mutability": "imageTagMutability"})
    if "tag_exclusions" in entry:
        filters = [{"filterType": "WILDCARD", "filter": each} for each in entry["tag_exclusions"]]
        settings["imageTagMutabilityExclusionFilters"] = filters
    encryption = _renamed(entry, {"encryption": "encryptionType", "kms_key": "kmsKey"})
    if "kmsKey" in encryption:
        key = find_or_none(client, registry, "DescribeKey", KMS, KeyId=encryption["kmsKey"])
        encryption["kmsKey"] = key["KeyMetadata"]["Arn"] if key else encryption["kmsKey"]
    return settings | ({"encryptionConfiguration": encryption} if encryption else {})


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return resource tags as the API has them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def as_text(policy: Any) -> str:
    """Return a policy as text."""
    return policy if isinstance(policy, str) else json.dumps(policy)


def has_all(current: Any, wanted: Any) -> bool:
    """Return whether a description has everything that is wanted; policies are compared by what they say."""
    if isinstance(wanted, dict) and isinstance(current, dict):
        return all(has_all(current.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(current, list):
        return sorted(map(_sortable, wanted)) == sorted(map(_sortable, current))
    return bool(_parsed(current) == _parsed(wanted))


def _sortable(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) and value.startswith("{") else value
    except ValueError:
        return value


def _secret_value(entry: Mapping[str, Any]) -> str:
    if "value" in entry:
        return str(entry["value"])
    if "username" not in entry or "access_token" not in entry:
        raise ValueError(f"the secret {entry['name']} needs username and access_token, or value")
    return json.dumps({"username": entry["username"], "accessToken": entry["access_token"]})


def _renamed(entry: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {theirs: entry[ours] for ours, theirs in names.items() if ours in entry}


def find_or_none(
    client: EmulatorClient, registry: Registry, operation: str, service: str = "ecr", **parameters: Any
) -> dict[str, Any] | None:
    try:
        return client.call(registry, operation, service, **parameters)
    except CallRefused as refused:
        if "NotFound" in refused.code:
            return None
        raise
