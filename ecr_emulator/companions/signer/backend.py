"""moto's AWS Signer with the platform of container images, and with the errors of AWS."""

from __future__ import annotations

import re
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.signer.models import SignerBackend, SigningProfile

NOTATION = "Notation-OCI-SHA384-ECDSA"
"""The platform of container images."""
_NOTATION_PLATFORM: dict[str, Any] = {
    "platformId": NOTATION,
    "displayName": "Notation for Container Registries",
    "partner": "AWS",
    "target": "Notation",
    "category": "AWS",
    "signingConfiguration": {
        "encryptionAlgorithmOptions": {"allowedValues": ["ECDSA"], "defaultValue": "ECDSA"},
        "hashAlgorithmOptions": {"allowedValues": ["SHA384"], "defaultValue": "SHA384"},
    },
    "signingImageFormat": {"supportedFormats": ["JSONDetached"], "defaultFormat": "JSONDetached"},
    "maxSizeInMB": 4,
    "revocationSupported": True,
}
PLATFORMS = [*SignerBackend.platforms, _NOTATION_PLATFORM]
DISPLAY_NAMES = {platform["platformId"]: platform["displayName"] for platform in PLATFORMS}
ACTIVE = "Active"
LONGEST = {"DAYS": 36_500, "MONTHS": 1_200, "YEARS": 100}
"""The longest validity periods, a hundred years: a date that lies so far ahead can still be written."""
_NAME = re.compile(r"[a-zA-Z0-9_]{2,64}")


class ProfileNotFound(JsonRESTError):
    """There is no signing profile of this name."""

    code = 404

    def __init__(self, name: str) -> None:
        super().__init__("ResourceNotFoundException", f"The signing profile {name} does not exist.")


class Refused(JsonRESTError):
    """A request is not valid."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


class Profile(SigningProfile):
    """A signing profile, whose platform may be that of container images."""

    def to_dict(self, full: bool = True) -> dict[str, Any]:
        """Return the profile as GetSigningProfile does, or as PutSigningProfile does if not ``full``."""
        described = super().to_dict(full)
        return described | {"platformDisplayName": DISPLAY_NAMES[self.platform_id]} if full else described


class SignerOfAws(SignerBackend):
    """The signing profiles of an account in a Region."""

    __module__ = SignerBackend.__module__  # moto finds the addresses of a service by the module of its backend

    def put_signing_profile(
        self,
        profile_name: str,
        signature_validity_period: dict[str, Any] | None,
        platform_id: str,
        signing_material: dict[str, str],
        tags: dict[str, str],
    ) -> SigningProfile:
        """Create a profile, or a new version of it. Raises ``Refused``."""
        _check(profile_name, platform_id, signature_validity_period)
        profile = Profile(self, profile_name, platform_id, signing_material, signature_validity_period)
        self.signing_profiles[profile_name] = profile
        self.tag_resource(profile.arn, tags or {})
        return profile

    def get_signing_profile(self, profile_name: str) -> SigningProfile:
        """Return a profile. Raises ``ProfileNotFound``."""
        if profile_name not in self.signing_profiles:
            raise ProfileNotFound(profile_name)
        return super().get_signing_profile(profile_name)

    def cancel_signing_profile(self, profile_name: str) -> None:
        """Let a profile sign no more. Raises ``ProfileNotFound``."""
        self.get_signing_profile(profile_name).cancel()

    def list_signing_platforms(self) -> list[dict[str, Any]]:
        """Return the platforms of moto, and that of container images."""
        return PLATFORMS


def _check(name: str, platform: str | None, validity: dict[str, Any] | None) -> None:
    if not _NAME.fullmatch(name):
        raise Refused(f"The profile name {name!r} must have 2 to 64 letters, digits and underscores.")
    if platform not in DISPLAY_NAMES:
        raise Refused(f"The platform {platform!r} does not exist; it must be one of {', '.join(DISPLAY_NAMES)}.")
    if validity is not None and not _is_validity(validity):
        rule = f"has a type ({', '.join(LONGEST)}) and a value of at most a hundred years"
        raise Refused(f"A signatureValidityPeriod {rule}, and not {validity}.")


def _is_validity(given: dict[str, Any]) -> bool:
    value = given.get("value")
    return isinstance(value, int) and 0 < value <= LONGEST.get(str(given.get("type")), 0)
