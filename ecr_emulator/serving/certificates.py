"""A local certificate authority, and the certificate that the emulator presents.

Clients trust the authority once; the authority issues new certificates when they are needed. It may only sign for
loopback, for AWS's registry domains and for names given at its creation, so a leaked key is of little use.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_emulator.key_usage import key_usage
from ecr_emulator.private_files import FILE, FOLDER, narrow
from ecr_emulator.quick_dataclasses import dataclass

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

LIFE_OF_AUTHORITY = timedelta(days=3650)
LIFE_OF_CERTIFICATE = timedelta(days=397)
"""Validity of a certificate. Some clients accept no longer one."""
RENEWAL = timedelta(days=30)
DOMAINS = ("localhost", "amazonaws.com", "amazonaws.com.cn", "on.aws", "on.amazonwebservices.com.cn")
NETWORKS = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
ADDRESSES = ("127.0.0.1", "::1")
DUAL_STACK = {"amazonaws.com": "on.aws", "amazonaws.com.cn": "on.amazonwebservices.com.cn"}


class NameNotCovered(Exception):
    """The authority was created without a name that is needed now. The message names it and the remedy."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(
            f"The certificate authority in {folder} may not sign for {name}. "
            f"Remove that folder to have a new one made, and have your clients trust it."
        )


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of a certificate: PEM, its key, and the authority that clients must trust."""

    certificate: Path
    key: Path
    authority: Path


def certificate_for(folder: Path, extra: Iterable[str], now: datetime) -> Certificate:
    """Return the certificate in a folder for all registry names and ``names``; create or renew it if needed.

    Raises ``NameNotCovered`` and ``OSError``. Keys are readable by their owner only.
    """
    extra = list(extra)
    folder.mkdir(parents=True, exist_ok=True, mode=FOLDER)
    for key in folder.glob("*-key.pem"):
        narrow(key)
    files = Certificate(folder / "server.pem", folder / "server-key.pem", folder / "ca.pem")
    authority = _authority(folder, extra, now)
    names = [*registry_names(), *extra]
    if not _is_good(files, authority, names, now):
        _issue(files, authority, names, now)
    return files


def registry_names() -> list[str]:
    """Return localhost, its addresses, and the host names of every registry in every Region that botocore knows."""
    names = ["localhost", "*.localhost", *ADDRESSES]
    for region, suffix in _regions():
        names += [
            f"*.dkr.ecr.{region}.{suffix}",
            f"*.dkr.ecr-fips.{region}.{suffix}",
            f"*.dkr-ecr.{region}.{DUAL_STACK[suffix]}",
            f"*.dkr.ecr.{region}.localhost",
            f"api.ecr.{region}.{suffix}",
        ]
    return names


def _regions() -> list[tuple[str, str]]:
    """Return Region and DNS suffix, for the partitions whose names the authority covers."""
    from botocore.loaders import Loader

    loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    return [
        (region, partition["outputs"]["dnsSuffix"])
        for partition in loader.load_data("partitions")["partitions"]
        if partition["outputs"]["dnsSuffix"] in DUAL_STACK
        for region in partition["regions"]
        if region.count("-") > 1  # not aws-global
    ]


@dataclass(frozen=True, slots=True)
class _Authority:
    certificate: x509.Certificate
    key: EllipticCurvePrivateKey


def _authority(folder: Path, extra: list[str], now: datetime) -> _Authority:
    file, key_file = folder / "ca.pem", folder / "ca-key.pem"
    if not (file.exists() and key_file.exists()):
        _make_authority(file, key_file, extra, now)
    authority = _read(file, key_file)
    for name in extra:
        if not _covers(authority.certificate, name):
            raise NameNotCovered(name, folder)
    return authority


def _make_authority(file: Path, key_file: Path, extra: list[str], now: datetime) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    networks = [x509.IPAddress(network) for network in NETWORKS]
    permitted = [*map(x509.DNSName, DOMAINS), *networks, *map(_permitted, extra)]
    builder = (
        _builder("ECR emulator on this machine", key, now, LIFE_OF_AUTHORITY)
        .issuer_name(_name("ECR emulator on this machine"))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    _write_key(key_file, key)
    _write(file, _signed(builder, key))


def _issue(files: Certificate, authority: _Authority, names: list[str], now: datetime) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    builder = (
        _builder("ECR emulator", key, now, min(LIFE_OF_CERTIFICATE, issuer.not_valid_after_utc - now))
        .issuer_name(issuer.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(list(map(_general_name, names))), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    _write_key(files.key, key)
    _write(files.certificate, _signed(builder, authority.key))


def _is_good(files: Certificate, authority: _Authority, names: list[str], now: datetime) -> bool:
    """Return whether a certificate of this authority for these names exists and is not about to expire."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    if not (files.certificate.exists() and files.key.exists()):
        return False
    found = _read(files.certificate, files.key).certificate
    covered = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    try:
        found.verify_directly_issued_by(authority.certificate)
    except (InvalidSignature, ValueError):
        return False
    return list(covered) == list(map(_general_name, names)) and found.not_valid_after_utc - now > RENEWAL


def _covers(authority: x509.Certificate, name: str) -> bool:
    from cryptography import x509

    permitted = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    address = _address(name)
    if address:
        networks = (ip_network(str(each.value)) for each in permitted if isinstance(each, x509.IPAddress))
        return any(address in network for network in networks)
    domains = (each.value for each in permitted if isinstance(each, x509.DNSName))
    return any(name == domain or name.endswith(f".{domain}") for domain in domains)


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None


def _general_name(name: str) -> x509.GeneralName:
    from cryptography import x509

    address = _address(name)
    return x509.IPAddress(address) if address else x509.DNSName(name)


def _permitted(name: str) -> x509.GeneralName:
    from cryptography import x509

    address = _address(name)
    return x509.IPAddress(ip_network(address)) if address else x509.DNSName(name)


def _name(text: str) -> x509.Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _builder(subject: str, key: EllipticCurvePrivateKey, now: datetime, life: timedelta) -> x509.CertificateBuilder:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # for clients whose clocks are slightly behind
        .not_valid_after(now + life)
    )


def _signed(builder: x509.CertificateBuilder, key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _read(file: Path, key_file: Path) -> _Authority:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(key_file.read_bytes(), password=None)
    assert isinstance(key, EllipticCurvePrivateKey)
    return _Authority(x509.load_pem_x509_certificate(file.read_bytes()), key)


def _write_key(file: Path, key: EllipticCurvePrivateKey) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    _write(file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=FILE)


def _write(file: Path, content: bytes, mode: int = 0o644) -> None:
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(new, "xb", opener=lambda path, flags: os.open(path, flags, mode)) as out:
        out.write(content)
    new.replace(file)
