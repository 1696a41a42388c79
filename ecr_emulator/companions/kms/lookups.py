"""Look-ups of keys in moto's KMS. Callers make them within ``Companions.reading``."""

from __future__ import annotations

from typing import Any

from ecr_emulator.domain.encryption_keys import KeyName
from ecr_emulator.errors import KmsException

_UNUSABLE = {
    "Disabled": ("DisabledException", "{arn} is disabled."),
    "PendingDeletion": ("KMSInvalidStateException", "{arn} is pending deletion."),
    "PendingImport": ("KMSInvalidStateException", "{arn} is pending import."),
    "Unavailable": ("KMSInvalidStateException", "{arn} is unavailable."),
}
"""The errors of KMS for keys that cannot be used, by their state, with its sentences."""


def keys_of(account: str, region: str) -> dict[str, Any]:
    """Return moto's keys in a Region of an account, by their ids; no backend is created for it."""
    from moto.kms.models import kms_backends

    regions: Any = kms_backends.get(account, {})
    return dict(regions[region].keys) if region in regions else {}


def find_key(named: KeyName) -> Any | None:
    """Return moto's key with a name, or None."""
    keys = keys_of(named.owner.id, named.owner.region)
    if named.alias is None:
        return keys.get(named.key_id)
    return next((key for key in keys.values() if named.alias in key.aliases), None)


def usable_key(named: KeyName) -> Any:
    """Return moto's key with a name. Raises ``KmsException`` unless it exists, is enabled and encrypts symmetrically.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
    """
    key = find_key(named)
    if key is None:
        missing = f"Alias {named.arn} is not found." if named.alias else f"Key '{named.arn}' does not exist"
        raise KmsException(missing, kms_error="NotFoundException")
    state = key.key_state if key.enabled or key.key_state != "Enabled" else "Disabled"
    if state in _UNUSABLE:
        error, sentence = _UNUSABLE[state]
        raise KmsException(sentence.format(arn=key.arn), kms_error=error)
    if key.key_usage != "ENCRYPT_DECRYPT":
        sentence = f"{key.arn} key usage is {key.key_usage} which is not valid for GenerateDataKey."
        raise KmsException(sentence, kms_error="InvalidKeyUsageException")
    if key.key_spec != "SYMMETRIC_DEFAULT":
        sentence = f"{key.arn} key spec is {key.key_spec} which is not valid for GenerateDataKey."
        raise KmsException(sentence, kms_error="InvalidKeyUsageException")
    return key
