"""Buckets of moto whose policies may have conditions. Importing this module imports moto's S3."""

from __future__ import annotations

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket


class ConditionalBucket(FakeBucket):
    """A bucket that applies only the statements of its policy that have no condition."""

    def get_permission(self, action: str, resource: str) -> Any:
        """Return what the policy says about an action."""
        if self.policy is None:
            return PermissionResult.NEUTRAL
        document = json.loads(self.policy)
        statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
        decided = [each for each in statements if "Condition" not in each]
        return IAMPolicy(json.dumps({**document, "Statement": decided})).is_action_permitted(action, resource)
