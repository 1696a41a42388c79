"""Lambda functions whose code is an image of this emulator.

Importing this package imports nothing of moto.
https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
"""

from __future__ import annotations

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.functions.images import FunctionImages


def add_functions(companions: Companions, found_in: FunctionImages) -> None:
    """Replace moto's backends of Lambda by those that look up images in ECR."""

    def backends() -> type:
        from ecr_emulator.companions.functions.backend import FunctionBackend

        class OwnBackend(FunctionBackend):
            """The backends of one emulator."""

            __module__ = FunctionBackend.__module__
            images = found_in

        return OwnBackend

    companions.use_backend("lambda", backends)
