"""The service-linked roles that ECR creates.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/using-service-linked-roles.html
"""

from __future__ import annotations

from typing import NamedTuple

from ecr_emulator.domain.names import Registry

PULL_THROUGH_CACHE = "pullthroughcache.ecr.amazonaws.com"
REPLICATION = "replication.ecr.amazonaws.com"
TEMPLATES = "ecr.amazonaws.com"
INSPECTOR = "inspector2.amazonaws.com"


class ServiceLinkedRole(NamedTuple):
    """A role, its managed policy, and a description in our own words, because AWS's description is not known."""

    name: str
    policy: str
    description: str


ROLES = {
    PULL_THROUGH_CACHE: ServiceLinkedRole(
        "AWSServiceRoleForECRPullThroughCache",
        "AWSECRPullThroughCache_ServiceRolePolicy",
        "Lets Amazon ECR read upstream credentials and store the images that it caches.",
    ),
    INSPECTOR: ServiceLinkedRole(
        "AWSServiceRoleForAmazonInspector2",
        "AmazonInspector2ServiceRolePolicy",
        "Lets Amazon Inspector scan the images of Amazon ECR.",
    ),
    REPLICATION: ServiceLinkedRole(
        "AWSServiceRoleForECRReplication",
        "ECRReplicationServiceRolePolicy",
        "Lets Amazon ECR replicate images to other Regions and accounts.",
    ),
    TEMPLATES: ServiceLinkedRole(
        "AWSServiceRoleForECRTemplate",
        "ECRTemplateServiceRolePolicy",
        "Lets Amazon ECR create repositories from creation templates.",
    ),
}
"""The roles by the service principals that assume them."""


def service_linked_role_arn(registry: Registry, service: str) -> str:
    """Return the ARN of a service principal's role in the account of a registry."""
    return f"arn:{registry.partition}:iam::{registry.id}:role/aws-service-role/{service}/{ROLES[service].name}"
