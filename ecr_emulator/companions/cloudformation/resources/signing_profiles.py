"""The resource type ``AWS::Signer::SigningProfile``, which moto's CloudFormation lacks.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-signer-signingprofile.html
"""

from __future__ import annotations

import re
from typing import Any

from moto.signer.models import signer_backends

from ecr_emulator.companions.cloudformation.resources.names import generated_name
from ecr_emulator.companions.cloudformation.stacks import Resource, Stack

Properties = dict[str, Any]
CREATE_ONLY = ("ProfileName", "PlatformId", "SignatureValidityPeriod")
_MAX_NAME = 64


def put_profile(stack: Stack, resource: Resource, properties: Properties) -> tuple[str, Properties]:
    """Create a profile or change its tags; return its ARN and attributes."""
    backend: Any = signer_backends[stack.account][stack.region]
    tags = {**stack.tags, **{tag["Key"]: tag["Value"] for tag in properties.get("Tags", ())}}
    if resource.physical_id:
        backend.untag_resource(resource.physical_id, [*backend.list_tags_for_resource(resource.physical_id)])
        backend.tag_resource(resource.physical_id, tags)
        return resource.physical_id, resource.attributes
    name = properties.get("ProfileName") or _generated(stack, resource)
    profile = backend.put_signing_profile(name, _validity(properties), properties["PlatformId"], None, tags)
    names = {"ProfileName": name, "ProfileVersion": profile.profile_version}
    return profile.arn, {"Arn": profile.arn, "ProfileVersionArn": profile.profile_version_arn, **names}


def delete_profile(stack: Stack, resource: Resource) -> None:
    """Cancel a profile: AWS deletes none."""
    backend: Any = signer_backends[stack.account][stack.region]
    backend.cancel_signing_profile(resource.physical_id.rpartition("/")[2])


def _generated(stack: Stack, resource: Resource) -> str:
    return re.sub("[^a-zA-Z0-9_]", "_", generated_name(stack, resource.logical_id, _MAX_NAME))


def _validity(properties: Properties) -> Properties | None:
    given = properties.get("SignatureValidityPeriod")
    return {"type": given["Type"], "value": int(given["Value"])} if given else None
