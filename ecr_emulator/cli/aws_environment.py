"""The AWS variables of the environment, for commands that ask a running emulator.

Flags and ``ECR_EMULATOR_…`` variables win over AWS variables; AWS variables win over the settings file.
https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-envvars.html
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

import click

from ecr_emulator.cli.http_client import Address, account_of_key
from ecr_emulator.domain.names import is_account_id
from ecr_emulator.settings import Loaded

ENDPOINTS = ("AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL")
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
ACCESS_KEY = "AWS_ACCESS_KEY_ID"
IGNORE = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"

_PORTS = {"http": 80, "https": 443}


def emulator_meant(loaded: Loaded, environment: Mapping[str, str] = os.environ) -> Address:
    """Return the address of the emulator that the user means."""
    variable = _first_set(ENDPOINTS, environment)
    is_ignored = environment.get(IGNORE, "").lower() == "true"
    if variable is None or is_ignored or loaded.is_explicit("host") or loaded.is_explicit("port"):
        return Address.of(loaded.settings)
    return _address_at(environment[variable], variable, loaded.settings.admin_token)


def registry_meant(loaded: Loaded, address: Address, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the account and the Region that the user names, each only if named.

    The emulator is asked for the account of an access key that IAM or STS issued.
    """
    return dict(_named(loaded, address, environment))


def _named(loaded: Loaded, address: Address, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    region = _first_set(REGIONS, environment)
    tell: dict[str, Callable[[], str | None]] = {
        "account": lambda: _account_of(environment.get(ACCESS_KEY, ""), address),
        "region": lambda: environment[region] if region else None,
    }
    for name, told in tell.items():
        value = None if loaded.is_explicit(name) else told()
        if value:
            yield name, value
        elif not loaded.is_default(name):
            yield name, getattr(loaded.settings, name)


def _account_of(access_key: str, address: Address) -> str | None:
    return access_key if not access_key or is_account_id(access_key) else account_of_key(address, access_key)


def _first_set(variables: tuple[str, ...], environment: Mapping[str, str]) -> str | None:
    return next((variable for variable in variables if environment.get(variable)), None)


def _address_at(url: str, variable: str, token: str | None) -> Address:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError):
        raise _no_address(url, variable) from None
    if not parts.hostname:
        raise _no_address(url, variable)
    return Address(parts.hostname, port, token, parts.scheme == "https", f"at {url}, which {variable} names")


def _no_address(url: str, variable: str) -> click.UsageError:
    return click.UsageError(f"{variable} must be an address like http://localhost:4566, not {url!r}")
