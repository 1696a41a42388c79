"""The port of AWS Signer."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol


class SigningFailed(Exception):
    """A signature cannot be made. ``code`` and ``reason`` are what ECR tells about it."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Signature(NamedTuple):
    """A signature envelope in JWS, and the SHA-256 hashes of its certificates in hex, the signer's first."""

    envelope: bytes
    thumbprints: tuple[str, ...]


class ImageSigner(Protocol):
    """AWS Signer, as far as managed signing needs it."""

    def new_authority(self) -> bytes:
        """Return a new authority for certificates, with its key: whoever has it signs in the emulator's name."""

    def certificate(self, authority: bytes) -> str:
        """Return the certificate of an authority, which verifiers must trust, in PEM."""

    def sign(self, profile_arn: str, payload: bytes, authority: bytes, now: datetime) -> Signature:
        """Sign a payload of the Notary Project with a signing profile, in the name of an authority.

        Raises ``SigningFailed``.
        """
