"""AWS's own managed policies in the IAM companion.

moto has their text, and leaves them out unless the whole process is told otherwise.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any


def iam_with_aws_policies() -> type:
    """moto's IAM, with AWS's managed policies in every account; imports it."""
    from moto.iam.models import AWSManagedPolicy, IAMBackend

    class IamWithAwsPolicies(IAMBackend):
        """IAM in which ``arn:aws:iam::aws:policy/…`` can be read and attached."""

        __module__ = IAMBackend.__module__  # moto finds the addresses of a service by the module of its backend

        def _init_aws_policies(self) -> list[Any]:
            return [
                AWSManagedPolicy.from_data(name, self.account_id, self.region_name, data)
                for name, data in _aws_policies().items()
            ]

    return IamWithAwsPolicies


@lru_cache(maxsize=1)
def _aws_policies() -> dict[str, Any]:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    policies: dict[str, Any] = json.loads(aws_managed_policies_data)
    return policies
