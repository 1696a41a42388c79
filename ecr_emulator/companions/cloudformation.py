"""CloudFormation refuses resources of ECR: moto would create them in a registry that no client can reach."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from ecr_emulator.companions.templates import resource_types

PREFIX = "AWS::ECR::"
REFUSAL = (
    "Template format error: Unrecognized resource types: [{types}]. "
    "This emulator does not create resources of ECR by CloudFormation; create them with the ECR API."
)

_TAKE_TEMPLATES = (
    "create_stack",
    "update_stack",
    "create_change_set",
    "create_stack_set",
    "update_stack_set",
    "validate_template",
)


def cloudformation_without_ecr() -> type:
    """Return a backend class of moto's CloudFormation that refuses resources of ECR; imports moto's."""
    from moto.cloudformation.models import CloudFormationBackend

    methods: dict[str, Any] = {name: _checked(getattr(CloudFormationBackend, name)) for name in _TAKE_TEMPLATES}
    # moto finds the addresses of a service by the module of its backend
    methods["__module__"] = CloudFormationBackend.__module__
    return type("CloudFormationWithoutEcr", (CloudFormationBackend,), methods)


def _checked(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def check(backend: Any, *arguments: Any, **named: Any) -> Any:
        template = named.get("template", arguments[0] if arguments else None)
        before = set(backend.stacks)
        try:
            if template:
                _refuse(template, backend)
            return method(backend, *arguments, **named)
        except _refused():
            # The URL of a nested stack may depend on parameters: it is known only while its parent is being created.
            for stack_id in backend.stacks.keys() - before:
                _remove(stack_id, backend)
            raise

    return check


def _refuse(template: str, backend: Any) -> None:
    from moto.cloudformation.utils import get_stack_from_s3_url

    def fetch(url: str) -> str:
        return str(get_stack_from_s3_url(url, backend.account_id, backend.partition))

    found = {each for each in resource_types(template, fetch) if each.startswith(PREFIX)}
    if found:
        raise _refused()(REFUSAL.format(types=", ".join(sorted(found))))


def _remove(stack_id: str, backend: Any) -> None:
    backend.stacks.pop(stack_id).delete()
    for name, export in list(backend.exports.items()):
        if export.exporting_stack_id == stack_id:
            del backend.exports[name]


@cache
def _refused() -> type[Exception]:
    from moto.cloudformation.exceptions import ValidationError

    class ResourcesOfEcrRefused(ValidationError):
        """A template has resources that CloudFormation does not create in this emulator."""

        def __init__(self, reason: str) -> None:
            super().__init__(message=reason)

    return ResourcesOfEcrRefused
