"""Profiles in the configuration files of AWS tools.

https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from configparser import RawConfigParser

PROFILE = "AWS_PROFILE"
DEFAULT = "default"


class Profile(NamedTuple):
    """A profile: its values by key, and the endpoint of ECR, if it has one of its own or one for all services."""

    name: str
    values: Mapping[str, str]
    endpoint_url: str | None


def find_profile(environment: Mapping[str, str]) -> Profile | None:
    """Return the profile that AWS tools use, with the values of both files; None if neither file has it."""
    name = environment.get(PROFILE) or DEFAULT
    config = _read(environment.get("AWS_CONFIG_FILE") or "~/.aws/config")
    credentials = _read(environment.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials")
    sections = [(config, name if name == DEFAULT else f"profile {name}"), (credentials, name)]
    found = [dict(parser.items(section)) for parser, section in sections if parser.has_section(section)]
    if not found:
        return None
    values = {key: value for each in found for key, value in each.items()}
    return Profile(name, values, _endpoint_of_ecr(config, values) or values.get("endpoint_url"))


def _endpoint_of_ecr(config: RawConfigParser, values: Mapping[str, str]) -> str | None:
    """Return the endpoint in the section of services that a profile names.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
    """
    section = f"services {values.get('services')}"
    nested = config.get(section, "ecr", fallback="") or ""
    pairs = (line.partition("=") for line in nested.splitlines())
    return next((value.strip() for key, _, value in pairs if key.strip() == "endpoint_url"), None)


def _read(file: str) -> RawConfigParser:
    """Return the content of a file; nothing if it cannot be read, which AWS tools report by themselves."""
    from configparser import Error, RawConfigParser

    parser = RawConfigParser()
    try:
        parser.read(os.path.expanduser(file), encoding="utf-8")
    except (Error, OSError, UnicodeDecodeError):
        return RawConfigParser()
    return parser
