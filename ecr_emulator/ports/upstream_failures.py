"""Failures of upstream registries, as ``ports.upstream`` raises them."""

from __future__ import annotations

from typing import ClassVar, Self

from ecr_emulator.domain.printable_text import one_line

LONGEST_REASON = 1_000
"""Maximum length of a reason in characters. An upstream may send a text of any length."""


class UpstreamFailure(Exception):
    """An upstream registry did not deliver. ``reason`` is one line for users; ``failure_code`` is ECR's code for it.

    ``sentence`` is ECR's message to clients, if it is known. ``retry_after`` is the number of seconds after which a
    client may try again, if the upstream stated it.
    """

    failure_code: ClassVar[str] = "UpstreamUnavailable"
    sentence: ClassVar[str] = ""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        self.reason = one_line(reason[:LONGEST_REASON])
        super().__init__(self.reason)
        self.retry_after = retry_after

    @property
    def message(self) -> str:
        """The message to clients: ECR's sentence, or the reason if ECR's sentence is not known."""
        return self.sentence or self.reason

    def with_retry_after(self, retry_after: float | None) -> Self:
        """Return a new failure with this reason and another ``retry_after``. An exception that was raised is kept."""
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
        """Return the failure for a Docker manifest of schema 1, which does not state the sizes of its layers."""
        return cls(
            f"{who} has {reference} as a manifest of schema 1, which is not pulled through: "
            "it does not state the sizes of its layers. The owner of the image can push it again with a current client"
        )


class WrongBytes(UpstreamUnavailable):
    """The upstream sent a blob whose bytes are not those of its digest."""

    @classmethod
    def instead_of(cls, digest: str) -> Self:
        """Return the failure that names the requested blob."""
        return cls(f"the upstream sent other bytes than {digest}")


class UpstreamNotStored(UpstreamFailure):
    """The upstream delivered the image or layer, but the emulator cannot write it to disk."""

    failure_code = "StorageFailure"


class ImportRefused(UpstreamFailure):
    """The upstream's image arrived, but the repository's tag immutability does not allow to store it."""

    failure_code = "ImageTagAlreadyExists"


_KINDS = {
    each.__name__: each
    for each in (
        UpstreamNotFound,
        UpstreamAccessDenied,
        UpstreamTooManyRequests,
        UpstreamUnavailable,
        UpstreamUnsupported,
        WrongBytes,
        UpstreamNotStored,
        ImportRefused,
    )
}


def failure_of_kind(kind: str, reason: str, retry_after: float | None) -> UpstreamFailure:
    """Return a failure by the name of its class, for example one that another node has stored.

    An unknown class, which a newer node has stored, counts as ``UpstreamUnavailable``.
    """
    return _KINDS.get(kind, UpstreamUnavailable)(reason, retry_after=retry_after)
