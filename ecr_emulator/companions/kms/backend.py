"""moto's KMS, which takes the ARN of a key wherever AWS does."""

from __future__ import annotations

import json
from typing import Any

QUICK = "ECC_NIST_P256"
"""A kind of key that is made quickly: moto makes an RSA key even for a symmetric one."""
_SYMMETRIC = "SYMMETRIC_DEFAULT"
_TAG = {"Key": "TagKey", "Value": "TagValue"}


def kms_of_aws() -> type:
    """Return the class of the backend; imports moto's."""
    from moto.kms.exceptions import NotFoundException
    from moto.kms.models import KmsBackend

    class KmsOfAws(KmsBackend):
        """KMS in which every operation finds a key by its ARN too."""

        __module__ = KmsBackend.__module__  # moto finds the addresses of a service by the module of its backend

        def __init__(self, region_name: str, account_id: str | None = None) -> None:
            super().__init__(region_name, account_id)
            self.keys = KeysByArn()

        def create_key(
            self,
            policy: Any,
            key_usage: str | None,
            key_spec: str | None,
            description: str | None,
            tags: list[dict[str, str]] | None,
            *more: Any,
        ) -> Any:
            """Create a key, for encryption unless the request says otherwise; also one of CloudFormation."""
            usage, spec = key_usage or "ENCRYPT_DECRYPT", key_spec or _SYMMETRIC
            made_as = QUICK if spec == _SYMMETRIC else spec
            key = super().create_key(_text_of(policy), usage, made_as, description or "", _tags_of_kms(tags), *more)
            key.key_spec = spec
            return key

        def any_id_to_key_id(self, key_id: str) -> str:
            """Return the id of a key by its id, ARN, alias or alias ARN. Raises moto's ``NotFoundException``."""
            prefix = f"arn:{self.partition}:kms:{self.region_name}:{self.account_id}:"
            name = self.get_key_id(self.get_alias_name(key_id))
            found = self.get_key_id_from_alias(name) if name.startswith("alias/") else name
            if found is None:
                raise NotFoundException(f"Alias {prefix}{name} is not found.")
            found = self.get_key_id(found)
            if found not in self.keys:
                raise NotFoundException(f"Key '{prefix}key/{found}' does not exist")
            return found

        def replicate_key(self, key_id: str, replica_region: str) -> Any:
            """Create a replica of a key, with grants and aliases of its own."""
            replica = super().replicate_key(key_id, replica_region)
            replica.grants, replica.aliases = {}, {}
            return replica

    return KmsOfAws


def _text_of(policy: Any) -> str | None:
    """Return a key policy as text; CloudFormation gives it as an object."""
    return policy if policy is None or isinstance(policy, str) else json.dumps(policy)


def _tags_of_kms(tags: list[dict[str, str]] | None) -> list[dict[str, str]]:
    """Return tags with the names that KMS gives to their parts; CloudFormation has names of its own."""
    return [{_TAG.get(name, name): value for name, value in tag.items()} for tag in tags or ()]


class KeysByArn(dict[str, Any]):
    """Keys by their ids, which can be looked up by their ARNs too."""

    def __missing__(self, name: str) -> Any:
        """Return the key with an ARN. Raises ``KeyError`` if there is none."""
        _, is_arn, key_id = name.partition(":key/")
        if not is_arn or key_id not in self:
            raise KeyError(name)
        return self[key_id]
