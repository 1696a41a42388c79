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
    """Return the model of Amazon ECR. Models of users under ``~/.aws`` are ignored."""
    from botocore.model import ServiceModel

    return ServiceModel(load("service-2"), SERVICE)


def load(kind: str) -> Mapping[str, Any]:
    """Return one of botocore's documents on ECR, ``service-2`` or ``paginators-1``, unchanged."""
    from botocore.loaders import Loader

    from ecr_emulator.service_models import service_loader

    loader = service_loader([Loader.BUILTIN_DATA_PATH])
    version = loader.determine_latest_version(SERVICE, kind)
    document: Mapping[str, Any] = loader.load_data(f"{SERVICE}/{version}/{kind}")
    return document


@cache
def target_prefix() -> str:
    """Return the text before the operation's name in ``X-Amz-Target``, including the full stop."""
    return f"{service_model().metadata['targetPrefix']}."


@cache
def wire_names() -> Mapping[str, str]:
    """Return the names of operations by their Python names: ``put_image`` is ``PutImage``."""
    from botocore import xform_name

    return {xform_name(name): name for name in service_model().operation_names}


def find_operation(target: str) -> OperationModel | None:
    """Return the operation that an ``X-Amz-Target`` names, or None."""
    prefix, name = target[: len(target_prefix())], target[len(target_prefix()) :]
    if prefix != target_prefix() or name not in wire_names().values():
        return None
    return service_model().operation_model(name)


def declared_errors(operation: OperationModel) -> frozenset[str]:
    """Return the codes of the errors that the model lists for an operation."""
    return frozenset(shape.name for shape in operation.error_shapes)


@cache
def error_members() -> Mapping[str, Mapping[str, str]]:
    """Return the members of each error except its message: the model's names by their Python names."""
    from botocore import xform_name

    return {
        shape.name: {xform_name(member): member for member in shape.members if member != "message"}
        for shape in service_model().error_shapes
    }
