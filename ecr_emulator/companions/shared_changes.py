"""The calls that may change a document that nodes share. Other calls wait for no other node.

A call that changes a document nevertheless is noticed: it fails if another node has changed the document meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

SERVICES = frozenset({"iam", "sts", "secretsmanager", "kms", "signer", "organizations"})
"""Services, by their names in signatures, whose calls are quick and change nothing but documents."""

_READ = re.compile(
    "(?!GetSessionToken|GetFederationToken)"
    "(BatchGet|Get|List|Describe|Simulate|Generate|Validate|Decode|Encrypt|Decrypt|ReEncrypt|Sign|Verify)[A-Za-z]*"
)


def may_change_documents(call: Mapping[str, str]) -> bool:
    """Whether a call may change a document; ``call`` has its ``service`` and ``operation``.

    Calls to STS that are not signed name no service.
    """
    service, operation = call.get("service"), call.get("operation", "")
    return service in (*SERVICES, None) and not _READ.fullmatch(operation)
