"""The operations of CloudFormation on stacks and change sets; moto answers those on stack sets."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from moto.cloudformation.responses import CloudFormationResponse
from moto.cloudformation.urls import url_bases
from moto.core.responses import ActionResult, EmptyResult

from ecr_emulator.companions.cloudformation import descriptions
from ecr_emulator.companions.cloudformation.backend import Backend, ChangeSetRequest
from ecr_emulator.companions.cloudformation.callers import REQUEST, CloudFormationRequest
from ecr_emulator.companions.cloudformation.failures import invalid
from ecr_emulator.companions.cloudformation.stack_backend import StackOptions
from ecr_emulator.companions.cloudformation.stacks import Stack
from ecr_emulator.companions.cloudformation.templates.template import Template
from ecr_emulator.companions.query import access_key_of

_PAGE = 100


class StackResponse(CloudFormationResponse):
    """Decodes requests and encodes answers. The methods have the names of operations."""

    def __init__(self) -> None:
        super().__init__()
        kept = self.RESPONSE_KEY_PATH_TO_TRANSFORMER.items()
        self.RESPONSE_KEY_PATH_TO_TRANSFORMER = {path: each for path, each in kept if "StackSet" in path}

    def setup_class(self, request: Any, *arguments: Any, **named: Any) -> None:
        """Read a request, and remember who makes it."""
        super().setup_class(request, *arguments, **named)
        REQUEST.set(CloudFormationRequest(access_key_of(request.environ), request.environ))

    @property
    def _backend(self) -> Backend:
        return self.cloudformation_backend  # type: ignore[return-value]

    # --- Stacks ------------------------------------------------------------------------------------------

    def create_stack(self) -> ActionResult:
        stack = self._backend.create_stack(self._name(), self._required_template(), self._given(), self._options())
        return ActionResult({"StackId": stack.stack_id})

    def update_stack(self) -> ActionResult:
        template = None if self._get_bool_param("UsePreviousTemplate", False) else self._required_template()
        keep_failed = bool(self._get_bool_param("DisableRollback", False))
        parameters = self._get_param("Parameters", [])
        stack = self._backend.update_stack(self._name(), template, parameters, self._options(), keep_failed=keep_failed)
        return ActionResult({"StackId": stack.stack_id})

    def delete_stack(self) -> ActionResult:
        retained, role_arn = self._get_param("RetainResources", []), self._get_param("RoleARN")
        self._backend.delete_stack(self._name(), retained, role_arn)
        return EmptyResult()

    def describe_stacks(self) -> ActionResult:
        name = self._get_param("StackName")
        stacks = [self._backend.get_stack(name)] if name else list(self._backend.stacks.values())
        return self._page("Stacks", [descriptions.stack(each) for each in stacks])  # type: ignore[arg-type]

    def list_stacks(self) -> ActionResult:
        wanted = self._get_param("StackStatusFilter", [])
        stacks = [*self._backend.stacks.values(), *self._backend.deleted_stacks.values()]
        shown = [each for each in stacks if not wanted or each.status in wanted]
        return self._page("StackSummaries", [descriptions.stack_summary(each) for each in shown])  # type: ignore[arg-type]

    def describe_stack_events(self) -> ActionResult:
        stack = self._stack()
        return self._page("StackEvents", [descriptions.event(stack, each) for each in reversed(stack.events)])

    def describe_stack_resource(self) -> ActionResult:
        stack, name = self._stack(), self._get_param("LogicalResourceId")
        if name not in stack.resources:
            raise invalid(f"Resource {name} does not exist for stack {stack.name}")
        return ActionResult({"StackResourceDetail": descriptions.resource(stack, stack.resources[name])})

    def describe_stack_resources(self) -> ActionResult:
        stack, name = self._stack_of_resource(), self._get_param("LogicalResourceId")
        resources = [each for each in stack.resources.values() if name in (None, each.logical_id)]
        return ActionResult({"StackResources": [descriptions.resource(stack, each) for each in resources]})

    def list_stack_resources(self) -> ActionResult:
        stack = self._stack()
        shown = [descriptions.resource(stack, each) for each in stack.resources.values()]
        return self._page("StackResourceSummaries", shown)

    def update_termination_protection(self) -> ActionResult:
        stack = self._stack()
        stack.enable_termination_protection = bool(self._get_bool_param("EnableTerminationProtection", False))
        return ActionResult({"StackId": stack.stack_id})

    # --- Templates ---------------------------------------------------------------------------------------

    def get_template(self) -> ActionResult:
        change_set = self._get_param("ChangeSetName")
        if change_set:
            target = self._backend.find_change_set(change_set, self._get_param("StackName")).target
        else:
            target = self._stack().target  # type: ignore[assignment]
        body = target.template.text if target else ""
        return ActionResult({"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]})

    def get_template_summary(self) -> ActionResult:
        text = self._template()
        if text is None:
            stack = self._stack()
            if stack.target is None:
                raise invalid("GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.")
            text = stack.target.template.text
        return ActionResult(descriptions.template_summary(Template.of(text)))

    def validate_template(self) -> ActionResult:
        template = Template.of(self._required_template())
        return ActionResult(descriptions.validated_template(template))

    # --- Change sets -------------------------------------------------------------------------------------

    def create_change_set(self) -> ActionResult:
        request = ChangeSetRequest(
            kind=self._get_param("ChangeSetType", "UPDATE"),
            template=None if self._get_bool_param("UsePreviousTemplate", False) else self._required_template(),
            parameters=self._get_param("Parameters", []),
            options=self._options(self._get_param("OnStackFailure")),
            imports=self._get_param("ResourcesToImport", []),
            description=self._get_param("Description"),
        )
        made = self._backend.create_change_set(self._name(), self._get_param("ChangeSetName"), request)
        return ActionResult({"Id": made.change_set_id, "StackId": made.stack.stack_id})

    def describe_change_set(self) -> ActionResult:
        found = self._backend.find_change_set(self._get_param("ChangeSetName"), self._get_param("StackName"))
        return ActionResult(descriptions.change_set(found))

    def execute_change_set(self) -> ActionResult:
        keep_failed = bool(self._get_bool_param("DisableRollback", False))
        name, stack_name = self._get_param("ChangeSetName"), self._get_param("StackName")
        self._backend.execute_change_set(name, stack_name, keep_failed=keep_failed)
        return EmptyResult()

    def delete_change_set(self) -> ActionResult:
        self._backend.delete_change_set(self._get_param("ChangeSetName"), self._get_param("StackName"))
        return EmptyResult()

    def list_change_sets(self) -> ActionResult:
        found = self._backend.change_sets_of(self._stack())
        return self._page("Summaries", [descriptions.change_set_summary(each) for each in found])

    # --- Drift -------------------------------------------------------------------------------------------

    def detect_stack_drift(self) -> ActionResult:
        drift = self._backend.detect_drift(self._name(), self._get_param("LogicalResourceIds", []))
        return ActionResult({"StackDriftDetectionId": drift.detection_id})

    def describe_stack_drift_detection_status(self) -> ActionResult:
        found = self._backend.find_drift(self._get_param("StackDriftDetectionId"))
        return ActionResult(descriptions.drift_detection(found))

    def detect_stack_resource_drift(self) -> ActionResult:
        stack, names = self._stack(), [self._get_param("LogicalResourceId")]
        (drift,) = self._backend.detect_drift(stack.stack_id, names).resources
        return ActionResult({"StackResourceDrift": descriptions.resource_drift(stack, drift)})

    def describe_stack_resource_drifts(self) -> ActionResult:
        stack, wanted = self._stack(), self._get_param("StackResourceDriftStatusFilters", [])
        found = [each for each in self._backend.last_drifts(stack) if not wanted or each.status in wanted]
        return self._page("StackResourceDrifts", [descriptions.resource_drift(stack, each) for each in found])

    # --- Exports -----------------------------------------------------------------------------------------

    def list_imports(self) -> ActionResult:
        name = self._get_param("ExportName")
        importers = self._backend.stack_exports.importers_of(name)
        if not importers:
            raise invalid(f"Export '{name}' is not imported by any stack.")
        return self._page("Imports", importers)

    # --- Custom resources --------------------------------------------------------------------------------

    @classmethod
    def cfnresponse(cls, *args: Any, **kwargs: Any) -> Any:
        request, full_url, headers = args
        response = cls()
        response.automated_parameter_parsing = False
        return response._dispatch(request=request, full_url=f"{full_url}&Action=ProcessCfnResponse", headers=headers)

    def process_cfn_response(self) -> tuple[int, dict[str, int], str]:
        """Take the answer of the function of a custom resource."""
        if self._get_param("Status") == "SUCCESS":
            stack = self._backend.get_stack(self._get_param("StackId"))
            resource = stack.get_custom_resource(self._get_param("LogicalResourceId"))
            resource.set_data(self._get_param("Data"))
            self._backend.complete(stack)
        return 200, {"status": 200}, json.dumps("{}")

    # --- Members of requests -----------------------------------------------------------------------------

    def _name(self) -> str:
        name: str = self._get_param("StackName")
        return name

    def _stack(self) -> Stack:
        return self._backend.get_stack(self._name())

    def _stack_of_resource(self) -> Stack:
        physical_id = self._get_param("PhysicalResourceId")
        if self._name() or not physical_id:
            return self._stack()
        for stack in self._backend.stacks.values():
            if any(each.physical_id == physical_id for each in stack.resources.values()):  # type: ignore[attr-defined]
                return stack  # type: ignore[return-value]
        raise invalid(f"Stack for {physical_id} does not exist")

    def _template(self) -> str | None:
        url, body = self._get_param("TemplateURL"), self._get_param("TemplateBody")
        if url and body:
            raise invalid("You cannot specify both a template body and a template URL.")
        return self._get_stack_from_s3_url(url) if url else body

    def _required_template(self) -> str:
        template = self._template()
        if template is None:
            raise invalid("Either Template URL or Template Body must be specified.")
        return template

    def _given(self) -> dict[str, Any]:
        return self._get_params_from_list(self._get_param("Parameters", []))

    def _options(self, on_failure: str | None = None) -> StackOptions:
        if self._get_bool_param("DisableRollback", False):
            on_failure = "DO_NOTHING"
        tags = self._get_param("Tags")
        return StackOptions(
            tags=None if tags is None else {each["Key"]: each["Value"] for each in tags},
            role_arn=self._get_param("RoleARN"),
            notification_arns=self._get_param("NotificationARNs"),
            capabilities=self._get_param("Capabilities"),
            on_failure=on_failure or self._get_param("OnFailure") or "ROLLBACK",
            enable_termination_protection=bool(self._get_bool_param("EnableTerminationProtection", False)),
            timeout_in_minutes=self._get_param("TimeoutInMinutes"),
            policy=self._get_param("StackPolicyBody") or "",
        )

    def _page(self, name: str, items: list[Any]) -> ActionResult:
        start = int(self._get_param("NextToken") or 0)
        end = start + _PAGE
        more = {"NextToken": str(end)} if len(items) > end else {}
        return ActionResult({name: items[start:end], **more})


def url_module() -> SimpleNamespace:
    """Return the addresses of CloudFormation, in the place of moto's module of addresses."""
    paths = {
        "{0}/$": StackResponse.dispatch,
        "{0}/cloudformation_(?P<region>[^/]+)/cfnresponse$": StackResponse.cfnresponse,
    }
    return SimpleNamespace(url_bases=url_bases, url_paths=paths)
