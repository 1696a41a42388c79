"""The sources of settings: flags, the environment and a TOML file.

Flags win over the environment, the environment over the file, the file over the default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.setting_kinds import InvalidPart, Kind
from ecr_emulator.settings import PREFIX, SETTINGS, Settings

CONFIG_VARIABLE = f"{PREFIX}CONFIG"
CONFIG_FILE = Path("ecr-emulator.toml")
DEFAULT = "default"


class SettingsError(ValueError):
    """A setting that is unknown or invalid. The message names the setting, its source, and the expected value."""


@dataclass(frozen=True)
class Loaded:
    """Settings, and the source of each value in words, by the name of the setting."""

    settings: Settings
    sources: Mapping[str, str]

    def is_default(self, name: str) -> bool:
        """Whether the setting has its default."""
        return self.sources[name] == DEFAULT

    def is_flag(self, name: str) -> bool:
        """Whether a flag sets it."""
        return self.sources[name] == SETTINGS[name].flag

    def is_explicit(self, name: str) -> bool:
        """Whether a flag or an ``ECR_EMULATOR_…`` variable sets it."""
        return self.is_flag(name) or self.sources[name] == SETTINGS[name].variable


Found = dict[str, tuple[Any, str]]


def load(flags: Mapping[str, list[str]], environment: Mapping[str, str], config: Path | None = None) -> Loaded:
    """Read all sources. ``flags`` holds the texts of the given flags by setting name.

    ``config`` is the TOML file; without it ``ECR_EMULATOR_CONFIG`` names one, or ./ecr-emulator.toml is used if it
    exists. An empty variable counts as unset. Raises SettingsError.
    """
    variables = {name: text for name, text in environment.items() if name.startswith(PREFIX) and text}
    named = config or (Path(variables[CONFIG_VARIABLE]) if CONFIG_VARIABLE in variables else None)
    found: Found = {name: (setting.default, DEFAULT) for name, setting in SETTINGS.items()}
    found |= _from_file(named or CONFIG_FILE, required=named is not None)
    found |= _from_environment(variables)
    found |= _from_flags(flags)
    values = {name: value for name, (value, _) in found.items()}
    return Loaded(Settings(**values), {name: source for name, (_, source) in found.items()})


def from_values(values: Mapping[str, Any]) -> Settings:
    """Return settings with these values, written as in the TOML file. Raises SettingsError."""
    return Settings(**dict(_checked(values, "setting")))


def _from_flags(flags: Mapping[str, list[str]]) -> Found:
    given = [(SETTINGS[name], texts) for name, texts in flags.items()]
    return {each.name: (_value(each.kind, each.flag, texts, list), each.flag) for each, texts in given}


def _from_environment(variables: Mapping[str, str]) -> Found:
    known = {setting.variable: setting for setting in SETTINGS.values()}
    found: Found = {}
    for variable, text in variables.items():
        if variable == CONFIG_VARIABLE:
            continue
        if variable not in known:
            raise _unknown(f"environment variable {variable}", variable, [*known, CONFIG_VARIABLE])
        setting = known[variable]
        found[setting.name] = (_value(setting.kind, variable, text, setting.kind.texts_in), variable)
    return found


def _from_file(path: Path, *, required: bool) -> Found:
    return {name: (value, str(path)) for name, value in _checked(_document(path, required=required), "key", path)}


def _checked(values: Mapping[str, Any], noun: str, source: Path | None = None) -> Iterator[tuple[str, Any]]:
    """Yield the names and the parsed values."""
    where = f" in {source}" if source else ""
    for name, value in values.items():
        if name not in SETTINGS:
            raise _unknown(f"{noun} {name}{where}", name, list(SETTINGS))
        kind = SETTINGS[name].kind
        yield name, _value(kind, f"{name}{where}", value, kind.texts_from)


def _document(path: Path, *, required: bool) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if required:
            raise SettingsError(f"There is no settings file {path}") from None
        return {}
    except OSError as failure:
        raise SettingsError(f"The settings file {path} cannot be read: {failure.strerror}") from None
    import tomllib  # parsed only where there is a file: every command pays for this module

    try:
        return tomllib.loads(data.decode())
    except ValueError as wrong:
        raise SettingsError(f"{path} is not TOML: {wrong}") from None


def _value(kind: Kind, where: str, given: Any, texts_of: Callable[[Any], list[str]]) -> Any:
    try:
        return kind.value_of(texts_of(given))
    except ValueError as failure:
        wrong = "" if kind.is_secret else f", not {_shown(given)}"
        reason = f": {failure}" if isinstance(failure, InvalidPart) else ""
        raise SettingsError(f"{where} must be {kind.expects}{wrong}{reason}") from None


def _shown(given: Any) -> str:
    """Return a value roughly as it is written in its source."""
    if isinstance(given, bool):
        return str(given).lower()
    return repr(", ".join(map(str, given)) if isinstance(given, list) else given)


def _unknown(what: str, name: str, known: list[str]) -> SettingsError:
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    return SettingsError(f"Unknown {what}." + (f" Did you mean {close[0]}?" if close else ""))
