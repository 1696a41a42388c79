"""Lambda functions whose code is an image of this emulator.

Importing this package imports neither moto nor the modules of this package.
https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
"""

from __future__ import annotations

from ecr_emulator.companions.app import Companions
from ecr_emulator.ports.ecr_api import EcrApi


def add_functions(companions: Companions, ecr: EcrApi, public_host: str | None) -> None:
    """Replace moto's backends of Lambda by those that look up images in ECR.

    ``public_host`` is the host in repository URIs if it is not that of requests.
    """

    def backends() -> type:
        from ecr_emulator.companions.functions.backend import FunctionBackend
        from ecr_emulator.companions.functions.images import FunctionImages

        class OwnBackend(FunctionBackend):
            """The backends of one emulator."""

            __module__ = FunctionBackend.__module__
            images = FunctionImages(ecr, public_host)

        return OwnBackend

    companions.use_backend("lambda", backends)
