"""The IAM of all accounts as one document of JSON, with a record for each account and partition."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial

from ecr_emulator.companions.iam.records import record_of
from ecr_emulator.companions.iam.restored import fill
from ecr_emulator.companions.kept_documents import Kept
from ecr_emulator.companions.moto_attributes import Record, requiring_known_attributes

VERSION = 1

AccountRecords = dict[str, dict[str, Record]]
"""Records by account and partition."""

_HOLDER = ("name", "managed_policies")
_REQUIRED = {
    "policies": ("name", "default_version", "versions"),
    "users": (*_HOLDER, "region", "tags", "boundary", "access_keys", "ssh_keys", "signing_certificates", "mfa_devices"),
    "groups": (*_HOLDER, "users"),
    "roles": (*_HOLDER, "id", "trust"),
    "instance_profiles": ("name", "id", "roles"),
    "saml_providers": ("name",),
    "open_id_providers": ("url",),
    "server_certificates": ("name", "id"),
    "virtual_mfa_devices": ("serial", "qr_code"),
}
"""The members that each entity of a record must have."""


def as_document(records: AccountRecords) -> str:
    """Return records as a document."""
    return json.dumps({"version": VERSION, "accounts": records})


def read_document(text: str) -> AccountRecords:
    """Return the records of a document.

    Raises ``ValueError``, ``TypeError``, ``LookupError`` or ``AttributeError`` for what is none.
    """
    kept = json.loads(text)
    if kept["version"] != VERSION:
        raise ValueError(f"its version is {kept['version']!r}, not {VERSION}")
    accounts: AccountRecords = kept["accounts"]
    for partitions in accounts.values():
        for record in partitions.values():
            _check(record)
    return accounts


def all_records() -> AccountRecords:
    """Return the records of all accounts that have something in IAM. Raises ``IncompatibleMoto``."""
    from moto.iam.models import iam_backends

    found = {
        account: {partition: record_of(iam) for partition, iam in list(partitions.items())}
        for account, partitions in list(iam_backends.items())
    }
    filled = {
        account: {partition: record for partition, record in partitions.items() if any(record.values())}
        for account, partitions in found.items()
    }
    return {account: partitions for account, partitions in filled.items() if partitions}


def put_back(records: AccountRecords) -> None:
    """Fill moto's IAM, which is empty, with all records, or leave it empty. Raises ``IncompatibleMoto``."""
    from moto.iam.models import iam_backends

    _clear(records)  # an earlier attempt may have failed after this
    try:
        with requiring_known_attributes("users, roles and policies"):
            for account, partitions in records.items():
                for partition, record in partitions.items():
                    fill(iam_backends[account][partition], record)
    except BaseException:
        _clear(records)
        raise


def _clear(accounts: Iterable[str]) -> None:
    from moto.iam.models import iam_backends

    for account in accounts:
        iam_backends[account].clear()


def _check(record: Record) -> None:
    for kind, required in _REQUIRED.items():
        for entity in record[kind]:
            lacking = [name for name in required if name not in entity]
            if lacking:
                raise ValueError(f"one of its {kind} lacks {', '.join(lacking)}")
    if not isinstance(record["account_aliases"], list) or not isinstance(record["password_policy"], dict | None):
        raise ValueError("its account_aliases or password_policy have the wrong type")


KEPT = Kept(
    "users, roles and policies of IAM",
    empty=as_document({}),
    text=lambda: as_document(all_records()),
    reader=lambda text: partial(put_back, read_document(text)),
    services=frozenset({"iam", "cloudformation", "organizations"}),
)
