"""The keys of repositories, in the KMS companion.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.kept_documents import Kept, KeptDocuments
from ecr_emulator.companions.kms.grants import add_grants, has_grants, retire_grants
from ecr_emulator.companions.kms.lookups import find_key, usable_key
from ecr_emulator.companions.kms.managed_keys import ensure_managed_key, refuse_changes_of_managed_keys
from ecr_emulator.companions.kms.records import all_records, as_document, put_back, read_document
from ecr_emulator.domain.access.evaluate import decide
from ecr_emulator.domain.access.policies import NamedPolicy, Policies
from ecr_emulator.domain.access.request import AccessRequest, Principal
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.encryption_keys import MANAGED_KEY, KeyName, key_arn_of, managed_key, read_key_name
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import KmsException
from ecr_emulator.ports.store import Store

KMS = "kms"
ACCESS_DENIED = "AccessDeniedException"
NO_GRANTS = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "
    "or you are not allowed to access."
)
"""The sentence of KMS for a key whose grants were revoked."""

KEPT = Kept(
    "keys",
    empty=as_document([]),
    text=lambda: as_document(all_records()),
    reader=lambda text: partial(put_back, read_document(text)),
)


class CompanionKeys:
    """``ports.encryption_keys.EncryptionKeys`` on the KMS companion.

    Nobody can disable or delete the key that AWS manages, so moto need not be imported for it: when moto is first
    used, the key is created with the grants of all repositories that use it. Any other key is looked up in moto, and
    is kept in a document.
    """

    def __init__(self, companions: Companions, store: Store, kept: KeptDocuments) -> None:
        self._companions = companions
        self._store = store
        self._kept = kept
        kept.keep(KMS, KEPT)
        companions.at_load(self._create_managed_keys, KMS)
        companions.before_each_call(refuse_changes_of_managed_keys)

    def find(self, registry: Registry, key: str | None) -> str:
        named = read_key_name(registry, key or MANAGED_KEY)
        own = managed_key(registry)
        if named in (own, KeyName(registry, MANAGED_KEY)):
            return own.arn
        self._companions.load()
        with self._companions.reading():
            found = usable_key(named)
            _check_account(registry, found)
            return str(found.arn)

    def check(self, repository: Repository) -> None:
        named = _key_name(repository)
        if named is None or (_is_managed(repository) and not self._companions.is_loaded):
            return
        self._companions.load()
        with self._companions.reading():
            key = usable_key(named)
            if not has_grants(key, repository):
                raise KmsException(NO_GRANTS, kms_error=ACCESS_DENIED)

    def add_grants(self, repository: Repository) -> None:
        if _is_managed(repository):
            self._kept.touch(KMS)
            self._companions.if_loaded(lambda: _add(repository))
        else:
            self._companions.change(lambda: _add(repository))

    def retire_grants(self, repository: Repository) -> None:
        if _is_managed(repository):
            self._kept.touch(KMS)
            self._companions.if_loaded(lambda: _retire(repository))
        else:
            self._companions.change(lambda: _retire(repository))

    def _create_managed_keys(self) -> None:
        with self._store.reading() as work:
            encrypted = work.repositories.encrypted_by_kms()
        for repository in encrypted:
            if _is_managed(repository):
                _add(repository)


def _key_name(repository: Repository) -> KeyName | None:
    arn = key_arn_of(repository.encryption, repository.registry)
    return read_key_name(repository.registry, arn) if arn else None


def _is_managed(repository: Repository) -> bool:
    return _key_name(repository) == managed_key(repository.registry)


def _key_of(repository: Repository) -> Any | None:
    named = _key_name(repository)
    return find_key(named) if named else None


def _add(repository: Repository) -> None:
    if _is_managed(repository):
        ensure_managed_key(repository.registry)
    key = _key_of(repository)
    if key is not None:
        add_grants(key, repository)


def _retire(repository: Repository) -> None:
    key = _key_of(repository)
    if key is not None:
        retire_grants(key, repository)


def _check_account(registry: Registry, key: Any) -> None:
    """Raise ``KmsException`` unless an account may use a key: another account's only if the key's policy says so."""
    if key.account_id == registry.id:
        return
    principal = Principal.of_arn(Caller.root_of(registry).principal_arn)
    policies = Policies(resource=(NamedPolicy(f"of the key {key.arn}", key.policy),))
    decision = decide(AccessRequest(principal, "kms:CreateGrant", key.arn, {}), policies, key.account_id)
    if not decision.is_allowed:
        raise KmsException(decision.sentence, kms_error=ACCESS_DENIED)
