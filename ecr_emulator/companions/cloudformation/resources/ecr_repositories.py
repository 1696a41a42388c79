"""The resource type ``AWS::ECR::Repository``.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-repository.html
"""

from __future__ import annotations

from typing import Any

from ecr_emulator.companions.cloudformation.resources.ecr_calls import (
    EcrCalls,
    document,
    members_of,
    parsed,
    properties_of,
)

Properties = dict[str, Any]
_AT_CREATION = (
    "RepositoryName", "ImageTagMutability", "ImageTagMutabilityExclusionFilters", "ImageScanningConfiguration",
    "EncryptionConfiguration", "Tags",
)  # fmt: skip


class Repository:
    """See ``ecr_types.EcrType``. An update resets settings that it leaves out to those of a new repository."""

    def create(self, ecr: EcrCalls, wanted: Properties) -> Properties:
        settings = members_of({name: wanted[name] for name in _AT_CREATION if name in wanted})
        made = ecr.call("CreateRepository", **settings)["repository"]
        return {"Arn": made["repositoryArn"], "RepositoryUri": made["repositoryUri"]}

    def complete(self, ecr: EcrCalls, wanted: Properties) -> None:
        self._put_policies(ecr, {"repositoryName": wanted["RepositoryName"]}, wanted)

    def find(self, ecr: EcrCalls, identifier: str) -> Properties | None:
        found = ecr.find("DescribeRepositories", "RepositoryNotFoundException", repositoryNames=[identifier])
        if found is None:
            return None
        repository = found["repositories"][0]
        name, arn = {"repositoryName": identifier}, repository["repositoryArn"]
        policy = ecr.find("GetRepositoryPolicy", "RepositoryPolicyNotFoundException", **name)
        lifecycle = ecr.find("GetLifecyclePolicy", "LifecyclePolicyNotFoundException", **name)
        settings = {name[:1].lower() + name[1:] for name in _AT_CREATION}
        return {
            **properties_of({name: value for name, value in repository.items() if name in settings}),
            "Arn": arn,
            "RepositoryUri": repository["repositoryUri"],
            "Tags": ecr.call("ListTagsForResource", resourceArn=arn)["tags"],
            **({"RepositoryPolicyText": parsed(policy["policyText"])} if policy else {}),
            **({"LifecyclePolicy": {"LifecyclePolicyText": lifecycle["lifecyclePolicyText"]}} if lifecycle else {}),
        }

    def update(self, ecr: EcrCalls, wanted: Properties, before: Properties) -> Properties:
        name = {"repositoryName": wanted["RepositoryName"]}
        self._put_policies(ecr, name, wanted)
        if "RepositoryPolicyText" in before and "RepositoryPolicyText" not in wanted:
            ecr.find("DeleteRepositoryPolicy", "RepositoryPolicyNotFoundException", **name)
        if "LifecyclePolicy" in before and "LifecyclePolicy" not in wanted:
            ecr.find("DeleteLifecyclePolicy", "LifecyclePolicyNotFoundException", **name)
        filters = members_of(wanted.get("ImageTagMutabilityExclusionFilters"))
        mutability = wanted.get("ImageTagMutability", "MUTABLE")
        ecr.call(
            "PutImageTagMutability", **name, imageTagMutability=mutability, imageTagMutabilityExclusionFilters=filters
        )
        scanning = members_of(wanted.get("ImageScanningConfiguration", {"ScanOnPush": False}))
        ecr.call("PutImageScanningConfiguration", **name, imageScanningConfiguration=scanning)
        self._put_tags(ecr, name, wanted)
        return {}

    def delete(self, ecr: EcrCalls, identifier: str, properties: Properties) -> None:
        ecr.call("DeleteRepository", repositoryName=identifier, force=properties.get("EmptyOnDelete"))

    def _put_policies(self, ecr: EcrCalls, name: dict[str, str], wanted: Properties) -> None:
        lifecycle = wanted.get("LifecyclePolicy", {})
        if "LifecyclePolicyText" in lifecycle:
            registry, text = lifecycle.get("RegistryId"), lifecycle["LifecyclePolicyText"]
            ecr.call("PutLifecyclePolicy", **name, registryId=registry, lifecyclePolicyText=text)
        if "RepositoryPolicyText" in wanted:
            ecr.call("SetRepositoryPolicy", **name, policyText=document(wanted["RepositoryPolicyText"]))

    def _put_tags(self, ecr: EcrCalls, name: dict[str, str], wanted: Properties) -> None:
        found = ecr.call("DescribeRepositories", repositoryNames=[name["repositoryName"]])
        arn = found["repositories"][0]["repositoryArn"]
        tags = {tag["Key"]: tag["Value"] for tag in wanted.get("Tags", ())}
        current = {tag["Key"]: tag["Value"] for tag in ecr.call("ListTagsForResource", resourceArn=arn)["tags"]}
        removed = [key for key in current if key not in tags]
        changed = [{"Key": key, "Value": value} for key, value in tags.items() if current.get(key) != value]
        if removed:
            ecr.call("UntagResource", resourceArn=arn, tagKeys=removed)
        if changed:
            ecr.call("TagResource", resourceArn=arn, tags=changed)
