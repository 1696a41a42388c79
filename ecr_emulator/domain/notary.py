"""Signatures of the Notary Project: their payload, their headers, and their manifest.

https://github.com/notaryproject/specifications/blob/main/specs/signature-specification.md
https://github.com/notaryproject/specifications/blob/main/specs/signature-envelope-jws.md
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ecr_emulator.domain.manifest import OCI_MANIFEST, Descriptor
from ecr_emulator.domain.names import digest_of
from ecr_emulator.domain.signing import SIGNATURE

ENVELOPE = "application/jose+json"
"""The media type of a signature envelope in JWS."""
PAYLOAD = "application/vnd.cncf.notary.payload.v1+json"
EMPTY_CONFIG = b"{}"
EMPTY_CONFIG_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY_CONFIG_DIGEST = digest_of(EMPTY_CONFIG)
SIGNING_AUTHORITY = "notary.x509.signingAuthority"
"""The signing scheme of AWS Signer, in which the service that signs tells the time."""
_SCHEME = "io.cncf.notary.signingScheme"
_SIGNED_AT = "io.cncf.notary.authenticSigningTime"
_EXPIRES_AT = "io.cncf.notary.expiry"
_THUMBPRINTS = "io.cncf.notary.x509chain.thumbprint#S256"


def payload(target: Descriptor) -> bytes:
    """Return the payload of a signature: the descriptor of the image that is signed."""
    return _json({"targetArtifact": _descriptor(target)})


def protected_header(algorithm: str, signed_at: datetime, expires_at: datetime) -> bytes:
    """Return the header that the signature protects. ``algorithm`` is its name in JWS, like ``ES384``.

    Times are cut to whole seconds. Verifiers must understand the scheme and both times.
    """
    return _json(
        {
            "alg": algorithm,
            "cty": PAYLOAD,
            "crit": [_SCHEME, _SIGNED_AT, _EXPIRES_AT],
            _SCHEME: SIGNING_AUTHORITY,
            _SIGNED_AT: _time(signed_at),
            _EXPIRES_AT: _time(expires_at),
        }
    )


def signature_manifest(subject: Descriptor, envelope: Descriptor, thumbprints: Sequence[str], now: datetime) -> bytes:
    """Return the manifest of a signature: a referrer of ``subject`` whose only layer is the envelope.

    ``thumbprints`` are the SHA-256 hashes of the certificates in hex, from that of the signer to the root.
    """
    config = Descriptor(EMPTY_CONFIG_DIGEST, len(EMPTY_CONFIG), EMPTY_CONFIG_TYPE)
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": SIGNATURE,
            "config": _descriptor(config),
            "layers": [_descriptor(envelope)],
            "subject": _descriptor(subject),
            "annotations": {
                _THUMBPRINTS: json.dumps(list(thumbprints)),
                "org.opencontainers.image.created": _time(now),
            },
        }
    )


def trust_policy(store: str) -> dict[str, Any]:
    """Return a trust policy of notation: signatures must come from the certificates of a trust store.

    ``store`` is the name of a trust store of the type ``signingAuthority``.
    """
    return {
        "version": "1.0",
        "trustPolicies": [
            {
                "name": store,
                "registryScopes": ["*"],
                "signatureVerification": {"level": "strict"},
                "trustStores": [f"signingAuthority:{store}"],
                "trustedIdentities": ["*"],
            }
        ],
    }


def _descriptor(of: Descriptor) -> dict[str, Any]:
    return {"mediaType": of.media_type, "digest": of.digest, "size": of.size}


def _time(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
