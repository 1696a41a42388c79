"""Account settings: their names, the values they can have, and what they are until somebody sets them.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutAccountSetting.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

BLOB_MOUNTING = "BLOB_MOUNTING"
"""Whether a push may take over layers from other repositories of the registry: ENABLED or DISABLED."""
REGISTRY_POLICY_SCOPE = "REGISTRY_POLICY_SCOPE"
"""Which requests the registry policy decides: V1 three actions, V2 all."""
BASIC_SCAN_TYPE_VERSION = "BASIC_SCAN_TYPE_VERSION"
"""The engine of basic scanning. The older one, CLAIR, is gone."""


class AccountSetting(NamedTuple):
    """The values that a setting can have, and the one it has in a new registry."""

    values: tuple[str, ...]
    default: str


ACCOUNT_SETTINGS: Mapping[str, AccountSetting] = {
    BASIC_SCAN_TYPE_VERSION: AccountSetting(("AWS_NATIVE",), "AWS_NATIVE"),
    REGISTRY_POLICY_SCOPE: AccountSetting(("V1", "V2"), "V2"),
    BLOB_MOUNTING: AccountSetting(("ENABLED", "DISABLED"), "DISABLED"),
}
