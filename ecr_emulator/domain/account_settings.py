"""Account settings: their names, their possible values, and their defaults.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutAccountSetting.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

BLOB_MOUNTING = "BLOB_MOUNTING"
"""Whether a push may mount layers from other repositories of the registry: ENABLED or DISABLED."""
REGISTRY_POLICY_SCOPE = "REGISTRY_POLICY_SCOPE"
"""The actions that the registry policy covers: V1 covers three, V2 covers all."""
BASIC_SCAN_TYPE_VERSION = "BASIC_SCAN_TYPE_VERSION"
"""The engine of basic scanning. AWS has removed the older engine, CLAIR."""


class AccountSetting(NamedTuple):
    """The possible values of a setting and its value in a new registry."""

    values: tuple[str, ...]
    default: str


ACCOUNT_SETTINGS: Mapping[str, AccountSetting] = {
    BASIC_SCAN_TYPE_VERSION: AccountSetting(("AWS_NATIVE",), "AWS_NATIVE"),
    REGISTRY_POLICY_SCOPE: AccountSetting(("V1", "V2"), "V2"),
    BLOB_MOUNTING: AccountSetting(("ENABLED", "DISABLED"), "DISABLED"),
}
