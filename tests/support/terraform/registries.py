"""The resources of which a registry has one: policy, scanning, replication, signing, and the account settings."""

from __future__ import annotations

from typing import Any, ClassVar

from tests.support.terraform.blocks import block, filters_of, flattened_filters, given, normalized
from tests.support.terraform.workspace import Attributes, Resource


class OfRegistry(Resource):
    """A resource whose id is the account."""

    def __init__(self, ecr: Any, account: str) -> None:
        super().__init__(ecr)
        self.account = account

    def create(self, config: Attributes) -> str:
        self.put(config)
        return self.account

    def update(self, id_: str, before: Attributes, config: Attributes) -> None:
        self.put(config)

    def put(self, config: Attributes) -> None:
        """Replace the setting of the registry."""
        raise NotImplementedError


class RegistryPolicy(OfRegistry):
    type_name = "aws_ecr_registry_policy"
    policies = frozenset({"policy"})

    def put(self, config: Attributes) -> None:
        self.ecr.put_registry_policy(policyText=normalized(config["policy"]))

    def read(self, id_: str) -> Attributes | None:
        try:
            found = self.ecr.get_registry_policy()
        except self.ecr.exceptions.RegistryPolicyNotFoundException:
            return None
        return {"policy": normalized(found["policyText"]), "registry_id": found["registryId"]}

    def delete(self, id_: str, state: Attributes) -> None:
        try:
            self.ecr.delete_registry_policy()
        except self.ecr.exceptions.RegistryPolicyNotFoundException:
            return


class RegistryScanningConfiguration(OfRegistry):
    type_name = "aws_ecr_registry_scanning_configuration"
    optional: ClassVar[Attributes] = {"rule": []}
    sets = frozenset({"rule"})

    def put(self, config: Attributes) -> None:
        rules = [
            {"scanFrequency": rule["scan_frequency"], "repositoryFilters": filters_of(rule["repository_filter"])}
            for rule in config.get("rule", [])
        ]
        self.ecr.put_registry_scanning_configuration(scanType=config["scan_type"], rules=rules)

    def read(self, id_: str) -> Attributes | None:
        """Return the attributes. A registry always has this configuration; BASIC without rules is the initial one."""
        found = self.ecr.get_registry_scanning_configuration()
        configuration = found["scanningConfiguration"]
        rules = [
            {
                "scan_frequency": rule["scanFrequency"],
                "repository_filter": flattened_filters(rule["repositoryFilters"]),
            }
            for rule in configuration["rules"]
        ]
        return {"registry_id": found["registryId"], "scan_type": configuration["scanType"], "rule": rules}

    def delete(self, id_: str, state: Attributes) -> None:
        self.ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[])


class ReplicationConfiguration(OfRegistry):
    type_name = "aws_ecr_replication_configuration"

    def put(self, config: Attributes) -> None:
        (configuration,) = config["replication_configuration"]
        rules = [
            {
                "destinations": [
                    {"region": each["region"], "registryId": each["registry_id"]} for each in rule["destination"]
                ],
                **given("repositoryFilters", filters_of(rule["repository_filter"])),
            }
            for rule in configuration["rule"]
        ]
        self.ecr.put_replication_configuration(replicationConfiguration={"rules": rules})

    def read(self, id_: str) -> Attributes | None:
        found = self.ecr.describe_registry()
        rules = found["replicationConfiguration"]["rules"]
        if not rules:
            return None
        flattened = [
            {
                "destination": [
                    {"region": each["region"], "registry_id": each["registryId"]} for each in rule["destinations"]
                ],
                "repository_filter": flattened_filters(rule.get("repositoryFilters")),
            }
            for rule in rules
        ]
        return {"registry_id": found["registryId"], "replication_configuration": block({"rule": flattened})}

    def delete(self, id_: str, state: Attributes) -> None:
        self.ecr.put_replication_configuration(replicationConfiguration={"rules": []})


class SigningConfiguration(OfRegistry):
    type_name = "aws_ecr_signing_configuration"
    sets = frozenset({"rule"})

    def put(self, config: Attributes) -> None:
        rules = [
            {
                "signingProfileArn": rule["signing_profile_arn"],
                **given("repositoryFilters", filters_of(rule["repository_filter"])),
            }
            for rule in config["rule"]
        ]
        self.ecr.put_signing_configuration(signingConfiguration={"rules": rules})

    def read(self, id_: str) -> Attributes | None:
        try:
            found = self.ecr.get_signing_configuration()
        except self.ecr.exceptions.SigningConfigurationNotFoundException:
            return None
        rules = [
            {
                "signing_profile_arn": rule["signingProfileArn"],
                "repository_filter": flattened_filters(rule.get("repositoryFilters")),
            }
            for rule in found["signingConfiguration"]["rules"]
        ]
        return {"registry_id": found["registryId"], "rule": rules}

    def delete(self, id_: str, state: Attributes) -> None:
        try:
            self.ecr.delete_signing_configuration()
        except self.ecr.exceptions.SigningConfigurationNotFoundException:
            return


class AccountSetting(Resource):
    type_name = "aws_ecr_account_setting"
    forces_new = frozenset({"name"})

    def create(self, config: Attributes) -> str:
        self.ecr.put_account_setting(**config)
        return str(config["name"])

    def read(self, id_: str) -> Attributes | None:
        found = self.ecr.get_account_setting(name=id_)
        return {"name": found["name"], "value": found["value"]}

    def update(self, id_: str, before: Attributes, config: Attributes) -> None:
        self.ecr.put_account_setting(**config)

    def delete(self, id_: str, state: Attributes) -> None:
        """Forget the setting: the provider leaves it as it is."""


class PullTimeUpdateExclusion(Resource):
    type_name = "aws_ecr_pull_time_update_exclusion"
    forces_new = frozenset({"principal_arn"})

    def create(self, config: Attributes) -> str:
        self.ecr.register_pull_time_update_exclusion(principalArn=config["principal_arn"])
        return str(config["principal_arn"])

    def read(self, id_: str) -> Attributes | None:
        """Look for the ARN in all pages."""
        request: dict[str, str] = {}
        while True:
            page = self.ecr.list_pull_time_update_exclusions(**request)
            if id_ in page["pullTimeUpdateExclusions"]:
                return {"principal_arn": id_}
            if not page.get("nextToken"):
                return None
            request = {"nextToken": page["nextToken"]}

    def delete(self, id_: str, state: Attributes) -> None:
        try:
            self.ecr.deregister_pull_time_update_exclusion(principalArn=id_)
        except self.ecr.exceptions.ExclusionNotFoundException:
            return
