"""aws_ecr_pull_through_cache_rule and aws_ecr_repository_creation_template."""

from __future__ import annotations

from typing import ClassVar

from tests.support.terraform.blocks import block, filters_of, flattened_filters, given, normalized
from tests.support.terraform.repositories import expanded_encryption, flattened_encryption
from tests.support.terraform.workspace import Attributes, Resource


class PullThroughCacheRule(Resource):
    type_name = "aws_ecr_pull_through_cache_rule"
    optional: ClassVar[Attributes] = {"credential_arn": "", "custom_role_arn": "", "upstream_repository_prefix": ""}
    forces_new = frozenset({"ecr_repository_prefix", "upstream_registry_url", "upstream_repository_prefix"})

    def create(self, config: Attributes) -> str:
        self.ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix=config["ecr_repository_prefix"],
            upstreamRegistryUrl=config["upstream_registry_url"],
            **given("credentialArn", config.get("credential_arn")),
            **given("customRoleArn", config.get("custom_role_arn")),
            **given("upstreamRepositoryPrefix", config.get("upstream_repository_prefix")),
        )
        return str(config["ecr_repository_prefix"])

    def read(self, id_: str) -> Attributes | None:
        pages = self.ecr.get_paginator("describe_pull_through_cache_rules").paginate(ecrRepositoryPrefixes=[id_])
        try:
            (rule,) = [rule for page in pages for rule in page["pullThroughCacheRules"]]
        except self.ecr.exceptions.PullThroughCacheRuleNotFoundException:
            return None
        return {
            "credential_arn": rule.get("credentialArn", ""),
            "custom_role_arn": rule.get("customRoleArn", ""),
            "ecr_repository_prefix": rule["ecrRepositoryPrefix"],
            "registry_id": rule["registryId"],
            "upstream_registry_url": rule["upstreamRegistryUrl"],
            "upstream_repository_prefix": rule.get("upstreamRepositoryPrefix", ""),
        }

    def update(self, id_: str, before: Attributes, config: Attributes) -> None:
        self.ecr.update_pull_through_cache_rule(
            ecrRepositoryPrefix=id_,
            **given("credentialArn", config.get("credential_arn")),
            **given("customRoleArn", config.get("custom_role_arn")),
        )

    def delete(self, id_: str, state: Attributes) -> None:
        try:
            self.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix=id_, registryId=state["registry_id"])
        except self.ecr.exceptions.PullThroughCacheRuleNotFoundException:
            return


class RepositoryCreationTemplate(Resource):
    type_name = "aws_ecr_repository_creation_template"
    optional: ClassVar[Attributes] = {
        "custom_role_arn": "",
        "description": "",
        "image_tag_mutability": "MUTABLE",
        "image_tag_mutability_exclusion_filter": [],
        "lifecycle_policy": "",
        "repository_policy": "",
        "resource_tags": {},
    }
    forces_new = frozenset({"prefix"})
    sets = frozenset({"applied_for"})
    documents = frozenset({"lifecycle_policy"})
    policies = frozenset({"repository_policy"})

    def create(self, config: Attributes) -> str:
        wanted = {**self.optional, **config}
        created = self.ecr.create_repository_creation_template(
            prefix=wanted["prefix"],
            imageTagMutability=wanted["image_tag_mutability"],
            appliedFor=wanted["applied_for"],
            **given("encryptionConfiguration", expanded_encryption(wanted.get("encryption_configuration"))),
            **given("customRoleArn", wanted["custom_role_arn"]),
            **given("description", wanted["description"]),
            **given("imageTagMutabilityExclusionFilters", filters_of(wanted["image_tag_mutability_exclusion_filter"])),
            **given("lifecyclePolicy", normalized(wanted["lifecycle_policy"])),
            **given("repositoryPolicy", normalized(wanted["repository_policy"])),
            **given("resourceTags", _expanded_tags(wanted)),
        )
        return str(created["repositoryCreationTemplate"]["prefix"])

    def read(self, id_: str) -> Attributes | None:
        pages = self.ecr.get_paginator("describe_repository_creation_templates").paginate(prefixes=[id_])
        try:
            (found,) = [(page["registryId"], each) for page in pages for each in page["repositoryCreationTemplates"]]
        except (self.ecr.exceptions.TemplateNotFoundException, ValueError):
            return None  # an empty answer is "not found" too
        registry, template = found
        return {
            "applied_for": template["appliedFor"],
            "custom_role_arn": template.get("customRoleArn", ""),
            "description": template.get("description", ""),
            "encryption_configuration": block(flattened_encryption(template["encryptionConfiguration"])),
            "image_tag_mutability": template["imageTagMutability"],
            "image_tag_mutability_exclusion_filter": flattened_filters(
                template.get("imageTagMutabilityExclusionFilters")
            ),
            "lifecycle_policy": normalized(template.get("lifecyclePolicy", "")),
            "prefix": template["prefix"],
            "registry_id": registry,
            "repository_policy": normalized(template.get("repositoryPolicy", "")),
            "resource_tags": {tag["Key"]: tag["Value"] for tag in template.get("resourceTags", ())},
        }

    def update(self, id_: str, before: Attributes, config: Attributes) -> None:
        """Send the attributes that changed; an attribute that was removed is sent as an empty text or list."""
        wanted = {**self.optional, **config}
        members = {
            "applied_for": {"appliedFor": wanted["applied_for"]},
            "custom_role_arn": {"customRoleArn": wanted["custom_role_arn"]},
            "description": {"description": wanted["description"]},
            "encryption_configuration": given(
                "encryptionConfiguration", expanded_encryption(wanted.get("encryption_configuration"))
            ),
            "image_tag_mutability": {"imageTagMutability": wanted["image_tag_mutability"]},
            "image_tag_mutability_exclusion_filter": {
                "imageTagMutability": wanted["image_tag_mutability"],
                **given(
                    "imageTagMutabilityExclusionFilters", filters_of(wanted["image_tag_mutability_exclusion_filter"])
                ),
            },
            "lifecycle_policy": {"lifecyclePolicy": normalized(wanted["lifecycle_policy"])},
            "repository_policy": {"repositoryPolicy": normalized(wanted["repository_policy"])},
            "resource_tags": {"resourceTags": _expanded_tags(wanted)},
        }
        request: Attributes = {}
        for attribute in self.changes(config, before):
            request |= members[attribute]
        self.ecr.update_repository_creation_template(prefix=id_, **request)

    def delete(self, id_: str, state: Attributes) -> None:
        try:
            self.ecr.delete_repository_creation_template(prefix=id_)
        except self.ecr.exceptions.TemplateNotFoundException:
            return


def _expanded_tags(config: Attributes) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in config["resource_tags"].items()]
