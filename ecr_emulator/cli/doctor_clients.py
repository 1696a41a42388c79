"""Checks of the clients on this machine: docker, its login, and the AWS CLI."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ecr_emulator.cli.aws_environment import ENDPOINTS, IGNORE, PORTS, REGIONS, is_ignored
from ecr_emulator.cli.aws_profiles import PROFILE, find_profile
from ecr_emulator.cli.doctor_connections import TIMEOUT_SECONDS
from ecr_emulator.cli.doctor_findings import Finding, Situation
from ecr_emulator.cli.http_client import LOCALHOST, Address, connection_to

DOCKER_SECONDS = 10
CREDENTIALS = {"aws_access_key_id", "sso_session", "sso_start_url", "role_arn", "credential_process", "login_session"}
"""Keys of a profile of which one is enough for credentials."""


def check_docker(situation: Situation) -> Finding:
    """Check whether docker's engine may speak HTTP to the emulator, and sees it as this machine does."""
    docker = shutil.which("docker")
    if docker is None:
        return Finding("docker", "skipped", "There is no docker here")
    ask = [docker, "info", "--format", "{{json .}}"]
    try:
        asked = subprocess.run(ask, capture_output=True, text=True, timeout=DOCKER_SECONDS, check=False)  # noqa: S603
        engine: dict[str, Any] = json.loads(asked.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return Finding("docker", "warning", "Its engine does not answer: docker info says why")
    if not engine.get("ServerVersion"):
        reasons = "; ".join(engine.get("ServerErrors") or asked.stderr.split("\n")[:1]) or "docker info says why"
        return Finding("docker", "warning", f"Its engine does not answer: {reasons}")
    remote = situation.environment.get("DOCKER_HOST", "unix:")
    if situation.is_local and not remote.startswith(("unix:", "npipe:")):
        return Finding(
            "docker",
            "warning",
            f"DOCKER_HOST is {remote}: the engine's localhost is another machine. Serve with --host 0.0.0.0, and name "
            "this machine's address in insecure-registries of the engine",
        )
    host = situation.registry_host
    if situation.is_local or situation.address.https or host in _insecure(engine):
        desktop = " in a virtual machine, which forwards localhost" if "Desktop" in str(engine) else ""
        return Finding("docker", "ok", f"Engine {engine['ServerVersion']}{desktop}")
    return Finding("docker", "warning", f'It asks {host} by HTTPS only: add "insecure-registries": ["{host}"]')


def check_login(situation: Situation) -> Finding:
    """Check whether the emulator takes the password that docker has stored for it."""
    folder = situation.environment.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
    file = Path(folder, "config.json")
    host = situation.registry_host
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        entry, helper = config.get("auths", {}).get(host), config.get("credHelpers", {}).get(host)
        auth = (entry or {}).get("auth")
    except FileNotFoundError:
        entry = helper = auth = None
    except (OSError, ValueError, AttributeError):
        return Finding("login", "warning", f"{file} cannot be read as JSON of docker")
    if entry is None and helper is None:
        return Finding("login", "warning", f"docker has no login for {host}: ecr-emulator login")
    if helper or not auth:
        keeper = helper or config.get("credsStore") or "a helper"
        return Finding("login", "skipped", f"The password for {host} is kept by {keeper}, which is not asked")
    status = _status_with(situation, auth)
    if status == 401:
        return Finding("login", "failed", f"The login of docker for {host} is stale: ecr-emulator login")
    if status != 200:
        return Finding("login", "skipped", "No emulator answers that could take the password")
    return Finding("login", "ok", f"docker's login for {host} is valid")


def check_aws_cli(situation: Situation) -> Finding:
    """Check whether the AWS CLI and SDKs ask this emulator, with a Region and credentials."""
    environment = situation.environment
    profile, named = find_profile(environment), environment.get(PROFILE)
    if named and profile is None:
        return Finding("aws", "failed", f"{PROFILE} is {named}, and no file has such a profile: unset {PROFILE}")
    values = profile.values if profile else {}
    endpoint = next((environment[name] for name in ENDPOINTS if environment.get(name)), None)
    endpoint = endpoint or (profile.endpoint_url if profile else None)
    use = f"export AWS_ENDPOINT_URL={situation.address.url}"
    missing = []
    if endpoint is None or is_ignored(environment):
        unset = f" and unset {IGNORE}" if environment.get(IGNORE) else ""
        missing.append(f"the AWS CLI asks Amazon: {use}{unset}")
    elif not _is_at(endpoint, situation.address):
        missing.append(f"the AWS CLI asks {endpoint}, not this emulator: {use}")
    if not any(environment.get(name) for name in REGIONS) and "region" not in values:
        missing.append("it has no Region: export AWS_DEFAULT_REGION=us-east-1")
    if not environment.get("AWS_ACCESS_KEY_ID") and not CREDENTIALS & set(values):
        missing.append("it has no credentials: export AWS_ACCESS_KEY_ID=000000000000 AWS_SECRET_ACCESS_KEY=any")
    return Finding("aws", "warning" if missing else "ok", "; ".join(missing) or f"The AWS CLI asks {endpoint}")


def _is_at(endpoint: str, address: Address) -> bool:
    """Whether an endpoint is this address, by any name of this machine."""
    wanted, found = urlsplit(address.url), urlsplit(endpoint)
    names = {*LOCALHOST, "localhost"}
    is_same_host = found.hostname == wanted.hostname or {found.hostname, wanted.hostname} <= names
    try:
        return is_same_host and (found.port or PORTS.get(found.scheme)) == address.port
    except ValueError:
        return False


def _insecure(engine: dict[str, Any]) -> set[str]:
    registries = (engine.get("RegistryConfig") or {}).get("IndexConfigs") or {}
    return {name for name, config in registries.items() if not config.get("Secure")}


def _status_with(situation: Situation, credential: str) -> int | None:
    """Return the status of an answer to a request with this Basic credential; None without an answer."""
    try:
        with closing(connection_to(situation.address, TIMEOUT_SECONDS)) as connection:
            connection.request("GET", "/v2/", headers={"Authorization": f"Basic {credential}"})
            return connection.getresponse().status
    except (HTTPException, OSError, ValueError):
        return None
