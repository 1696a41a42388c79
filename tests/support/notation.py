"""A verifier of signatures of the Notary Project, written from its specifications and not from the emulator's code.

https://github.com/notaryproject/specifications/blob/main/specs/signature-specification.md
https://github.com/notaryproject/specifications/blob/main/specs/signature-envelope-jws.md
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, urlsafe_b64decode
from datetime import datetime
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

UNDERSTOOD = {
    "io.cncf.notary.signingScheme",
    "io.cncf.notary.authenticSigningTime",
    "io.cncf.notary.expiry",
}


class NotVerified(Exception):
    """A signature is not accepted. The argument says why."""


class Verified(NamedTuple):
    """The statement of a signature: its target, its signer's name, and the times from and to which it is valid."""

    target: dict[str, Any]
    signer: str
    signed_at: datetime
    expires_at: datetime


def verify(image: bytes, signature: bytes, envelope: bytes, root: str, now: datetime) -> Verified:
    """Verify the signature of an image.

    ``image`` and ``signature`` are manifests, ``root`` is the trusted certificate in PEM. Raises ``NotVerified``.
    """
    _check_manifest(json.loads(signature), image, envelope)
    parts = json.loads(envelope)
    header, payload = json.loads(_decoded(parts["protected"])), json.loads(_decoded(parts["payload"]))
    chain = [x509.load_der_x509_certificate(b64decode(each)) for each in parts["header"]["x5c"]]
    signed_at, expires_at = _check_header(header, now)
    _check_thumbprints(json.loads(signature)["annotations"], chain)
    _check_chain(chain, x509.load_pem_x509_certificate(root.encode()), signed_at)
    _check_signature(f"{parts['protected']}.{parts['payload']}".encode(), _decoded(parts["signature"]), chain[0])
    target = payload["targetArtifact"]
    if (target["digest"], target["size"]) != (_digest(image), len(image)):
        raise NotVerified("another image was signed")
    return Verified(target, chain[0].subject.rfc4514_string(), signed_at, expires_at)


def _check_manifest(signature: dict[str, Any], image: bytes, envelope: bytes) -> None:
    if signature["artifactType"] != "application/vnd.cncf.notary.signature":
        raise NotVerified("the manifest is not that of a signature")
    if signature["subject"]["digest"] != _digest(image):
        raise NotVerified("the subject is another image")
    (layer,) = signature["layers"]
    if (layer["mediaType"], layer["digest"]) != ("application/jose+json", _digest(envelope)):
        raise NotVerified("the envelope is not the layer of the manifest")


def _check_header(header: dict[str, Any], now: datetime) -> tuple[datetime, datetime]:
    expected = ("ES384", "application/vnd.cncf.notary.payload.v1+json", "notary.x509.signingAuthority")
    if (header["alg"], header["cty"], header["io.cncf.notary.signingScheme"]) != expected:
        raise NotVerified(f"the header is {header}")
    if not UNDERSTOOD >= set(header["crit"]) >= {"io.cncf.notary.signingScheme"}:
        raise NotVerified(f"critical is {header['crit']}")
    signed_at = datetime.fromisoformat(header["io.cncf.notary.authenticSigningTime"])
    expires_at = datetime.fromisoformat(header["io.cncf.notary.expiry"])
    if now >= expires_at:
        raise NotVerified("the signature has expired")
    return signed_at, expires_at


def _check_thumbprints(annotations: dict[str, str], chain: list[x509.Certificate]) -> None:
    expected = [each.fingerprint(hashes.SHA256()).hex() for each in chain]
    if json.loads(annotations["io.cncf.notary.x509chain.thumbprint#S256"]) != expected:
        raise NotVerified("the thumbprints are not those of the certificates")


def _check_chain(chain: list[x509.Certificate], root: x509.Certificate, signed_at: datetime) -> None:
    if chain[-1] != root:
        raise NotVerified("the root is not trusted")
    for certificate, issuer in zip(chain, [*chain[1:], root], strict=True):
        try:
            certificate.verify_directly_issued_by(issuer)
        except InvalidSignature:
            raise NotVerified("a certificate is not signed by the next one") from None
        if not certificate.not_valid_before_utc <= signed_at <= certificate.not_valid_after_utc:
            raise NotVerified("a certificate was not valid when the image was signed")
    usage = chain[0].extensions.get_extension_for_class(x509.KeyUsage)
    if not (usage.critical and usage.value.digital_signature) or usage.value.key_cert_sign:
        raise NotVerified("the certificate is not one for signatures")
    if not root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
        raise NotVerified("the root is no authority")


def _check_signature(signed: bytes, signature: bytes, certificate: x509.Certificate) -> None:
    key = certificate.public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    assert isinstance(key.curve, SECP384R1)
    numbers = (int.from_bytes(half, "big") for half in (signature[:48], signature[48:]))
    try:
        key.verify(encode_dss_signature(*numbers), signed, ECDSA(hashes.SHA384()))
    except InvalidSignature:
        raise NotVerified("the signature is not that of the certificate") from None


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
