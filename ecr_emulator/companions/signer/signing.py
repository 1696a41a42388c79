"""Signatures with the signing profiles of the companion.

https://docs.aws.amazon.com/signer/latest/api/API_SignPayload.html
"""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.kept_documents import Kept, KeptDocuments
from ecr_emulator.companions.signer.listing import answer_listing
from ecr_emulator.companions.signer.records import all_records, as_document, put_back, read_document
from ecr_emulator.domain.notary import protected_header
from ecr_emulator.ports.image_signer import Signature, SigningFailed

SIGNER = "signer"
KEPT = Kept(
    "signing profiles",
    empty=as_document([]),
    text=lambda: as_document(all_records()),
    reader=lambda text: partial(put_back, read_document(text)),
    services=frozenset({"signer"}),
)


class CompanionSigner:
    """``ports.image_signer.ImageSigner`` with the profiles of the companion, which are kept in a document."""

    def __init__(self, companions: Companions, kept: KeptDocuments) -> None:
        self._companions = companions
        companions.use_backend("signer", _backend, _regions_of_ecr)
        companions.before_each_call(answer_listing)
        kept.keep(SIGNER, KEPT)

    def new_authority(self) -> bytes:
        """See ``ports.image_signer.ImageSigner.new_authority``."""
        from ecr_emulator.companions.signer.certificates import new_authority

        return new_authority()

    def certificate(self, authority: bytes) -> str:
        """See ``ports.image_signer.ImageSigner.certificate``."""
        from ecr_emulator.companions.signer.certificates import Authority

        return Authority(authority).certificate_pem

    def sign(self, profile_arn: str, payload: bytes, authority: bytes, now: datetime) -> Signature:
        """See ``ports.image_signer.ImageSigner.sign``."""
        from ecr_emulator.companions.signer.certificates import Authority, thumbprint
        from ecr_emulator.companions.signer.envelopes import ALGORITHM, sign_envelope

        profile = self._usable(profile_arn)
        key, certificates = Authority(authority).issue(profile["profileName"])
        protected = protected_header(ALGORITHM, now, _expiry(profile["signatureValidityPeriod"], now))
        envelope = sign_envelope(payload, protected, key, certificates)
        return Signature(envelope, tuple(map(thumbprint, certificates)))

    def _usable(self, profile_arn: str) -> dict[str, Any]:
        self._companions.load()
        with self._companions.reading():
            profile = _find(profile_arn)
        if profile is None:
            raise SigningFailed("ResourceNotFoundException", f"The signing profile {profile_arn} does not exist.")
        from ecr_emulator.companions.signer.backend import ACTIVE, NOTATION

        if profile["status"] != ACTIVE:
            reason = f"The signing profile {profile_arn} is {profile['status']} and cannot sign."
            raise SigningFailed("ValidationException", reason)
        if profile["platformId"] != NOTATION:
            reason = f"The platform of {profile_arn} is {profile['platformId']}; images need {NOTATION}."
            raise SigningFailed("ValidationException", reason)
        return profile


def _expiry(validity: dict[str, Any], now: datetime) -> datetime:
    """Return the end of a signature's validity, which a profile gives in days, months or years."""
    kind, value = validity["type"], validity["value"]
    if kind == "DAYS":
        return now + timedelta(days=value)
    years, month = divmod(now.month - 1 + value * (12 if kind == "YEARS" else 1), 12)
    year, month = now.year + years, month + 1
    return now.replace(year=year, month=month, day=min(now.day, monthrange(year, month)[1]))


def _backend() -> type:
    from ecr_emulator.companions.signer.backend import SignerOfAws

    class OwnBackend(SignerOfAws):
        """The backends of one emulator. Copies of the state share a local class, which they could not copy."""

        __module__ = SignerOfAws.__module__

    return OwnBackend


def _regions_of_ecr() -> list[str]:
    """Return all Regions of ECR: images can be signed in each, although AWS Signer is not in all of them."""
    from moto.core.base_backend import AccountSpecificBackend

    session = AccountSpecificBackend.get_session()
    partitions = session.get_available_partitions()
    return [region for each in partitions for region in session.get_available_regions("ecr", each)]


def _find(profile_arn: str) -> dict[str, Any] | None:
    from moto.signer.models import signer_backends

    _, _, _, region, account, resource = profile_arn.split(":", 5)
    regions: Any = signer_backends.get(account, {})
    profiles = regions[region].signing_profiles if region in regions else {}
    profile = profiles.get(resource.rpartition("/")[2])
    return profile.to_dict() if profile else None
