"""The resource types of ECR, except repositories.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ECR.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol

from ecr_emulator.companions.cloudformation.resources.ecr_calls import (
    EcrCalls,
    document,
    members_of,
    parsed,
    properties_of,
)

PREFIX = "AWS::ECR::"
Properties = dict[str, Any]


class EcrType(Protocol):
    """The calls of ECR's API that create, read, update and delete the resources of a type.

    All methods raise ``EcrCallFailed``.
    """

    def create(self, ecr: EcrCalls, wanted: Properties) -> Properties:
        """Create a resource, and return the values of its read-only properties."""

    def complete(self, ecr: EcrCalls, wanted: Properties) -> None:
        """Give a new resource the properties that ``create`` cannot give it."""

    def find(self, ecr: EcrCalls, identifier: str) -> Properties | None:
        """Return all properties that a resource has now, None if it does not exist."""

    def update(self, ecr: EcrCalls, wanted: Properties, before: Properties) -> Properties:
        """Give a resource other properties than it had ``before``; return the changed read-only properties."""

    def delete(self, ecr: EcrCalls, identifier: str, properties: Properties) -> None:
        """Delete a resource."""


class _OneCall:
    """A type whose resources one call creates."""

    def complete(self, ecr: EcrCalls, wanted: Properties) -> None:
        """See ``EcrType.complete``."""


class PullThroughCacheRule(_OneCall):
    def create(self, ecr: EcrCalls, wanted: Properties) -> Properties:
        ecr.call("CreatePullThroughCacheRule", **members_of(wanted))
        return {}

    def find(self, ecr: EcrCalls, identifier: str) -> Properties | None:
        missing, prefixes = "PullThroughCacheRuleNotFoundException", [identifier]
        found = ecr.find("DescribePullThroughCacheRules", missing, ecrRepositoryPrefixes=prefixes)
        return properties_of(_without_dates(found["pullThroughCacheRules"][0])) if found else None

    def update(self, ecr: EcrCalls, wanted: Properties, before: Properties) -> Properties:
        raise AssertionError("every change of a pull through cache rule replaces it")

    def delete(self, ecr: EcrCalls, identifier: str, properties: Properties) -> None:
        ecr.call("DeletePullThroughCacheRule", ecrRepositoryPrefix=identifier)


class RepositoryCreationTemplate(_OneCall):
    def create(self, ecr: EcrCalls, wanted: Properties) -> Properties:
        made = ecr.call("CreateRepositoryCreationTemplate", **members_of(wanted))
        return _dates(made["repositoryCreationTemplate"])

    def find(self, ecr: EcrCalls, identifier: str) -> Properties | None:
        found = ecr.find("DescribeRepositoryCreationTemplates", "TemplateNotFoundException", prefixes=[identifier])
        templates = found["repositoryCreationTemplates"] if found else []
        if not templates:
            return None
        return {**properties_of(templates[0]), **_dates(templates[0])}

    def update(self, ecr: EcrCalls, wanted: Properties, before: Properties) -> Properties:
        emptied = {name: _EMPTY[name] for name in before if name in _EMPTY}
        made = ecr.call("UpdateRepositoryCreationTemplate", **members_of({**emptied, **wanted}))
        return _dates(made["repositoryCreationTemplate"])

    def delete(self, ecr: EcrCalls, identifier: str, properties: Properties) -> None:
        ecr.call("DeleteRepositoryCreationTemplate", prefix=identifier)


_EMPTY: Properties = {
    "Description": "",
    "ImageTagMutability": "MUTABLE",
    "EncryptionConfiguration": {"EncryptionType": "AES256"},
    "LifecyclePolicy": "",
    "RepositoryPolicy": "",
    "ResourceTags": [],
}
"""The values of properties of a creation template that an update leaves out."""


class RegistryPolicy(_OneCall):
    def create(self, ecr: EcrCalls, wanted: Properties) -> Properties:
        made = ecr.call("PutRegistryPolicy", policyText=document(wanted["PolicyText"]))
        return {"RegistryId": made["registryId"]}

    def find(self, ecr: EcrCalls, identifier: str) -> Properties | None:
        found = ecr.find("GetRegistryPolicy", "RegistryPolicyNotFoundException")
        return {"RegistryId": found["registryId"], "PolicyText": parsed(found["policyText"])} if found else None

    def update(self, ecr: EcrCalls, wanted: Properties, before: Properties) -> Properties:
        return self.create(ecr, wanted)

    def delete(self, ecr: EcrCalls, identifier: str, properties: Properties) -> None:
        ecr.call("DeleteRegistryPolicy")


class ReplicationConfiguration(_OneCall):
    def create(self, ecr: EcrCalls, wanted: Properties) -> Properties:
        configuration = members_of(wanted["ReplicationConfiguration"])
        ecr.call("PutReplicationConfiguration", replicationConfiguration=configuration)
        return {"RegistryId": ecr.access.caller.registry.id}

    def find(self, ecr: EcrCalls, identifier: str) -> Properties | None:
        found = ecr.call("DescribeRegistry")
        configuration = properties_of(found["replicationConfiguration"])
        if not configuration.get("Rules"):
            return None
        return {"RegistryId": found["registryId"], "ReplicationConfiguration": configuration}

    def update(self, ecr: EcrCalls, wanted: Properties, before: Properties) -> Properties:
        return self.create(ecr, wanted)

    def delete(self, ecr: EcrCalls, identifier: str, properties: Properties) -> None:
        ecr.call("PutReplicationConfiguration", replicationConfiguration={"rules": []})


class RegistryScanningConfiguration(_OneCall):
    def create(self, ecr: EcrCalls, wanted: Properties) -> Properties:
        ecr.call("PutRegistryScanningConfiguration", **members_of(wanted))
        return {"RegistryId": ecr.access.caller.registry.id}

    def find(self, ecr: EcrCalls, identifier: str) -> Properties | None:
        found = ecr.call("GetRegistryScanningConfiguration")
        configuration = properties_of(found["scanningConfiguration"])
        if configuration == {"ScanType": "BASIC", "Rules": []}:
            return None
        return {"RegistryId": found["registryId"], **configuration}

    def update(self, ecr: EcrCalls, wanted: Properties, before: Properties) -> Properties:
        return self.create(ecr, wanted)

    def delete(self, ecr: EcrCalls, identifier: str, properties: Properties) -> None:
        ecr.call("PutRegistryScanningConfiguration", scanType="BASIC", rules=[])


class SigningConfiguration(_OneCall):
    def create(self, ecr: EcrCalls, wanted: Properties) -> Properties:
        ecr.call("PutSigningConfiguration", signingConfiguration=members_of(wanted))
        return {"RegistryId": ecr.access.caller.registry.id}

    def find(self, ecr: EcrCalls, identifier: str) -> Properties | None:
        found = ecr.find("GetSigningConfiguration", "SigningConfigurationNotFoundException")
        return {"RegistryId": found["registryId"], **properties_of(found["signingConfiguration"])} if found else None

    def update(self, ecr: EcrCalls, wanted: Properties, before: Properties) -> Properties:
        return self.create(ecr, wanted)

    def delete(self, ecr: EcrCalls, identifier: str, properties: Properties) -> None:
        ecr.call("DeleteSigningConfiguration")


class PullTimeUpdateExclusion(_OneCall):
    def create(self, ecr: EcrCalls, wanted: Properties) -> Properties:
        ecr.call("RegisterPullTimeUpdateExclusion", principalArn=wanted["PrincipalArn"])
        return {}

    def find(self, ecr: EcrCalls, identifier: str) -> Properties | None:
        token = None
        while True:
            page = ecr.call("ListPullTimeUpdateExclusions", nextToken=token)
            if identifier in page["pullTimeUpdateExclusions"]:
                return {"PrincipalArn": identifier}
            token = page.get("nextToken")
            if not token:
                return None

    def update(self, ecr: EcrCalls, wanted: Properties, before: Properties) -> Properties:
        raise AssertionError("a pull time update exclusion has no property that can be changed")

    def delete(self, ecr: EcrCalls, identifier: str, properties: Properties) -> None:
        ecr.call("DeregisterPullTimeUpdateExclusion", principalArn=identifier)


def _without_dates(members: Properties) -> Properties:
    return {name: value for name, value in members.items() if name not in ("createdAt", "updatedAt", "registryId")}


def _dates(members: Properties) -> Properties:
    wire = {"CreatedAt": "createdAt", "UpdatedAt": "updatedAt"}
    return {name: _date(members[each]) for name, each in wire.items() if each in members}


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
