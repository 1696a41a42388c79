"""Dynamic references in properties: values of SSM and Secrets Manager.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

from __future__ import annotations

import json
import re
from typing import Any

from moto.ssm.models import ssm_backends

from ecr_emulator.companions.cloudformation.failures import ResourceFailure

_REFERENCE = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):([^{}]+)\}\}")
_ARN = re.compile(r"(arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:[^:]+)(?::(.*))?")


def replace_dynamic_references(value: Any, account: str, region: str) -> Any:
    """Return a value whose texts have the values in place of dynamic references. Raises ``ResourceFailure``."""
    if isinstance(value, dict):
        return {key: replace_dynamic_references(each, account, region) for key, each in value.items()}
    if isinstance(value, list):
        return [replace_dynamic_references(each, account, region) for each in value]
    if not isinstance(value, str):
        return value

    def found(reference: re.Match[str]) -> str:
        read = _secret if reference[1] == "secretsmanager" else stored_parameter
        return read(reference[2], account, region)

    return _REFERENCE.sub(found, value)


def stored_parameter(name: str, account: str, region: str) -> str:
    """Return the value of a parameter of SSM, of which ``name:version`` names a version. Raises ``ResourceFailure``."""
    parameter = ssm_backends[account][region].get_parameter(name)
    if parameter is None:
        raise ResourceFailure(f"Unable to fetch parameters [{name}] from parameter store for this account.")
    return str(parameter.value)


def _secret(reference: str, account: str, region: str) -> str:
    from moto.secretsmanager.models import secretsmanager_backends

    arn = _ARN.fullmatch(reference)
    name, _, rest = (arn[1], "", arn[2] or "") if arn else reference.partition(":")
    _, key, stage, version = [*rest.split(":"), "", "", "", ""][:4]
    backend = secretsmanager_backends[account][region]
    try:
        content = str(backend.get_secret_value(name, version or "", stage or "")["SecretString"])
        return str(json.loads(content)[key]) if key else content
    except Exception as failure:
        reason = getattr(failure, "message", None) or failure
        raise ResourceFailure(f"Could not resolve {{{{resolve:secretsmanager:{reference}}}}}: {reason}") from failure
