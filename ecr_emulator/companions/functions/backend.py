"""moto's Lambda, which looks up the image of a function in ECR when its code is set."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, ClassVar

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.core.config import default_user_config

from ecr_emulator.companions.functions.images import FunctionImages, ImageRefused
from ecr_emulator.domain.names import Registry

NOT_INVOKED = "The code of the function {name} is an image, and the emulator does not run images of functions."


class ImageFunction(LambdaFunction):
    """A version of a function whose code is an image. ``code_sha_256`` is that of its manifest."""

    def get_code(self) -> dict[str, Any]:
        """Return the answer of GetFunction."""
        answer = super().get_code()
        answer["Code"]["ResolvedImageUri"] = f"{_repository_uri(self.code['ImageUri'])}@sha256:{self.code_sha_256}"
        return answer


class FunctionBackend(LambdaSimpleBackend):
    """The functions of one account and Region. ``images`` are those of the emulator.

    It takes the place of both backends of moto: the one that runs functions in containers, and the simple one that
    ``mock_aws(config={"lambda": {"use_docker": False}})`` selects.
    """

    __module__ = LambdaBackend.__module__
    images: ClassVar[FunctionImages]

    def create_function(self, spec: dict[str, Any]) -> LambdaFunction:
        """Create a function. Raises ``LambdaClientError`` if its image cannot be used."""
        digest = self._digest(spec.get("Code"))
        function = super().create_function(spec)
        return self._with_digest(function, spec["Code"]["ImageUri"], digest) if digest else function

    def update_function_code(self, function_name: str, qualifier: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """Set the code of a function. Raises ``LambdaClientError`` if its image cannot be used."""
        digest = self._digest(body)
        answer = super().update_function_code(function_name, qualifier, body)
        if digest is None or answer is None:
            return answer
        self._with_digest(self.get_function(function_name), body["ImageUri"], digest)
        return {**answer, "CodeSha256": digest}

    def invoke(self, function_name: str, qualifier: str | None, *request: Any) -> str | bytes | None:
        """Invoke a function. Raises ``NotImplementedError`` for one whose code is an image, as moto runs none."""
        if not default_user_config.get("lambda", {}).get("use_docker", True):
            return super().invoke(function_name, qualifier, *request)
        if self.get_function(function_name, qualifier).package_type == "Image":
            raise NotImplementedError(NOT_INVOKED.format(name=function_name))
        return LambdaBackend.invoke(self, function_name, qualifier, *request)

    def _digest(self, code: dict[str, Any] | None) -> str | None:
        """Return the digest of the image that a request names, without its algorithm; None if it names none."""
        if not code or not code.get("ImageUri"):
            return None
        try:
            digest = self.images.digest(code["ImageUri"], Registry(self.account_id, self.region_name))
        except ImageRefused as refused:
            raise LambdaClientError(refused.code, str(refused)) from refused
        return digest.partition(":")[2]

    def _with_digest(self, function: LambdaFunction, uri: str, digest: str) -> LambdaFunction:
        """Write the digest of an image in all versions of a function that have it, where moto hashes the URI."""
        of_uri = sha256(uri.encode()).hexdigest()
        for version in (function, *self._versions(function.function_name)):
            if version.code_sha_256 == of_uri:
                version.code_sha_256 = digest
                version.__class__ = ImageFunction  # type: ignore[type-abstract]
        return function

    def _versions(self, name: str) -> Iterator[LambdaFunction]:
        stored = self._lambdas._functions[name]
        yield stored["latest"]
        yield from stored["versions"]


def _repository_uri(uri: str) -> str:
    """Return an image URI without its tag and digest."""
    head, slash, last = uri.partition("@")[0].rpartition("/")
    return head + slash + last.partition(":")[0]
