"""Signature envelopes in JWS, as the Notary Project uses it.

https://github.com/notaryproject/specifications/blob/main/specs/signature-envelope-jws.md
"""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING

from ecr_emulator.version import __version__

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

ALGORITHM = "ES384"
AGENT = f"ecr-emulator/{__version__}"
_HALF = 48
"""Bytes of each of the two numbers of a signature with P-384."""


def sign_envelope(
    payload: bytes, protected: bytes, key: EllipticCurvePrivateKey, certificates: list[x509.Certificate]
) -> bytes:
    """Sign a payload and a protected header with a key on P-384. The certificates are the key's, the root last."""
    from cryptography.hazmat.primitives.serialization import Encoding

    signed = f"{_encoded(protected)}.{_encoded(payload)}"
    chain = [b64encode(each.public_bytes(Encoding.DER)).decode() for each in certificates]
    envelope = {
        "payload": _encoded(payload),
        "protected": _encoded(protected),
        "header": {"x5c": chain, "io.cncf.notary.signingAgent": AGENT},
        "signature": _encoded(_signature(signed.encode(), key)),
    }
    return json.dumps(envelope, separators=(",", ":")).encode()


def _signature(signed: bytes, key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    numbers = decode_dss_signature(key.sign(signed, ECDSA(hashes.SHA384())))
    return b"".join(number.to_bytes(_HALF, "big") for number in numbers)


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
