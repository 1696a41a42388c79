"""The policies that a request to STS passes to the session that it begins.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import ceil
from typing import Any

from ecr_emulator.companions.iam.session import SessionPolicies
from ecr_emulator.companions.query import Refused, members_of

MOST_CHARACTERS = 2048
MOST_ARNS = 10
_TOO_LONG = (
    "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
    "Member must have length less than or equal to {most}"
)
_TAG = re.compile(r"Tags\.member\.[0-9]+\.(?:Key|Value)")


def session_policies_of(query: Mapping[str, str]) -> SessionPolicies:
    """Return the session policies in a request, unchecked."""
    return SessionPolicies(query.get("Policy"), members_of(query, "PolicyArns", "arn"))


def check_session_policies(query: Mapping[str, str], account: str) -> None:
    """Raise ``Refused`` unless the session policies in a request are short enough, well formed, and exist.

    ``account`` owns the session. AWS's sentence about a managed policy that does not exist is not known.
    """
    policies = session_policies_of(query)
    if policies.inline is not None:
        _check_document(policies.inline)
    if len(policies.arns) > MOST_ARNS:
        value = f"[{', '.join(policies.arns)}]"
        raise Refused("ValidationError", _TOO_LONG.format(value=value, name="policyArns", most=MOST_ARNS))
    for arn in policies.arns:
        if find_managed_policy(account, arn) is None:
            raise Refused("MalformedPolicyDocument", f"Policy {arn} does not exist in account {account}.")
    size = packed_policy_size(query)
    if size > 100:
        sentence = f"Packed policy consumes {size}% of allotted space, please use smaller policy."
        raise Refused("PackedPolicyTooLarge", sentence)


def packed_policy_size(query: Mapping[str, str]) -> int:
    """Return the size of the session policies and tags in a request, in percent of the space that they may take.

    AWS packs them in a format that it does not describe; here their characters are counted, without white space.
    """
    policies = session_policies_of(query)
    inline = json.dumps(json.loads(policies.inline), separators=(",", ":")) if policies.inline else ""
    tags = "".join(value for name, value in query.items() if _TAG.fullmatch(name))
    return ceil(100 * len(inline + "".join(policies.arns) + tags) / MOST_CHARACTERS)


def find_managed_policy(account: str, arn: str) -> Any | None:
    """Return the managed policy that an account can use under an ARN: its own, or AWS's."""
    from moto.iam.models import iam_backends

    partition = arn.split(":")[1] if arn.count(":") > 1 else ""
    partitions = iam_backends[account]
    return partitions[partition].managed_policies.get(arn) if partition in partitions else None


def _check_document(document: str) -> None:
    from moto.iam.exceptions import MalformedPolicyDocument
    from moto.iam.policy_validation import IAMPolicyDocumentValidator

    if len(document) > MOST_CHARACTERS:
        raise Refused("ValidationError", _TOO_LONG.format(value=document, name="policy", most=MOST_CHARACTERS))
    try:
        IAMPolicyDocumentValidator(document).validate()
    except MalformedPolicyDocument as malformed:
        raise Refused("MalformedPolicyDocument", malformed.message) from malformed
