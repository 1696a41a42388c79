"""moto's IAM with AWS's managed policies and the service-linked roles of ECR as AWS has them.

moto has the text of the policies, but leaves them out unless a setting of the whole process includes them; moto invents
names for service-linked roles and attaches no policies to them.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from ecr_emulator.domain.service_linked_roles import ROLES, ServiceLinkedRole

POLICIES = "arn:aws:iam::aws:policy/aws-service-role/"


def iam_of_aws() -> type:
    """Return the class of the backend; imports moto's."""
    from moto.iam.exceptions import EntityAlreadyExists, InvalidInput
    from moto.iam.models import AWSManagedPolicy, IAMBackend

    class IamOfAws(IAMBackend):
        """IAM in which ``arn:aws:iam::aws:policy/…`` can be read and attached."""

        __module__ = IAMBackend.__module__  # moto finds the addresses of a service by the module of its backend

        def _init_aws_policies(self) -> list[Any]:
            return [
                AWSManagedPolicy.from_data(name, self.account_id, self.region_name, data)
                for name, data in _aws_policies().items()
            ]

        def create_service_linked_role(self, service_name: str, description: str, suffix: str) -> Any:
            """Create the role of a service; an account has at most one."""
            own = ROLES.get(service_name)
            try:
                if own is None:
                    return super().create_service_linked_role(service_name, description, suffix)
                if suffix:
                    raise InvalidInput(f"Custom suffix is not allowed for {service_name}")
                return self._create_role_of_ecr(service_name, own, description or own.description)
            except EntityAlreadyExists as exists:
                name = own.name if own else exists.message.split()[3]
                taken = f"Service role name {name} has been taken in this account, please try a different suffix."
                raise InvalidInput(taken) from exists

        def _create_role_of_ecr(self, service_name: str, own: ServiceLinkedRole, description: str) -> Any:
            trusted = {"Effect": "Allow", "Principal": {"Service": service_name}, "Action": "sts:AssumeRole"}
            role = self.create_role(
                own.name,
                json.dumps({"Version": "2012-10-17", "Statement": [trusted]}),
                f"/aws-service-role/{service_name}/",
                permissions_boundary=None,
                description=description,
                tags=[],
                max_session_duration="3600",
                linked_service=service_name,
            )
            self.attach_role_policy(f"{POLICIES}{own.policy}", own.name)
            return role

    return IamOfAws


@lru_cache(maxsize=1)
def _aws_policies() -> dict[str, Any]:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    policies: dict[str, Any] = json.loads(aws_managed_policies_data)
    return policies
