"""Failures of upstream registries, as ``ports.upstream`` raises them."""

from __future__ import annotations

from typing import ClassVar, Self

from ecr_emulator.domain.printable_text import one_line

LONGEST_REASON = 1_000
"""Maximum length of a reason in characters: an upstream may send a text of any length."""


class UpstreamFailure(Exception):
    """An upstream registry could not deliver. ``reason`` is one line for people, ``failure_code`` ECR's word for it.

    ``sentence`` is what ECR says to clients, where that is known. ``retry_after`` is in seconds and says when asking
    again makes sense, where the upstream told us.
    """

    failure_code: ClassVar[str] = "UpstreamUnavailable"
    sentence: ClassVar[str] = ""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        self.reason = one_line(reason[:LONGEST_REASON])
        super().__init__(self.reason)
        self.retry_after = retry_after

    @property
    def message(self) -> str:
        """What a client hears: ECR's sentence, or the reason where ECR is not known to have one."""
        return self.sentence or self.reason

    def again(self, retry_after: float | None) -> Self:
        """The same failure for somebody else, who is told another time: an exception that was raised stays as it is."""
        return type(self)(self.reason, retry_after=retry_after)


class UpstreamNotFound(UpstreamFailure):
    """The upstream answered that it has no such image or layer."""

    failure_code = "ImageNotFound"


class UpstreamAccessDenied(UpstreamFailure):
    """The upstream refused the credential of the rule, or the secret that holds it is unusable."""

    failure_code = "UpstreamAccessDenied"
    sentence = (
        "The authentication to the upstream registry failed. Verify that the credentials provided in the "
        "pull through cache rule are correct, and try again."
    )


class UpstreamTooManyRequests(UpstreamFailure):
    """The upstream's rate limit is used up."""

    failure_code = "UpstreamTooManyRequests"


class UpstreamUnavailable(UpstreamFailure):
    """The upstream could not be reached, failed, or sent something that is not what it was asked for."""


class UpstreamUnsupported(UpstreamFailure):
    """The upstream has the image in a form that is not pulled through, and asking again does not change it."""

    @classmethod
    def of_schema_1(cls, who: str, reference: str) -> Self:
        """Docker's oldest manifests: their clients are gone, and they do not say how large their layers are."""
        return cls(
            f"{who} has {reference} as a manifest of schema 1, which is not pulled through: "
            "it does not say how large its layers are. Who owns the image can push it anew with a current client"
        )


class WrongBytes(UpstreamUnavailable):
    """The upstream sent a blob whose bytes are not those of its digest."""

    @classmethod
    def instead_of(cls, digest: str) -> Self:
        """The failure with the blob that was asked for as its reason."""
        return cls(f"the upstream sent other bytes than {digest}")


class UpstreamNotStored(UpstreamFailure):
    """The upstream delivered, and the emulator has no room for it, or may not write."""

    failure_code = "StorageFailure"


class ImportRefused(UpstreamFailure):
    """The upstream's image arrived, and the repository's tag immutability does not let it in."""

    failure_code = "ImageTagAlreadyExists"
