"""Options of commands, made from the table of settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from ecr_emulator.setting_sources import CONFIG_FILE, Loaded, SettingsError, load
from ecr_emulator.settings import PREFIX, SETTINGS, Setting


class CannotStart(click.ClickException):
    """The emulator cannot start with these settings."""

    exit_code = 2


ADDRESS = {
    "host": f"Address of the emulator.  [default: {', '.join(SETTINGS['host'].default)}]",
    "port": f"Port of the emulator.  [default: {SETTINGS['port'].default}]",
    "admin_token": "The --admin-token of the emulator, if it has one.",
}
"""Help of settings for commands that ask a running emulator."""


def with_settings(
    *names: str, meaning: Mapping[str, str] = MappingProxyType({})
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options of these settings to a command, or of all settings, and pass it the loaded settings first.

    ``meaning`` overrides the help of settings by name.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(config: Path | None, **given: Any) -> None:
            settings = {name: given.pop(name) for name in names or SETTINGS}
            command(loaded_settings(config, settings), **given)

        options = [_option(SETTINGS[name], meaning.get(name)) for name in names or SETTINGS]
        for option in reversed([_config_option(), *options]):
            run = option(run)
        return run

    return decorate


def loaded_settings(config: Path | None, given: dict[str, Any]) -> Loaded:
    flags = {name: _texts(value) for name, value in given.items() if value not in (None, "", ())}
    try:
        return load(flags, os.environ, config)
    except SettingsError as wrong:
        raise click.UsageError(f"{wrong}{_about_service_links()}") from None


def _about_service_links() -> str:
    """Return the cause of wrong variables in a pod, if Kubernetes has set some for a Service called ecr-emulator."""
    if f"{PREFIX}SERVICE_HOST" not in os.environ:
        return ""
    return f". Kubernetes sets {PREFIX}… for the Service ecr-emulator, unless the pod has enableServiceLinks: false"


def _texts(value: Any) -> list[str]:
    """Return the texts of a flag: ``true`` or ``false`` for a switch, one or more texts for other flags."""
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [value] if isinstance(value, str) else list(value)


def _config_option() -> Callable[[Any], Any]:
    meaning = f"TOML file with settings.  [default: {CONFIG_FILE}, if it exists]"
    return click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help=meaning)


def _option(setting: Setting, meaning: str | None) -> Callable[[Any], Any]:
    meaning = meaning or setting.help + _default_of(setting)
    if setting.kind.is_switch:
        return click.option(f"{setting.flag}/--no-{setting.flag[2:]}", setting.name, default=None, help=meaning)
    many = setting.kind.gather is not None
    how: dict[str, Any] = {"multiple": many, "metavar": setting.kind.placeholder, "help": meaning}
    return click.option(setting.flag, setting.name, **how)


def _default_of(setting: Setting) -> str:
    shown = ", ".join(setting.default) if setting.kind.gather else setting.default
    return "" if setting.kind.is_switch or shown in (None, "") else f"  [default: {shown}]"
