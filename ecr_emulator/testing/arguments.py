"""The settings that ``EcrEmulator`` takes as arguments: those of ``serve``, without the ones about its process."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from ecr_emulator.settings import Settings

OF_THE_SERVER = {
    "host", "port", "seed", "init_scripts", "tls", "tls_dir", "log_level", "log_format", "shutdown_timeout", "threads"
}  # fmt: skip
"""Settings of ``ecr-emulator serve`` that have no meaning inside another process."""


class EmulatorSettings(TypedDict, total=False):
    """Settings by name, as docs/settings.md describes them."""

    data_dir: str | os.PathLike[str] | None
    database: str | None
    blobs: str | os.PathLike[str] | None
    redirect_blobs: bool
    account: str
    region: str
    uri_style: str
    public_host: str | None
    allow_host: Sequence[str]
    allow_origin: Sequence[str]
    admin_token: str | None
    upstream_map: Mapping[str, str]
    allow_upstream: Sequence[str]
    offline: bool
    negative_ttl: float
    import_mode: str
    import_referrers: str
    registry_auth: str
    iam: str
    any_kms_key: bool
    verify_signatures: bool
    strict: bool
    accept_sparse: bool
    disk_reserve: int
    event_webhook: Sequence[str]
    event_log_size: int
    vulnerabilities: str | os.PathLike[str] | None
    background_delay: float


def read_settings(given: EmulatorSettings) -> Settings:
    """Check the arguments as ``serve`` checks its settings file. Raises ``SettingsError``."""
    from ecr_emulator.setting_sources import SettingsError, from_values

    for name in OF_THE_SERVER & given.keys():
        raise SettingsError(f"EcrEmulator has no setting {name}; start `ecr-emulator serve` to use it")
    return from_values({name: _as_in_toml(value) for name, value in given.items() if value is not None})


def _as_in_toml(value: Any) -> Any:
    """Return an argument in the form that a TOML file has for it."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return dict(value)
    return value if isinstance(value, str | int | float) else list(value)
