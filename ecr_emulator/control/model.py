"""The ECR service model as the installed botocore describes it, loaded on first use."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.model import OperationModel, ServiceModel

SERVICE = "ecr"


@cache
def service_model() -> ServiceModel:
    """The model of Amazon ECR. Models that users keep for themselves under ``~/.aws`` do not count."""
    from botocore.model import ServiceModel

    return ServiceModel(load("service-2"), SERVICE)


def load(kind: str) -> Mapping[str, Any]:
    """One of botocore's documents on ECR as it stands there: ``service-2`` or ``paginators-1``."""
    from botocore.loaders import Loader

    loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    document: Mapping[str, Any] = loader.load_service_model(SERVICE, kind)
    return document


@cache
def target_prefix() -> str:
    """What stands before the operation's name in ``X-Amz-Target``, with its full stop."""
    return f"{service_model().metadata['targetPrefix']}."


@cache
def wire_names() -> Mapping[str, str]:
    """The operations by the names that Python gives them: ``put_image`` is ``PutImage``."""
    from botocore import xform_name

    return {xform_name(name): name for name in service_model().operation_names}


def find_operation(target: str) -> OperationModel | None:
    """The operation that an ``X-Amz-Target`` names, or None."""
    prefix, name = target[: len(target_prefix())], target[len(target_prefix()) :]
    if prefix != target_prefix() or name not in wire_names().values():
        return None
    return service_model().operation_model(name)


def declared_errors(operation: OperationModel) -> frozenset[str]:
    """The errors that the model lists for an operation."""
    return frozenset(shape.name for shape in operation.error_shapes)


@cache
def error_members() -> Mapping[str, Mapping[str, str]]:
    """What each error carries beside its message: the members' wire names by their Python names."""
    from botocore import xform_name

    return {
        shape.name: {xform_name(member): member for member in shape.members if member != "message"}
        for shape in service_model().error_shapes
    }
