"""Find the handler of an operation, with its decoder, checks and encoder, which the first request compiles."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from ecr_emulator.control import model
from ecr_emulator.control.codec import Decode, Encode, decoder, encoder
from ecr_emulator.control.constraints import Check, checker
from ecr_emulator.control.handlers import Handler
from ecr_emulator.control.operations import HANDLERS
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.control.schemas import answer_schema
from ecr_emulator.errors import EcrError, UnknownOperationException
from ecr_emulator.quick_dataclasses import dataclass

if TYPE_CHECKING:
    from botocore.model import OperationModel


@dataclass(frozen=True)
class Operation:
    """An operation that has a handler, ready to run."""

    name: str
    model: OperationModel
    handler: Handler
    decode: Decode
    check: Check | None
    encode: Encode

    def perform(self, request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
        """Run the operation and return its answer, ready for JSON."""
        content: dict[str, Any] = self.encode(self.handler(request, members))
        return content

    def perform_strictly(self, request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
        """Run the operation. Raises ``AssertionError`` if its answer or its error is not as the model describes."""
        try:
            content = self.perform(request, members)
        except EcrError as error:
            if error.code not in model.declared_errors(self.model):
                raise AssertionError(f"{self.name} does not declare {error.code}: {error}") from error
            raise
        _validator(self.name)(content)
        return content


@cache
def find_operation(target: str) -> Operation:
    """Return the operation that a target names. Raises ``UnknownOperationException`` unless it is emulated."""
    if not target:
        raise UnknownOperationException(reason="The request has no X-Amz-Target header, so it names no operation.")
    operation = model.find_operation(target)
    if operation is None:
        raise UnknownOperationException(reason=f"Amazon ECR has no operation '{target}'.")
    handler = handlers_by_operation().get(operation.name)
    if handler is None:
        raise UnknownOperationException(
            reason=f"{operation.name} is an operation of Amazon ECR that is not emulated yet."
        )
    return Operation(
        name=operation.name,
        model=operation,
        handler=handler,
        decode=decoder(operation.input_shape),
        check=checker(operation.input_shape),
        encode=encoder(operation.output_shape) or (lambda content: content),
    )


@cache
def handlers_by_operation() -> dict[str, Handler]:
    """Return the handlers by the names of their operations. Raises ``LookupError`` for an unknown operation."""
    names = model.wire_names()
    unknown = HANDLERS.keys() - names.keys()
    if unknown:
        raise LookupError(f"not operations of Amazon ECR: {', '.join(sorted(unknown))}")
    return {names[name]: handler for name, handler in HANDLERS.items()}


@cache
def _validator(name: str) -> Callable[[dict[str, Any]], None]:
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(answer_schema(model.service_model().operation_model(name)))

    def validate(content: dict[str, Any]) -> None:
        wrong = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(content)]
        assert not wrong, f"the answer of {name} is not as the model describes: {wrong}"

    return validate
