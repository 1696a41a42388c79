"""moto's IAM from records: the reverse of ``records``."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from ecr_emulator.companions.iam import records as names_in
from ecr_emulator.companions.iam.boundaries import put_boundary
from ecr_emulator.companions.moto_attributes import Record, translated

_TIMES = {"created", "updated", "enabled", "uploaded", "password_last_used"}


def fill(iam: Any, record: Record) -> None:
    """Create everything that a record has in one of moto's backends. What has been deleted is not attached again."""
    _add_policies(iam, record["policies"])
    for user in record["users"]:
        _add_user(iam, user)
    for group in record["groups"]:
        _add_group(iam, group)
    for role in record["roles"]:
        _add_role(iam, role)
    for profile in record["instance_profiles"]:
        _add_instance_profile(iam, profile)
    iam.account_aliases.extend(record["account_aliases"])
    _add_password_policy(iam, record["password_policy"])
    _add_providers(iam, record)
    _add_server_certificates(iam, record["server_certificates"])
    _add_virtual_mfa_devices(iam, record)


def _models() -> Any:
    from moto.iam import models

    return models


def _put(thing: Any, record: Record, names: Mapping[str, str]) -> Any:
    """Give one of moto's objects the attributes in a record, as far as this moto has them."""
    known = {ours: theirs for ours, theirs in names.items() if theirs in vars(thing)}
    values = {ours: _value(ours, value) for ours, value in record.items()}
    vars(thing).update(translated(values, known))
    return thing


def _value(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name in _TIMES and value is not None else value


def _add_policies(iam: Any, records: Iterable[Record]) -> None:
    for record in records:
        policy = _put(
            _models().ManagedPolicy(record["name"], account_id=iam.account_id, region=iam.region_name),
            record,
            names_in.POLICY,
        )
        policy.versions = [
            _put(
                _models().PolicyVersion(policy.arn, version["document"], version["id"] == record["default_version"]),
                version,
                names_in.POLICY_VERSION,
            )
            for version in record["versions"]
        ]
        iam.managed_policies[policy.arn] = policy


def _add_user(iam: Any, record: Record) -> None:
    name = record["name"]
    user = _put(_models().User(iam.account_id, record["region"], name), record, names_in.USER)
    iam.users[name] = user
    _attach(iam, user, record)
    iam.tagger.tag_resource(user.arn, record["tags"])
    put_boundary(user, record["boundary"])
    user.access_keys = _made(
        record["access_keys"], names_in.ACCESS_KEY, lambda _: _models().AccessKey(name, "AKIA", iam.account_id)
    )
    iam.access_keys.update((key.access_key_id, key) for key in user.access_keys)
    user.ssh_public_keys = _made(
        record["ssh_keys"], names_in.SSH_KEY, lambda key: _models().SshPublicKey(name, key["body"])
    )
    certificates = _made(
        record["signing_certificates"],
        names_in.SIGNING_CERTIFICATE,
        lambda each: _models().SigningCertificate(each["id"], name, each["body"]),
    )
    user.signing_certificates = {each.id: each for each in certificates}


def _made(records: list[Record], names: Mapping[str, str], make: Callable[[Record], Any]) -> list[Any]:
    return [_put(make(record), record, names) for record in records]


def _attach(iam: Any, holder: Any, record: Record) -> None:
    for arn in record["managed_policies"]:
        if arn in iam.managed_policies:
            iam.managed_policies[arn].attach_to(holder)


def _add_group(iam: Any, record: Record) -> None:
    group = _put(_models().Group(iam.account_id, iam.region_name, record["name"]), record, names_in.GROUP)
    group.users = [iam.users[name] for name in record["users"] if name in iam.users]
    iam.groups[record["name"]] = group
    _attach(iam, group, record)


def _add_role(iam: Any, record: Record) -> None:
    identity = record["id"], record["name"], record["trust"]
    role = _models().Role(iam.account_id, iam.partition, *identity, "/", None, "", [], None)
    _put(role, record, names_in.ROLE)
    iam.roles[role.id] = role
    _attach(iam, role, record)


def _add_instance_profile(iam: Any, record: Record) -> None:
    by_name = {role.name: role for role in iam.roles.values()}
    roles = [by_name[name] for name in record["roles"] if name in by_name]
    profile = _models().InstanceProfile(iam.account_id, iam.region_name, record["id"], record["name"], "/", roles)
    iam.instance_profiles[record["name"]] = _put(profile, record, names_in.INSTANCE_PROFILE)


def _add_password_policy(iam: Any, record: Record | None) -> None:
    if record is not None:
        policy = _models().AccountPasswordPolicy(False, False, 0, 6, 0, False, False, False, False)
        iam.account_password_policy = _put(policy, record, names_in.PASSWORD_POLICY)


def _add_providers(iam: Any, record: Record) -> None:
    for each in record["saml_providers"]:
        saml = _models().SAMLProvider(iam.account_id, iam.region_name, each["name"])
        iam.saml_providers[each["name"]] = _put(saml, each, names_in.SAML_PROVIDER)
    for each in record["open_id_providers"]:
        url = f"https://{each['url']}"
        open_id = _models().OpenIDConnectProvider(iam.account_id, iam.region_name, url, [], [], {})
        iam.open_id_providers[open_id.arn] = _put(open_id, each, names_in.OPEN_ID_PROVIDER)


def _add_server_certificates(iam: Any, records: Iterable[Record]) -> None:
    for record in records:
        certificate = _models().Certificate(iam.account_id, iam.region_name, record["name"], "", "")
        iam.certificates[record["id"]] = _put(certificate, record, names_in.SERVER_CERTIFICATE)


def _add_virtual_mfa_devices(iam: Any, record: Record) -> None:
    """Add the virtual devices, and enable the devices of users, virtual ones and others."""
    for each in record["virtual_mfa_devices"]:
        device = _models().VirtualMfaDevice(iam.account_id, iam.region_name, "")
        device.qr_code_png = b64decode(each["qr_code"])
        iam.virtual_mfa_devices[each["serial"]] = _put(device, each, names_in.VIRTUAL_MFA_DEVICE)
    for user in record["users"]:
        for each in user["mfa_devices"]:
            iam.enable_mfa_device(user["name"], each["serial"], each["code_1"], each["code_2"])
            _put(iam.users[user["name"]].mfa_devices[each["serial"]], each, names_in.MFA_DEVICE)
    for each in record["virtual_mfa_devices"]:
        _put(iam.virtual_mfa_devices[each["serial"]], each, names_in.VIRTUAL_MFA_DEVICE)
