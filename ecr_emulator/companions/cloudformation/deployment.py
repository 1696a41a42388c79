"""Bring a stack to a target: create, update and delete its resources in order, and roll back after a failure.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ecr_emulator.companions.cloudformation.failures import ResourceFailure
from ecr_emulator.companions.cloudformation.resources.context import DeploymentContext, Handler
from ecr_emulator.companions.cloudformation.resources.evaluation import Evaluation
from ecr_emulator.companions.cloudformation.resources.handlers import handler_of
from ecr_emulator.companions.cloudformation.stacks import Reporter, Resource
from ecr_emulator.companions.cloudformation.templates.target import Target

USER = "User Initiated"


class _Undo(NamedTuple):
    """A change of an update and its reversal. ``before`` is None for a resource that was added."""

    now: Resource
    before: Resource | None = None
    properties: dict[str, Any] | None = None


class Deployment:
    """One operation on a stack."""

    def __init__(self, context: DeploymentContext, target: Target, report: Reporter) -> None:
        self._context = context
        self._stack = context.stack
        self._target = target
        self._report = report
        self._order = target.order()
        self._values = Evaluation(target, context, self._stack.resources)
        self._undo: list[_Undo] = []

    def create(self, on_failure: str) -> None:
        """Create all resources. ``on_failure`` is ``ROLLBACK``, ``DELETE`` or ``DO_NOTHING``."""
        self._report.stack("CREATE_IN_PROGRESS", USER)
        self._stack.target = self._target
        for name in self._order:
            try:
                self._create(self._defined(name))
            except ResourceFailure:
                self._give_up(f"The following resource(s) failed to create: [{name}]. ", on_failure)
                return
        try:
            self._set_outputs()
        except ResourceFailure as failure:
            self._give_up(f"{failure.reason} ", on_failure)
            return
        if not self._stack.is_waiting:
            self._report.stack("CREATE_COMPLETE")

    def adopt(self, identifiers: dict[str, str]) -> None:
        """Import resources that exist, by their logical names and identifiers."""
        self._report.stack("IMPORT_IN_PROGRESS", USER)
        adopted: list[str] = []
        for name in [each for each in self._order if each in identifiers]:
            resource = self._defined(name)
            self._stack.resources[name] = resource
            adopted.append(name)
            try:
                resource.properties = self._handler(resource.kind).prepared(name, self._wanted(name))
                self._report.resource(resource, "IMPORT_IN_PROGRESS", "Resource import started.")
                self._handler(resource.kind).adopt(resource, identifiers[name])  # type: ignore[attr-defined]
            except ResourceFailure as failure:
                self._report.resource(resource, "IMPORT_FAILED", failure.reason)
                self._report.stack(
                    "IMPORT_ROLLBACK_IN_PROGRESS", f"The following resource(s) failed to import: [{name}]."
                )
                for each in adopted:
                    del self._stack.resources[each]
                self._report.stack("IMPORT_ROLLBACK_COMPLETE")
                return
            self._report.resource(resource, "IMPORT_COMPLETE", "Resource import completed.")
        self._stack.target = self._target
        self._set_outputs()
        self._report.stack("IMPORT_COMPLETE")

    def update(self, *, keep_failed: bool = False) -> None:
        """Create, change and replace resources as the target demands, then delete those that are not in it."""
        self._report.stack("UPDATE_IN_PROGRESS", USER)
        for name in self._order:
            try:
                self._bring(name)
            except ResourceFailure:
                self._give_up_update(f"The following resource(s) failed to update: [{name}]. ", keep_failed=keep_failed)
                return
        try:
            self._set_outputs()
        except ResourceFailure as failure:
            self._give_up_update(f"{failure.reason} ", keep_failed=keep_failed)
            return
        self._stack.target = self._target
        self._clean_up()
        self._report.stack("UPDATE_COMPLETE")

    def _clean_up(self) -> None:
        """Delete the resources that an update removed or replaced."""
        removed = [each for name, each in self._stack.resources.items() if name not in self._order]
        for each in removed:
            del self._stack.resources[each.logical_id]
        replaced = [each.before for each in self._undo if each.before and each.before is not each.now]
        leftover = [each for each in removed if not each.is_kept_at_deletion]
        leftover += [each for each in replaced if not each.is_kept_at_replacement]
        if leftover:
            self._report.stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
            for each in reversed(leftover):
                self._delete(each)
        for each in [*removed, *replaced]:
            if each not in leftover:
                self._report.resource(each, "DELETE_SKIPPED")

    def delete(self, retained: Collection[str] = ()) -> None:
        """Delete all resources, except those that are to be kept."""
        self._report.stack("DELETE_IN_PROGRESS", USER)
        self._delete_all("DELETE", retained, lambda each: each.is_kept_at_deletion)

    # --- One resource ------------------------------------------------------------------------------------

    def _create(self, resource: Resource) -> None:
        name = resource.logical_id
        self._stack.resources[name] = resource
        with self._failing(resource, "CREATE_FAILED"):
            resource.properties = self._wanted(name)
            self._report.resource(resource, "CREATE_IN_PROGRESS")
            resource.properties = self._handler(resource.kind).prepared(name, resource.properties)
            self._handler(resource.kind).create(resource)
        self._report.resource(resource, "CREATE_IN_PROGRESS", "Resource creation Initiated")
        self._report.resource(resource, "CREATE_COMPLETE")

    def _bring(self, name: str) -> None:
        """Create, update or replace a resource, or leave it as it is."""
        before = self._stack.resources.get(name)
        if before is None:
            self._undo.append(_Undo(self._defined(name)))
            self._create(self._undo[-1].now)
            return
        definition = self._target.template.resources[name]
        with self._failing(before, "UPDATE_FAILED"):
            handler = self._handler(definition["Type"])
            properties = handler.prepared(name, self._wanted(name))
            other_kind = definition["Type"] != before.kind
            if not other_kind and properties == before.properties:
                before.definition = definition
                return
            replaces = other_kind or handler.replaces(before, properties)
        if replaces:
            self._replace(name, before)
        else:
            self._change(before, properties, definition)

    def _replace(self, name: str, before: Resource) -> None:
        reason = "Requested update requires the creation of a new physical resource; hence creating one."
        self._report.resource(before, "UPDATE_IN_PROGRESS", reason)
        self._undo.append(_Undo(self._defined(name), before))
        self._create(self._undo[-1].now)
        self._report.resource(self._undo[-1].now, "UPDATE_COMPLETE")

    def _change(self, resource: Resource, properties: dict[str, Any], definition: dict[str, Any]) -> None:
        self._undo.append(_Undo(resource, resource, resource.properties))
        self._report.resource(resource, "UPDATE_IN_PROGRESS")
        with self._failing(resource, "UPDATE_FAILED"):
            self._handler(resource.kind).update(resource, properties)
        resource.definition = definition
        self._report.resource(resource, "UPDATE_COMPLETE")

    def _delete(self, resource: Resource) -> bool:
        self._report.resource(resource, "DELETE_IN_PROGRESS")
        try:
            with self._failing(resource, "DELETE_FAILED"):
                if resource.physical_id:
                    self._handler(resource.kind).delete(resource)
        except ResourceFailure:
            return False
        self._report.resource(resource, "DELETE_COMPLETE")
        return True

    @contextmanager
    def _failing(self, resource: Resource, status: str) -> Iterator[None]:
        """Give a resource a status if the block fails. Raises ``ResourceFailure``, whatever the exception was."""
        try:
            yield
        except Exception as exception:
            failure = ResourceFailure.of(exception, resource.kind)
            self._report.resource(resource, status, failure.reason)
            raise failure from exception

    # --- After a failure ---------------------------------------------------------------------------------

    def _give_up(self, reason: str, on_failure: str) -> None:
        if on_failure == "DO_NOTHING":
            self._report.stack("CREATE_FAILED", reason.strip())
            return
        verb = "Delete" if on_failure == "DELETE" else "Rollback"
        status = "DELETE" if on_failure == "DELETE" else "ROLLBACK"
        self._report.stack(f"{status}_IN_PROGRESS", f"{reason}{verb} requested by user.")
        self._delete_all(status, (), lambda each: each.definition.get("DeletionPolicy") == "Retain")

    def _give_up_update(self, reason: str, *, keep_failed: bool) -> None:
        if keep_failed:
            self._report.stack("UPDATE_FAILED", reason.strip())
            return
        self._report.stack("UPDATE_ROLLBACK_IN_PROGRESS", reason)
        created: list[Resource] = []
        broken: list[str] = []
        for undo in reversed(self._undo):
            if undo.now is not undo.before:
                created.append(undo.now)
                self._put_back(undo)
            elif not self._change_back(undo):
                broken.append(undo.now.logical_id)
        if not broken:
            self._report.stack("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        for each in created:
            self._delete(each)
        if broken:
            names = ", ".join(broken)
            self._report.stack("UPDATE_ROLLBACK_FAILED", f"The following resource(s) failed to update: [{names}]. ")
            return
        self._report.stack("UPDATE_ROLLBACK_COMPLETE")

    def _put_back(self, undo: _Undo) -> None:
        if undo.before is None:
            del self._stack.resources[undo.now.logical_id]
        else:
            self._stack.resources[undo.before.logical_id] = undo.before
            self._report.resource(undo.before, "UPDATE_COMPLETE")

    def _change_back(self, undo: _Undo) -> bool:
        resource = undo.now
        self._report.resource(resource, "UPDATE_IN_PROGRESS")
        try:
            with self._failing(resource, "UPDATE_FAILED"):
                self._handler(resource.kind).update(resource, undo.properties or {})
        except ResourceFailure:
            return False
        resource.definition = self._definition_before(resource)
        self._report.resource(resource, "UPDATE_COMPLETE")
        return True

    def _definition_before(self, resource: Resource) -> dict[str, Any]:
        before = self._stack.target
        return before.template.resources[resource.logical_id] if before else resource.definition

    def _delete_all(self, status: str, retained: Collection[str], is_kept: Callable[[Resource], bool]) -> None:
        failed = []
        for resource in self._newest_first():
            if resource.logical_id in retained or is_kept(resource):
                self._report.resource(resource, "DELETE_SKIPPED")
            elif not self._delete(resource):
                failed.append(resource.logical_id)
        if failed:
            self._report.stack(
                f"{status}_FAILED", f"The following resource(s) failed to delete: [{', '.join(failed)}]. "
            )
        else:
            self._report.stack(f"{status}_COMPLETE")

    def _newest_first(self) -> list[Resource]:
        """Return the resources that exist, each before those on which it depends."""
        known = self._stack.resources
        ordered = [known[name] for name in self._order if name in known]
        others = [each for name, each in known.items() if name not in self._order]
        gone = ("DELETE_COMPLETE", "DELETE_SKIPPED")
        return [each for each in [*ordered, *others][::-1] if each.status not in gone]

    # --- Values ------------------------------------------------------------------------------------------

    def _handler(self, kind: str) -> Handler:
        return handler_of(kind, self._context)

    def _defined(self, name: str) -> Resource:
        definition = self._target.template.resources[name]
        return Resource(name, definition["Type"], definition, {})

    def _wanted(self, name: str) -> dict[str, Any]:
        return self._values.properties(self._target.template.resources[name])

    def _set_outputs(self) -> None:
        outputs = self._values.outputs(self._target.template)
        self._context.backend.stack_exports.publish(self._stack, outputs)
        self._stack.outputs = outputs
