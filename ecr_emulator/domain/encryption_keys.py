"""The names of KMS keys. ECR answers with the ARN of a key even if a request names it in another way.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
"""

from __future__ import annotations

import re
import uuid

from ecr_emulator.domain.names import Registry
from ecr_emulator.errors import KmsException

MANAGED_KEY = "alias/aws/ecr"
"""The key that AWS manages for ECR in each account. It is used for repositories that name no key."""

_ARN = re.compile(r"arn:(?P<partition>aws[a-z-]*):kms:(?P<region>[a-z0-9-]+):[0-9]{12}:(?P<name>(?:key|alias)/.+)")


def key_arn(registry: Registry, key: str | None) -> str:
    """Return the ARN of a key that is given as ARN, alias or id; the ARN of the managed key if none is given.

    The id of an aliased key is derived from the alias, so an alias always means the same key. Raises ``KmsException``
    for a key of another Region or partition.
    """
    owner = f"arn:{registry.partition}:kms:{registry.region}:{registry.id}"
    name = key or MANAGED_KEY
    if name.startswith("arn:"):
        match = _ARN.fullmatch(name)
        if match is None or match["partition"] != registry.partition:
            raise KmsException(f"Invalid arn {name}", kms_error="NotFoundException")
        if match["region"] != registry.region:
            raise KmsException(f"Invalid arn {match['region']}", kms_error="NotFoundException")
        owner, name = name.removesuffix(f":{match['name']}"), match["name"]
    if name.startswith("alias/"):
        name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{owner}:{name}"))
    return f"{owner}:key/{name.removeprefix('key/')}"
