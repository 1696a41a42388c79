"""The AWS variables of the environment, for commands that ask a running emulator.

Flags and ``ECR_EMULATOR_…`` variables win over AWS variables, these over the profile that ``AWS_PROFILE`` names, and
the profile over the settings file. The default profile is not read: it often belongs to a real account, and users of
docker alone do not think of it.
https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-envvars.html
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

import click

from ecr_emulator.cli.aws_profiles import PROFILE, Profile, find_profile
from ecr_emulator.cli.http_client import Address, account_of_key
from ecr_emulator.domain.names import is_account_id, is_region
from ecr_emulator.setting_sources import Loaded

ENDPOINTS = ("AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL")
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
ACCESS_KEY = "AWS_ACCESS_KEY_ID"
IGNORE = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"

PORTS = {"http": 80, "https": 443}


def emulator_meant(loaded: Loaded, environment: Mapping[str, str] = os.environ) -> Address:
    """Return the address of the emulator that the user means."""
    token = loaded.settings.admin_token
    if is_ignored(environment) or loaded.is_explicit("host") or loaded.is_explicit("port"):
        return Address.of(loaded.settings)
    variable = _first_set(ENDPOINTS, environment)
    if variable:
        return _address_at(environment[variable], variable, token)
    profile = find_profile(environment) if environment.get(PROFILE) else None
    if profile and profile.endpoint_url:
        return _address_at(profile.endpoint_url, f"the profile {profile.name}", token)
    return Address.of(loaded.settings)


def is_ignored(environment: Mapping[str, str]) -> bool:
    """Whether AWS tools ignore the endpoints of variables and profiles."""
    return environment.get(IGNORE, "").lower() == "true"


def registry_meant(loaded: Loaded, address: Address, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the account and the Region that the user names, each only if named.

    The emulator is asked for the account of an access key that IAM or STS issued.
    """
    return dict(_named(loaded, address, environment))


def _named(loaded: Loaded, address: Address, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    tell: dict[str, Callable[[], str | None]] = {
        "account": lambda: _account_of(_told((ACCESS_KEY,), "aws_access_key_id", environment)[0], address),
        "region": lambda: _region(*_told(REGIONS, "region", environment)),
    }
    for name, told in tell.items():
        value = None if loaded.is_explicit(name) else told()
        if value:
            yield name, value
        elif not loaded.is_default(name):
            yield name, getattr(loaded.settings, name)


def _told(variables: tuple[str, ...], key: str, environment: Mapping[str, str]) -> tuple[str | None, str]:
    """Return the value of a variable, or else of a key of the profile that the user names, and its source in words."""
    variable = _first_set(variables, environment)
    if variable:
        return environment[variable], variable
    profile = _named_profile(environment)
    return (profile.values.get(key), f"The {key} of the profile {profile.name}") if profile else (None, "")


def _region(region: str | None, source: str) -> str | None:
    if region and not is_region(region):
        raise click.UsageError(f"{source} must be a Region, like eu-west-1, not {region!r}")
    return region


def _named_profile(environment: Mapping[str, str]) -> Profile | None:
    """Return the profile that ``AWS_PROFILE`` names, if it is set. Raises ``UsageError`` if there is none."""
    if not environment.get(PROFILE):
        return None
    profile = find_profile(environment)
    if profile is None:
        raise click.UsageError(f"{PROFILE} is {environment[PROFILE]}, and no file has such a profile")
    return profile


def _account_of(access_key: str | None, address: Address) -> str | None:
    return access_key if not access_key or is_account_id(access_key) else account_of_key(address, access_key)


def _first_set(variables: tuple[str, ...], environment: Mapping[str, str]) -> str | None:
    return next((variable for variable in variables if environment.get(variable)), None)


def _address_at(url: str, source: str, token: str | None) -> Address:
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
    except (KeyError, ValueError):
        raise _no_address(url, source) from None
    if not parts.hostname:
        raise _no_address(url, source)
    return Address(parts.hostname, port, token, parts.scheme == "https", f"at {url}, which {source} names")


def _no_address(url: str, source: str) -> click.UsageError:
    what = source if source in ENDPOINTS else f"The endpoint_url of {source}"
    return click.UsageError(f"{what} must be an address like http://localhost:4566, not {url!r}")
