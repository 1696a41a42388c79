"""The settings of the emulator, each declared once.

A setting's name gives its flag (``--data-dir``), its environment variable (``ECR_EMULATOR_DATA_DIR``) and its key in
the TOML file (``data_dir``). ``setting_sources`` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from pathlib import Path
from typing import Any

from ecr_emulator.domain.import_policy import FULL, IMPORT_MODES, ON_REQUEST, REFERRER_MODES
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.setting_kinds import (
    ACCOUNT,
    ADDRESSES,
    BLOBS,
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
    VULNERABILITIES,
    WEBHOOKS,
    Kind,
    at_home,
    one_of,
    whole,
)
from ecr_emulator.storage.blobs.s3_place import S3Place
from ecr_emulator.upstream.negative_cache import NEGATIVE_TTL

PREFIX = "ECR_EMULATOR_"


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
    blobs: Path | S3Place | None = field(
        default=None, metadata=_as(BLOBS, "Directory or S3 bucket for layers, instead of the data directory.")
    )
    redirect_blobs: bool = field(
        default=False, metadata=_as(SWITCH, "Redirect clients that download layers to signed URLs of the S3 bucket.")
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
    vulnerabilities: Path | None = field(
        default=None,
        metadata=_as(VULNERABILITIES, "Folder or zip of advisories in the format of OSV, for scans of images."),
    )
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
