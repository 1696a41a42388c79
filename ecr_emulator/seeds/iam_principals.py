"""Groups, roles and users of IAM as a seed changes them. Each method returns whether it changed anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.partitions import partition_of
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.seeds.client import CallRefused, EmulatorClient
from ecr_emulator.seeds.registries import as_text, has_all

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ALL = {"MaxItems": "1000"}
"""Lists of IAM have 100 items unless more are asked for."""


@dataclass(frozen=True, slots=True)
class IamPrincipal:
    """A group, role or user, whether or not it exists. ``kind`` is the word in the operations of IAM: ``GetUser``."""

    client: EmulatorClient
    registry: Registry
    kind: str
    name: str

    def call(self, operation: str, **parameters: str) -> Element:
        """Call an operation about it. Raises ``CallRefused``."""
        return self.client.iam(self.registry, operation, **{f"{self.kind}Name": self.name}, **parameters)

    def find(self) -> Element | None:
        """Return its description, or None if it does not exist."""
        return find_in_iam(self.client, self.registry, f"Get{self.kind}", **{f"{self.kind}Name": self.name})

    def attach_policies(self, policies: Iterable[str]) -> bool:
        """Attach managed policies, by their ARN or the name of one of the account."""
        listed = self.call(f"ListAttached{self.kind}Policies", **ALL)
        attached = {each.text for each in listed.iterfind(".//{*}PolicyArn")}
        missing = [arn for arn in (policy_arn(self.registry, each) for each in policies) if arn not in attached]
        for arn in missing:
            self.call(f"Attach{self.kind}Policy", PolicyArn=arn)
        return bool(missing)

    def put_policies(self, policies: Mapping[str, Any]) -> bool:
        """Put inline policies, by their names."""
        changed = False
        for name, policy in policies.items():
            document = as_text(policy)
            names = {f"{self.kind}Name": self.name, "PolicyName": name}
            current = find_in_iam(self.client, self.registry, f"Get{self.kind}Policy", **names)
            if not says(current, "PolicyDocument", document):
                self.call(f"Put{self.kind}Policy", PolicyName=name, PolicyDocument=document)
                changed = True
        return changed

    def tag(self, tags: Mapping[str, str]) -> bool:
        """Set tags."""
        members = self.call(f"List{self.kind}Tags", **ALL).iterfind(".//{*}Tags/{*}member")
        current = {each.findtext("{*}Key"): each.findtext("{*}Value") or "" for each in members}
        if current.items() >= tags.items():
            return False
        numbered = enumerate(tags.items(), start=1)
        parameters = {
            f"Tags.member.{number}.{part}": text
            for number, tag in numbered
            for part, text in zip(("Key", "Value"), tag, strict=True)
        }
        self.call(f"Tag{self.kind}", **parameters)
        return True

    def set_boundary(self, policy: str | None) -> bool:
        """Set the permissions boundary, unless none is given."""
        if policy is None:
            return False
        arn = policy_arn(self.registry, policy)
        if self.call(f"Get{self.kind}").findtext(".//{*}PermissionsBoundaryArn") == arn:
            return False
        self.call(f"Put{self.kind}PermissionsBoundary", PermissionsBoundary=arn)
        return True


def find_in_iam(client: EmulatorClient, registry: Registry, operation: str, **parameters: str) -> Element | None:
    """Return the answer of an operation, or None for something that does not exist. Raises ``CallRefused``."""
    try:
        return client.iam(registry, operation, **parameters)
    except CallRefused as refused:
        if refused.code == "NoSuchEntity":
            return None
        raise


def policy_arn(registry: Registry, policy: str) -> str:
    """Return the ARN of a managed policy; a name is that of a policy of the account."""
    partition = partition_of(registry.region).name
    return policy if policy.startswith("arn:") else f"arn:{partition}:iam::{registry.id}:policy/{policy}"


def says(answer: Element | None, element: str, document: str) -> bool:
    """Return whether a policy in an answer, which is URL-encoded there, says the same as a document."""
    found = None if answer is None else answer.findtext(f".//{{*}}{element}")
    return found is not None and has_all(unquote(found), document)
