"""AWS's managed policies, ``arn:aws:iam::aws:policy/…``, in moto's IAM.

moto has their text, but leaves them out unless a setting of the whole process includes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

from ecr_emulator.companions.copies import Shared

_ATTACHED = "attached_aws_policies"


@cache
def iam_with_aws_policies() -> type:
    """Return a class of moto's backend in which AWS's policies can be read and attached; imports moto's IAM.

    Copies of a backend share AWS's 1,500 policies, which are nearly all of it. Of these policies nothing changes but
    the number of attachments, and each copy has its own numbers.
    """
    from moto.iam.models import AWSManagedPolicy, IAMBackend

    class PolicyOfAws(AWSManagedPolicy, Shared):
        __module__ = AWSManagedPolicy.__module__  # moto finds the service of a model by its module

        def in_account(self, account_id: str) -> Any:
            """Return this policy with a number of attachments for one account."""
            policy = object.__new__(type(self))
            policy.__dict__ = self.__dict__ | {"account_id": account_id}
            return policy

    @cache
    def policies_of(partition: str) -> list[Any]:
        """Return AWS's policies in a partition. Making them takes ten times as long as copying them."""
        policies = [PolicyOfAws.from_data(name, "aws", partition, data) for name, data in _aws_policies().items()]
        del PolicyOfAws.instances_tracked[:]  # type: ignore[attr-defined]  # they hold nothing to dispose of
        return policies

    class IamWithAwsPolicies(IAMBackend):
        __module__ = IAMBackend.__module__  # moto finds the addresses of a service by the module of its backend
        aws_managed_policies: _Policies

        def _init_aws_policies(self) -> list[Any]:
            return _Policies(policy.in_account(self.account_id) for policy in policies_of(self.region_name))

        def _init_managed_policies(self) -> dict[str, Any]:
            return dict(self.aws_managed_policies.by_arn)

        def __getstate__(self) -> dict[str, Any]:
            aws = self.aws_managed_policies
            own = {arn: policy for arn, policy in self.managed_policies.items() if arn not in aws.by_arn}
            return self.__dict__ | {"managed_policies": own, _ATTACHED: aws.attachments()}

        def __setstate__(self, state: dict[str, Any]) -> None:
            attachments = state.pop(_ATTACHED)
            self.__dict__ = state
            self.aws_managed_policies.set_attachments(attachments)
            self.managed_policies = self._init_managed_policies() | self.managed_policies

    return IamWithAwsPolicies


class _Policies(list[Any], Shared):
    """AWS's policies in one account."""

    def __init__(self, policies: Iterable[Any]) -> None:
        super().__init__(policies)
        self.by_arn = {policy.arn: policy for policy in self}

    def attachments(self) -> dict[str, int]:
        """Return the numbers of attachments of the policies that are attached, by ARN."""
        return {policy.arn: policy.attachment_count for policy in self if policy.attachment_count}

    def set_attachments(self, attachments: dict[str, int]) -> None:
        """Set the numbers of attachments of all policies."""
        for policy in self:
            policy.attachment_count = 0
        for arn, count in attachments.items():
            self.by_arn[arn].attachment_count = count


@lru_cache(maxsize=1)
def _aws_policies() -> dict[str, Any]:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    policies: dict[str, Any] = json.loads(aws_managed_policies_data)
    return policies
