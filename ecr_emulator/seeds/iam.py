"""Policies, groups, roles and users of IAM in seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecr_emulator.domain.names import Registry
from ecr_emulator.seeds.client import EmulatorClient
from ecr_emulator.seeds.iam_principals import ALL, IamPrincipal, find_in_iam, policy_arn, says
from ecr_emulator.seeds.registries import Outcome, as_text


def ensure_policy(client: EmulatorClient, registry: Registry, entry: Mapping[str, Any]) -> Outcome:
    """Create a managed policy, or give it a new default version. Raises ``CallRefused``."""
    arn, document = policy_arn(registry, entry["name"]), as_text(entry["policy"])
    found = find_in_iam(client, registry, "GetPolicy", PolicyArn=arn)
    if found is None:
        described = {"Description": entry["description"]} if "description" in entry else {}
        client.iam(registry, "CreatePolicy", PolicyName=entry["name"], PolicyDocument=document, **described)
        return Outcome.CREATED
    version = found.findtext(".//{*}DefaultVersionId") or ""
    if says(client.iam(registry, "GetPolicyVersion", PolicyArn=arn, VersionId=version), "Document", document):
        return Outcome.UNCHANGED
    client.iam(registry, "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document, SetAsDefault="true")
    return Outcome.CHANGED


def ensure_group(client: EmulatorClient, registry: Registry, entry: Mapping[str, Any]) -> Outcome:
    """Create a group, or give it the policies that it lacks. Raises ``CallRefused``."""
    group = IamPrincipal(client, registry, "Group", entry["name"])
    is_new = group.find() is None
    if is_new:
        group.call("CreateGroup")
    return _outcome(is_new, _change_policies(group, entry))


def ensure_role(client: EmulatorClient, registry: Registry, entry: Mapping[str, Any]) -> Outcome:
    """Create a role, or change what differs. Raises ``CallRefused``."""
    role = IamPrincipal(client, registry, "Role", entry["name"])
    trust = as_text(entry["trust_policy"])
    settings = {"description": "Description", "max_session_duration": "MaxSessionDuration"}
    wanted = {theirs: str(entry[ours]) for ours, theirs in settings.items() if ours in entry}
    found = role.find()
    changed = False
    if found is None:
        role.call("CreateRole", AssumeRolePolicyDocument=trust, **wanted)
    else:
        if not says(found, "AssumeRolePolicyDocument", trust):
            role.call("UpdateAssumeRolePolicy", PolicyDocument=trust)
            changed = True
        current = {name: found.findtext(f".//{{*}}{name}") or "" for name in settings.values()}
        if not current.items() >= wanted.items():
            role.call("UpdateRole", **(current | wanted))
            changed = True
    changes = [changed, _change_policies(role, entry), _change_attributes(role, entry)]
    return _outcome(found is None, any(changes))


def ensure_user(client: EmulatorClient, registry: Registry, entry: Mapping[str, Any]) -> Outcome:
    """Create a user, or give it the groups, policies and access keys that it lacks. Raises ``CallRefused``."""
    user = IamPrincipal(client, registry, "User", entry["name"])
    is_new = user.find() is None
    if is_new:
        user.call("CreateUser")
    changes = [
        _join_groups(user, entry.get("groups", ())),
        _change_policies(user, entry),
        _change_attributes(user, entry),
        *(_put_key(user, key) for key in entry.get("access_keys", ())),
    ]
    return _outcome(is_new, any(changes))


def _change_policies(principal: IamPrincipal, entry: Mapping[str, Any]) -> bool:
    attached = principal.attach_policies(entry.get("policies", ()))
    return principal.put_policies(entry.get("inline_policies", {})) or attached


def _change_attributes(principal: IamPrincipal, entry: Mapping[str, Any]) -> bool:
    tagged = principal.tag(entry.get("tags", {}))
    return principal.set_boundary(entry.get("permissions_boundary")) or tagged


def _join_groups(user: IamPrincipal, groups: list[str]) -> bool:
    current = {each.text for each in user.call("ListGroupsForUser", **ALL).iterfind(".//{*}GroupName")}
    missing = [name for name in groups if name not in current]
    for name in missing:
        user.call("AddUserToGroup", GroupName=name)
    return bool(missing)


def _put_key(user: IamPrincipal, key: Mapping[str, str]) -> bool:
    body = {"account": user.registry.id, "user": user.name}
    keys = {"access_key_id": key["id"], "secret_access_key": key["secret"]}
    return bool(user.client.post("/_ecr/access-keys", **body, **keys)["status"] != "unchanged")


def _outcome(is_new: bool, is_changed: bool) -> Outcome:
    if is_new:
        return Outcome.CREATED
    return Outcome.CHANGED if is_changed else Outcome.UNCHANGED
