"""aws_ecr_repository, aws_ecr_repository_policy and aws_ecr_lifecycle_policy."""

from __future__ import annotations

from typing import Any, ClassVar

from tests.support.terraform.blocks import block, filters_of, flattened_filters, given, normalized
from tests.support.terraform.workspace import Attributes, Resource


class Repository(Resource):
    type_name = "aws_ecr_repository"
    optional: ClassVar[Attributes] = {
        "force_delete": False,
        "image_tag_mutability": "MUTABLE",
        "image_tag_mutability_exclusion_filter": [],
        "tags": {},
    }
    forces_new = frozenset({"name", "encryption_configuration"})

    def create(self, config: Attributes) -> str:
        request = {
            "repositoryName": config["name"],
            "imageTagMutability": self._all(config)["image_tag_mutability"],
            **given("encryptionConfiguration", expanded_encryption(config.get("encryption_configuration"))),
            **given("tags", [{"Key": key, "Value": value} for key, value in config.get("tags", {}).items()]),
        }
        if config.get("image_scanning_configuration"):
            request["imageScanningConfiguration"] = _expanded_scanning(config)
        if config.get("image_tag_mutability_exclusion_filter"):
            request["imageTagMutabilityExclusionFilters"] = filters_of(config["image_tag_mutability_exclusion_filter"])
        self._force_delete = self._all(config)["force_delete"]
        return str(self.ecr.create_repository(**request)["repository"]["repositoryName"])

    def read(self, id_: str) -> Attributes | None:
        try:
            found = self.ecr.describe_repositories(repositoryNames=[id_])["repositories"]
        except self.ecr.exceptions.RepositoryNotFoundException:
            return None
        (repository,) = found
        tags = self.ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
        return {
            "arn": repository["repositoryArn"],
            "name": repository["repositoryName"],
            "registry_id": repository["registryId"],
            "repository_url": repository["repositoryUri"],
            "image_tag_mutability": repository["imageTagMutability"],
            "image_tag_mutability_exclusion_filter": flattened_filters(
                repository.get("imageTagMutabilityExclusionFilters")
            ),
            "image_scanning_configuration": block(
                {"scan_on_push": repository["imageScanningConfiguration"]["scanOnPush"]}
            ),
            "encryption_configuration": block(flattened_encryption(repository["encryptionConfiguration"])),
            "tags": {tag["Key"]: tag["Value"] for tag in tags},
            "force_delete": getattr(self, "_force_delete", False),
        }

    def update(self, id_: str, before: Attributes, config: Attributes) -> None:
        changed = self.changes(config, before)
        registry = {"registryId": before["registry_id"], "repositoryName": id_}
        wanted = self._all(config)
        self._force_delete = wanted["force_delete"]
        if changed & {"image_tag_mutability", "image_tag_mutability_exclusion_filter"}:
            self.ecr.put_image_tag_mutability(
                **registry,
                imageTagMutability=wanted["image_tag_mutability"],
                **given(
                    "imageTagMutabilityExclusionFilters", filters_of(wanted["image_tag_mutability_exclusion_filter"])
                ),
            )
        if "image_scanning_configuration" in changed:
            self.ecr.put_image_scanning_configuration(**registry, imageScanningConfiguration=_expanded_scanning(config))
        self._update_tags(before["arn"], before["tags"], wanted["tags"])

    def delete(self, id_: str, state: Attributes) -> None:
        """Delete the repository, and wait until it cannot be described."""
        request = {"registryId": state["registry_id"], "repositoryName": id_, **given("force", state["force_delete"])}
        try:
            self.ecr.delete_repository(**request)
        except self.ecr.exceptions.RepositoryNotFoundException:
            return
        assert self.read(id_) is None

    def _update_tags(self, arn: str, before: dict[str, str], after: dict[str, str]) -> None:
        removed = [key for key in before if key not in after]
        changed = [{"Key": key, "Value": value} for key, value in after.items() if before.get(key) != value]
        if removed:
            self.ecr.untag_resource(resourceArn=arn, tagKeys=removed)
        if changed:
            self.ecr.tag_resource(resourceArn=arn, tags=changed)

    def _all(self, config: Attributes) -> Attributes:
        return {**self.optional, **config}


class RepositoryPolicy(Resource):
    type_name = "aws_ecr_repository_policy"
    forces_new = frozenset({"repository"})
    policies = frozenset({"policy"})

    def create(self, config: Attributes) -> str:
        self.ecr.set_repository_policy(repositoryName=config["repository"], policyText=normalized(config["policy"]))
        return str(config["repository"])

    def read(self, id_: str) -> Attributes | None:
        gone = self.ecr.exceptions.RepositoryNotFoundException, self.ecr.exceptions.RepositoryPolicyNotFoundException
        try:
            found = self.ecr.get_repository_policy(repositoryName=id_)
        except gone:
            return None
        return {
            "policy": normalized(found["policyText"]),
            "registry_id": found["registryId"],
            "repository": found["repositoryName"],
        }

    def update(self, id_: str, before: Attributes, config: Attributes) -> None:
        self.create(config)

    def delete(self, id_: str, state: Attributes) -> None:
        gone = self.ecr.exceptions.RepositoryNotFoundException, self.ecr.exceptions.RepositoryPolicyNotFoundException
        try:
            self.ecr.delete_repository_policy(registryId=state["registry_id"], repositoryName=id_)
        except gone:
            return


class LifecyclePolicy(Resource):
    type_name = "aws_ecr_lifecycle_policy"
    forces_new = frozenset({"repository", "policy"})
    documents = frozenset({"policy"})

    def create(self, config: Attributes) -> str:
        put = self.ecr.put_lifecycle_policy(
            repositoryName=config["repository"], lifecyclePolicyText=normalized(config["policy"])
        )
        return str(put["repositoryName"])

    def read(self, id_: str) -> Attributes | None:
        gone = self.ecr.exceptions.RepositoryNotFoundException, self.ecr.exceptions.LifecyclePolicyNotFoundException
        try:
            found = self.ecr.get_lifecycle_policy(repositoryName=id_)
        except gone:
            return None
        return {
            "policy": normalized(found["lifecyclePolicyText"]),
            "registry_id": found["registryId"],
            "repository": found["repositoryName"],
        }

    def delete(self, id_: str, state: Attributes) -> None:
        gone = self.ecr.exceptions.RepositoryNotFoundException, self.ecr.exceptions.LifecyclePolicyNotFoundException
        try:
            self.ecr.delete_lifecycle_policy(repositoryName=id_)
        except gone:
            return


def expanded_encryption(blocks: list[Attributes] | None) -> Attributes | None:
    """Return the member of a request for a block ``encryption_configuration``."""
    if not blocks:
        return None
    key = blocks[0].get("kms_key")
    return {"encryptionType": blocks[0].get("encryption_type", "AES256"), **given("kmsKey", key)}


def flattened_encryption(encryption: Attributes) -> Attributes:
    """Return the block for the member of an answer."""
    return {"encryption_type": encryption["encryptionType"], "kms_key": encryption.get("kmsKey", "")}


def _expanded_scanning(config: Attributes) -> dict[str, Any]:
    """Return the member of a request. The SDK of Go leaves out a boolean that is false."""
    blocks = config.get("image_scanning_configuration")
    return given("scanOnPush", blocks[0]["scan_on_push"]) if blocks else {}
