"""moto's IAM with AWS's managed policies and the service-linked roles of ECR as AWS has them.

moto invents names for service-linked roles and attaches no policies to them.
"""

from __future__ import annotations

import json
from typing import Any

from ecr_emulator.companions.iam.aws_policies import iam_with_aws_policies
from ecr_emulator.domain.service_linked_roles import ROLES, ServiceLinkedRole

POLICIES = "arn:aws:iam::aws:policy/aws-service-role/"


def iam_of_aws() -> type:
    """Return the class of the backend; imports moto's."""
    from moto.iam.exceptions import EntityAlreadyExists, InvalidInput

    base: Any = iam_with_aws_policies()

    class IamOfAws(base):  # type: ignore[misc]
        """IAM with AWS's policies and roles."""

        __module__ = base.__module__

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
