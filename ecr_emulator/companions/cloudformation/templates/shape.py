"""The shape of a template: which sections and attributes it may have, and of which kinds they are."""

from __future__ import annotations

from typing import Any

from ecr_emulator.companions.cloudformation.failures import invalid

_SECTIONS = {
    "AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions", "Transform",
    "Hooks", "Resources", "Outputs", "Globals",
}  # fmt: skip
_ATTRIBUTES = {
    "Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy", "UpdateReplacePolicy",
    "CreationPolicy", "UpdatePolicy",
}  # fmt: skip
_OF_OBJECTS = {"Parameters", "Rules", "Mappings", "Conditions", "Outputs"}
_POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")


def check_shape(content: dict[str, Any]) -> None:
    """Raise moto's ``ValidationError`` unless a template has the shape of one."""
    _check_sections(content)
    for section in sorted(_OF_OBJECTS & content.keys()):
        _check_objects(section, content[section])
    for name, rule in content.get("Rules", {}).items():
        _check_rule(name, rule)
    for name, resource in content["Resources"].items():
        _check_resource(name, resource)
        _check_attributes(name, resource)


def _check_sections(content: dict[str, Any]) -> None:
    unknown = [str(name) for name in content if name not in _SECTIONS]
    if unknown:
        raise invalid(f"Invalid template property or properties [{', '.join(unknown)}]")
    for name in sorted(_SECTIONS & content.keys()):
        if content[name] is None:
            raise invalid(f"[/{name}] 'null' values are not allowed in templates")
    if content.get("Transform"):
        raise invalid(f"This emulator does not process the transform {content['Transform']}: process it before.")
    if not isinstance(content.get("Resources"), dict) or not content["Resources"]:
        raise invalid("Template format error: At least one Resources member must be defined.")


def _check_objects(section: str, content: Any) -> None:
    if not isinstance(content, dict):
        raise invalid(f"Template format error: [/{section}] must be an object.")
    for name, member in content.items():
        members = member.values() if section == "Mappings" and isinstance(member, dict) else [member]
        if not isinstance(member, dict) or not all(isinstance(each, dict) for each in members):
            raise invalid(f"Template format error: [/{section}/{name}] must be an object.")
        _check_condition(f"{section}/{name}", member)


def _check_condition(path: str, definition: dict[str, Any]) -> None:
    if not path.startswith("Conditions/") and not isinstance(definition.get("Condition", ""), str):
        raise invalid(f"Template format error: [/{path}/Condition] must be a string.")


def _check_rule(name: str, rule: dict[str, Any]) -> None:
    assertions = rule.get("Assertions")
    if not isinstance(assertions, list) or not all(isinstance(each, dict) and "Assert" in each for each in assertions):
        raise invalid(f"Template format error: [/Rules/{name}] must have Assertions, a list of objects with an Assert.")


def _check_resource(name: str, resource: Any) -> None:
    if str(name).startswith("Fn::"):
        raise invalid(f"This emulator does not process {name} in Resources: process it before.")
    if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
        raise invalid(f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member.")
    if not str(name).isalnum():
        raise invalid(f"Template format error: Resource name {name} is non alphanumeric.")
    unknown = [str(each) for each in resource if each not in _ATTRIBUTES]
    if unknown:
        raise invalid(f"Invalid template resource property '{unknown[0]}'")
    if not isinstance(resource.get("Properties", {}), dict):
        raise invalid(f"Template format error: [/Resources/{name}/Properties] Properties must be an object.")


def _check_attributes(name: str, resource: dict[str, Any]) -> None:
    _check_condition(f"Resources/{name}", resource)
    for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
        if policy in resource and resource[policy] not in _POLICIES:
            raise invalid(f"Template format error: Unrecognized {policy} {resource[policy]} for resource {name}")
    depends = resource.get("DependsOn", [])
    if not all(isinstance(each, str) for each in (depends if isinstance(depends, list) else [depends])):
        raise invalid(f"Template format error: [/Resources/{name}/DependsOn] must be a string or a list of strings.")
