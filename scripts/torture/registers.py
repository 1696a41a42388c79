"""Two repositories that are registers: the policy of one changes, the other one is created and deleted.

Each function sends a request, and returns its act. All raise ``NoAnswer`` and ``Refused``.
"""

from __future__ import annotations

import json

from scripts.torture.acts import Read, Write
from scripts.torture.clients import Client, Refused

POLICY_OF = "torture/policy"
"""The repository with the policy, and the name of its history. A policy is a number, and 0 is none."""
TEMPORARY = "torture/temporary"
"""The other repository, and the name of its history, which tells whether it exists."""


def set_policy(client: Client, number: int) -> Write[int] | Read[int]:
    """Set the policy, or delete it if the number is 0."""
    if number:
        statement = {"Sid": str(number), "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
        text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        client.call("SetRepositoryPolicy", repositoryName=POLICY_OF, policyText=text)
        return Write(number)
    deleted = _is_done(client, "DeleteRepositoryPolicy", "RepositoryPolicyNotFoundException", POLICY_OF)
    return Write(0) if deleted else Read(0)


def policy(client: Client) -> Read[int]:
    """Read the policy."""
    try:
        answer = client.call("GetRepositoryPolicy", repositoryName=POLICY_OF)
    except Refused as refused:
        if refused.answer.error != "RepositoryPolicyNotFoundException":
            raise
        return Read(0)
    return Read(int(json.loads(answer["policyText"])["Statement"][0]["Sid"]))


def create(client: Client) -> Write[bool] | Read[bool]:
    """Create the temporary repository."""
    created = _is_done(client, "CreateRepository", "RepositoryAlreadyExistsException", TEMPORARY)
    return Write(True) if created else Read(True)


def delete(client: Client) -> Write[bool] | Read[bool]:
    """Delete the temporary repository."""
    deleted = _is_done(client, "DeleteRepository", "RepositoryNotFoundException", TEMPORARY)
    return Write(False) if deleted else Read(False)


def exists(client: Client) -> Read[bool]:
    """Ask the registry whether the temporary repository exists."""
    answer = client.registry("GET", f"{TEMPORARY}/tags/list")
    if answer.status not in (200, 404):
        raise Refused("GET of tags", answer)
    return Read(answer.status == 200)


def _is_done(client: Client, operation: str, already: str, name: str) -> bool:
    """Call an operation, and return False if it is refused because the state is so already."""
    try:
        client.call(operation, repositoryName=name)
    except Refused as refused:
        if refused.answer.error != already:
            raise
        return False
    return True
