"""The settings of the emulator, each declared once, and the source of each value.

A setting's name gives its flag (``--data-dir``), its environment variable (``ECR_EMULATOR_DATA_DIR``) and its key in
the TOML file (``data_dir``). Flags win over the environment, the environment over the file, the file over the default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, fields
from pathlib import Path
from typing import Any

from ecr_emulator.domain.import_policy import FULL, IMPORT_MODES, ON_REQUEST, REFERRER_MODES
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.setting_kinds import (
    ACCOUNT,
    ADDRESSES,
    DATABASE,
    DIRECTORY,
    HOST_NAMES,
    ORIGINS,
    PATHS,
    PUBLIC_HOST,
    REGION,
    SECONDS,
    SWITCH,
    TOKEN,
    UPSTREAM_HOSTS,
    UPSTREAMS,
    URI_STYLE,
    WEBHOOKS,
    Kind,
    at_home,
    one_of,
    whole,
)
from ecr_emulator.upstream.negative_cache import NEGATIVE_TTL

PREFIX = "ECR_EMULATOR_"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
CONFIG_FILE = Path("ecr-emulator.toml")
DEFAULT = "default"


class SettingsError(ValueError):
    """A setting that is unknown or invalid. The message names the setting, its source, and the expected value."""


def _as(kind: Kind, meaning: str) -> dict[str, Any]:
    return {"kind": kind, "help": meaning}


@dataclass(frozen=True)
class Settings:
    """All settings. ``load`` checks the values; constructing this class does not."""

    host: tuple[str, ...] = field(
        default=("127.0.0.1", "::1"), metadata=_as(ADDRESSES, "Address to listen on; may be repeated.")
    )
    port: int = field(default=4566, metadata=_as(whole(0, 65535), "Port to listen on; 0 picks a free one."))
    data_dir: Path | None = field(
        default=None, metadata=_as(DIRECTORY, "Directory for the state. Without it the state is temporary.")
    )
    database: str | None = field(
        default=None, repr=False, metadata=_as(DATABASE, "PostgreSQL database for the metadata, instead of SQLite.")
    )
    seed: tuple[Path, ...] = field(
        default=(), metadata=_as(PATHS, "Seed file, or folder of seeds, to apply at the start; may be repeated.")
    )
    init_scripts: tuple[Path, ...] = field(
        default=(), metadata=_as(PATHS, "Init script, or folder of them, to run after the start; may be repeated.")
    )
    account: str = field(
        default="000000000000", metadata=_as(ACCOUNT, "Account of callers whose access key names none.")
    )
    region: str = field(default="us-east-1", metadata=_as(REGION, "Region of requests that name none."))
    uri_style: str = field(default="localhost", metadata=_as(URI_STYLE, "Form of repository URIs in answers."))
    public_host: str | None = field(
        default=None, metadata=_as(PUBLIC_HOST, "Host to write in answers instead of the client's.")
    )
    allow_host: tuple[str, ...] = field(
        default=(),
        metadata=_as(HOST_NAMES, "Further host name to answer to, or *.NAME for all below it; may be repeated."),
    )
    allow_origin: tuple[str, ...] = field(
        default=(), metadata=_as(ORIGINS, "Origin of web pages that may use the emulator; may be repeated.")
    )
    admin_token: str | None = field(
        default=None,
        repr=False,
        metadata=_as(TOKEN, "Token that requests to /_ecr must send. Set it in the environment: all can read flags."),
    )
    upstream_map: Mapping[str, str] = field(
        default_factory=dict,
        metadata=_as(UPSTREAMS, "Fetch the images of the upstream HOST from this URL; may be repeated."),
    )
    allow_upstream: tuple[str, ...] = field(
        default=(), metadata=_as(UPSTREAM_HOSTS, "Allow rules for this registry, which ECR refuses; may be repeated.")
    )
    offline: bool = field(default=False, metadata=_as(SWITCH, "Send no request to any upstream; serve cached images."))
    negative_ttl: float = field(
        default=NEGATIVE_TTL,
        metadata=_as(SECONDS, "Seconds before asking an upstream again for a missing image; twice if it refused."),
    )
    import_mode: str = field(
        default=FULL, metadata=_as(one_of(*IMPORT_MODES), "Parts of an image that the first pull through imports.")
    )
    import_referrers: str = field(
        default=ON_REQUEST,
        metadata=_as(one_of(*REFERRER_MODES), "When to ask upstreams for signatures and other referrers."),
    )
    registry_auth: str = field(
        default="token", metadata=_as(one_of("token", "open"), "Whether registry clients need a token.")
    )
    iam: str = field(
        default="off", metadata=_as(one_of("off", "enforce"), "Whether every request is checked against policies.")
    )
    any_kms_key: bool = field(
        default=False,
        metadata=_as(SWITCH, "Accept every KMS key that has a name, without asking KMS whether it can be used."),
    )
    verify_signatures: bool = field(
        default=False, metadata=_as(SWITCH, "Check signatures made with access keys of the IAM or STS companion.")
    )
    strict: bool = field(default=False, metadata=_as(SWITCH, "Depart from the OCI specification where real ECR does."))
    accept_sparse: bool = field(
        default=False,
        metadata=_as(SWITCH, "Accept manifests whose layers or images were never pushed, which ECR refuses."),
    )
    tls: bool = field(default=False, metadata=_as(SWITCH, "Speak HTTPS too, on the same port."))
    tls_dir: Path = field(
        default_factory=lambda: at_home(".local/share/ecr-emulator/tls"),
        metadata=_as(DIRECTORY, "Directory of the certificate authority for --tls."),
    )
    disk_reserve: int = field(
        default=100,
        metadata=_as(whole(0, 999_999_999), "Mebibytes of disk that pushes and pull through leave free, at least 4."),
    )
    event_webhook: tuple[str, ...] = field(
        default=(), repr=False, metadata=_as(WEBHOOKS, "URL to which each event is sent; may be repeated.")
    )
    event_log_size: int = field(
        default=10_000, metadata=_as(whole(1, 10_000_000), "Maximum number of events that are kept.")
    )
    log_level: str = field(
        default="info", metadata=_as(one_of("debug", "info", "warning", "error"), "Least severe messages to log.")
    )
    log_format: str = field(default="text", metadata=_as(one_of("text", "json"), "Format of log lines."))
    background_delay: float = field(
        default=0.0,
        metadata=_as(SECONDS, "Seconds that scans, restores, replication and lifecycle previews take."),
    )
    shutdown_timeout: float = field(
        default=10.0, metadata=_as(SECONDS, "Seconds that running transfers get when the server stops.")
    )
    threads: int = field(
        default=1024, metadata=_as(whole(1, 10_000), "Maximum number of requests that are answered at the same time.")
    )


@dataclass(frozen=True)
class Setting:
    """One setting with its flag, its environment variable and its help."""

    name: str
    kind: Kind
    default: Any
    help: str

    @property
    def flag(self) -> str:
        """``--data-dir``"""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """``ECR_EMULATOR_DATA_DIR``"""
        return PREFIX + self.name.upper()


SETTINGS = {
    each.name: Setting(each.name, default=getattr(Settings(), each.name), **each.metadata) for each in fields(Settings)
}


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
    except ValueError:
        wrong = "" if kind.is_secret else f", not {_shown(given)}"
        raise SettingsError(f"{where} must be {kind.expects}{wrong}") from None


def _shown(given: Any) -> str:
    """Return a value roughly as it is written in its source."""
    if isinstance(given, bool):
        return str(given).lower()
    return repr(", ".join(map(str, given)) if isinstance(given, list) else given)


def _unknown(what: str, name: str, known: list[str]) -> SettingsError:
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    return SettingsError(f"Unknown {what}." + (f" Did you mean {close[0]}?" if close else ""))
