"""Descriptions of stacks and change sets, with the member names of CloudFormation's API."""

from __future__ import annotations

import json
from typing import Any

from ecr_emulator.companions.cloudformation.change_sets import ChangeSet
from ecr_emulator.companions.cloudformation.drift import ResourceDrift, StackDrift
from ecr_emulator.companions.cloudformation.stacks import Event, Resource, Stack
from ecr_emulator.companions.cloudformation.templates.parameters import shown_values
from ecr_emulator.companions.cloudformation.templates.target import Target
from ecr_emulator.companions.cloudformation.templates.template import Template
from ecr_emulator.companions.cloudformation.templates.values import text

Description = dict[str, Any]
_IAM_NAMES = {"AWS::IAM::Role": "RoleName", "AWS::IAM::User": "UserName", "AWS::IAM::Group": "GroupName"}


def stack(each: Stack) -> Description:
    """Return an entry of ``DescribeStacks``."""
    template = each.target.template if each.target else None
    return _present(
        StackId=each.stack_id,
        StackName=each.name,
        Description=template.description if template else None,
        Parameters=_parameters(each.target),
        CreationTime=each.created_at,
        LastUpdatedTime=each.updated_at,
        DeletionTime=each.deleted_at,
        StackStatus=each.status,
        StackStatusReason=each.reason,
        DisableRollback=each.disable_rollback,
        NotificationARNs=each.notification_arns,
        TimeoutInMinutes=each.timeout_in_minutes,
        Capabilities=each.capabilities,
        Outputs=each.outputs or None,
        RoleARN=each.role_arn,
        Tags=_tags(each.tags),
        EnableTerminationProtection=each.enable_termination_protection,
        ParentId=each.parent_id,
        RootId=each.parent_id,
        DriftInformation=_present(StackDriftStatus=each.drift_status, LastCheckTimestamp=each.drift_checked_at),
    )


def stack_summary(each: Stack) -> Description:
    """Return an entry of ``ListStacks``."""
    return _present(
        StackId=each.stack_id,
        StackName=each.name,
        TemplateDescription=each.target.template.description if each.target else None,
        CreationTime=each.created_at,
        LastUpdatedTime=each.updated_at,
        DeletionTime=each.deleted_at,
        StackStatus=each.status,
        StackStatusReason=each.reason,
        ParentId=each.parent_id,
        RootId=each.parent_id,
        DriftInformation=_present(StackDriftStatus=each.drift_status, LastCheckTimestamp=each.drift_checked_at),
    )


def event(stack: Stack, each: Event) -> Description:
    """Return an entry of ``DescribeStackEvents``."""
    return _present(
        StackId=stack.stack_id,
        EventId=each.event_id,
        StackName=stack.name,
        LogicalResourceId=each.logical_id,
        PhysicalResourceId=each.physical_id,
        ResourceType=each.kind,
        Timestamp=each.timestamp,
        ResourceStatus=each.status,
        ResourceStatusReason=each.reason,
        ResourceProperties=each.properties,
    )


def resource(stack: Stack, each: Resource) -> Description:
    """Return a resource, with the members of all operations that describe one."""
    return _present(
        StackName=stack.name,
        StackId=stack.stack_id,
        LogicalResourceId=each.logical_id,
        PhysicalResourceId=each.physical_id or None,
        ResourceType=each.kind,
        LastUpdatedTimestamp=each.changed_at,
        Timestamp=each.changed_at,
        ResourceStatus=each.status,
        ResourceStatusReason=each.reason,
        DriftInformation={"StackResourceDriftStatus": each.drift_status},
    )


def change_set(each: ChangeSet) -> Description:
    """Return the result of ``DescribeChangeSet``."""
    return {
        **change_set_summary(each),
        **_present(
            Parameters=_parameters(each.target),
            NotificationARNs=each.notification_arns,
            Capabilities=each.capabilities,
            Tags=_tags(each.tags),
            Changes=each.changes,
            OnStackFailure=each.on_stack_failure,
        ),
    }


def change_set_summary(each: ChangeSet) -> Description:
    """Return an entry of ``ListChangeSets``."""
    return _present(
        StackId=each.stack.stack_id,
        StackName=each.stack.name,
        ChangeSetId=each.change_set_id,
        ChangeSetName=each.name,
        ExecutionStatus=each.execution_status,
        Status=each.status,
        StatusReason=each.reason,
        CreationTime=each.created_at,
        Description=each.description,
        IncludeNestedStacks=False,
    )


def drift_detection(each: StackDrift) -> Description:
    """Return the result of ``DescribeStackDriftDetectionStatus``."""
    return {
        "StackId": each.stack_id,
        "StackDriftDetectionId": each.detection_id,
        "StackDriftStatus": each.status,
        "DetectionStatus": "DETECTION_COMPLETE",
        "DriftedStackResourceCount": each.drifted,
        "Timestamp": each.at,
    }


def resource_drift(stack: Stack, each: ResourceDrift) -> Description:
    """Return an entry of ``DescribeStackResourceDrifts``."""
    return _present(
        StackId=stack.stack_id,
        LogicalResourceId=each.resource.logical_id,
        PhysicalResourceId=each.resource.physical_id,
        ResourceType=each.resource.kind,
        ExpectedProperties=json.dumps(each.resource.properties, default=str),
        ActualProperties=None if each.actual is None else json.dumps(each.actual, default=str),
        PropertyDifferences=list(each.differences),
        StackResourceDriftStatus=each.status,
        Timestamp=each.at,
    )


def template_summary(template: Template) -> Description:
    """Return the result of ``GetTemplateSummary``."""
    return _present(
        Parameters=[_declaration(name, each) for name, each in template.parameters.items()],
        Description=template.description,
        ResourceTypes=sorted({each["Type"] for each in template.resources.values()}),
        Version=template.content.get("AWSTemplateFormatVersion"),
        **_capabilities(template),
    )


def validated_template(template: Template) -> Description:
    """Return the result of ``ValidateTemplate``."""
    parameters = [
        _present(
            ParameterKey=name,
            DefaultValue=text(each["Default"]) if "Default" in each else None,
            NoEcho=text(each.get("NoEcho")) == "true",
            Description=each.get("Description"),
        )
        for name, each in template.parameters.items()
    ]
    return _present(Parameters=parameters, Description=template.description, **_capabilities(template))


def _declaration(name: str, each: dict[str, Any]) -> Description:
    allowed = [text(value) for value in each.get("AllowedValues", ())]
    return _present(
        ParameterKey=name,
        DefaultValue=text(each["Default"]) if "Default" in each else None,
        ParameterType=each.get("Type", "String"),
        NoEcho=text(each.get("NoEcho")) == "true",
        Description=each.get("Description"),
        ParameterConstraints={"AllowedValues": allowed} if allowed else {},
    )


def _capabilities(template: Template) -> Description:
    """Return the capabilities that AWS requires for the resources of IAM in a template."""
    found = [each for each in template.resources.values() if each["Type"].startswith("AWS::IAM::")]
    if not found:
        return {}
    named = any(_IAM_NAMES.get(each["Type"]) in each.get("Properties", {}) for each in found)
    kinds = ", ".join(sorted({each["Type"] for each in found}))
    return {
        "Capabilities": ["CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"],
        "CapabilitiesReason": f"The following resource(s) require capabilities: [{kinds}]",
    }


def _parameters(target: Target | None) -> list[dict[str, str]] | None:
    return shown_values(target.template.parameters, target.parameters, target.given) if target else None


def _tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _present(**members: Any) -> Description:
    return {name: value for name, value in members.items() if value is not None}
