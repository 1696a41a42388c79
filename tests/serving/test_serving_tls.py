"""HTTPS: the authority of this machine, its certificates, and two protocols on one port."""

import socket
import ssl
import stat
import urllib.request
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509

from ecr_emulator.serving.certificates import NameNotCovered, certificate_for, registry_names
from ecr_emulator.serving.listeners import listen
from ecr_emulator.serving.two_protocols import TwoProtocolServer
from tests.support.processes import run, serving

NOW = datetime.now(UTC)
NAMES = [
    "localhost",
    "127.0.0.1",
    "::1",
    "123456789012.dkr.ecr.us-east-1.amazonaws.com",
    "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
    "123456789012.dkr-ecr.us-east-1.on.aws",
    "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
    "123456789012.dkr.ecr.eu-west-1.localhost",
    "api.ecr.us-west-2.amazonaws.com",
]


def scheme_application(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [environ["wsgi.url_scheme"].ljust(5).encode()]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return certificate_for(tmp_path_factory.mktemp("tls"), [], NOW)


@pytest.fixture
def port(certificate):
    server = TwoProtocolServer(scheme_application, listen(["127.0.0.1"], 0), threads=8, certificate=certificate)
    server.start()
    yield server.port
    assert server.stop(5)


@pytest.fixture
def trusting(certificate):
    return ssl.create_default_context(cafile=certificate.authority)


def answer_over_tls(port, context, name):
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=name) as connection,
    ):
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(4096), b""))


@pytest.mark.parametrize("name", NAMES)
def test_a_client_that_trusts_the_authority_connects_under_every_name(port, trusting, name):
    assert answer_over_tls(port, trusting, name).endswith(b"https")


def test_the_same_port_speaks_http(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        assert answer.read() == b"http "


def test_a_client_that_does_not_trust_the_authority_refuses_to_connect(port):
    with pytest.raises(ssl.SSLCertVerificationError):
        answer_over_tls(port, ssl.create_default_context(), "localhost")


def test_silent_and_broken_connections_do_not_block_other_clients(port, trusting):
    with socket.create_connection(("127.0.0.1", port)) as silent, socket.create_connection(("127.0.0.1", port)) as torn:
        torn.sendall(b"\x16\x03\x01 this is no client hello")
        assert answer_over_tls(port, trusting, "localhost").endswith(b"https")
        silent.close()


def test_a_certificate_is_kept_until_it_is_about_to_expire(tmp_path):
    first = certificate_for(tmp_path, [], NOW)
    shown, authority = first.certificate.read_bytes(), first.authority.read_bytes()
    assert certificate_for(tmp_path, [], NOW + timedelta(days=300)).certificate.read_bytes() == shown
    renewed = certificate_for(tmp_path, [], NOW + timedelta(days=380))
    assert renewed.certificate.read_bytes() != shown
    assert renewed.authority.read_bytes() == authority


def test_a_certificate_of_another_authority_is_replaced(tmp_path):
    first = certificate_for(tmp_path, [], NOW)
    for name in ("ca.pem", "ca-key.pem"):
        (tmp_path / name).unlink()
    shown = first.certificate.read_bytes()
    assert certificate_for(tmp_path, [], NOW).certificate.read_bytes() != shown


def test_keys_are_for_their_owner_alone(tmp_path):
    certificate_for(tmp_path / "tls", [], NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "tls").iterdir()}
    assert modes == {"ca.pem": 0o644, "ca-key.pem": 0o600, "server.pem": 0o644, "server-key.pem": 0o600}


@pytest.mark.parametrize("name", ["ecr.test", "10.1.2.3"])
def test_a_public_name_is_covered_from_the_start_or_refused_with_advice(tmp_path, name):
    made = certificate_for(tmp_path / "with", [name], NOW)
    names = x509.load_pem_x509_certificate(made.certificate.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert name in [*names.value.get_values_for_type(x509.DNSName),
                    *map(str, names.value.get_values_for_type(x509.IPAddress))]  # fmt: skip
    certificate_for(tmp_path / "without", [], NOW)
    with pytest.raises(NameNotCovered, match=f"may not sign for {name}.*Remove that folder"):
        certificate_for(tmp_path / "without", [name], NOW)


def test_the_authority_signs_for_loopback_and_registries_only(certificate):
    authority = x509.load_pem_x509_certificate(certificate.authority.read_bytes())
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    domains = [each.value for each in constraints.value.permitted_subtrees if isinstance(each, x509.DNSName)]
    for name in registry_names():
        try:
            assert ip_address(name).is_loopback
        except ValueError:
            assert any(name == domain or name.endswith(f".{domain}") for domain in domains), name


def test_serve_speaks_both_protocols_and_trust_names_the_authority_file(tmp_path):
    trust = run(tmp_path, "trust", "--tls-dir", "tls", "--port", "8443")
    assert trust.returncode == 0, trust.stderr
    file = tmp_path / "tls" / "ca.pem"
    assert str(file) in trust.stdout
    assert "/etc/docker/certs.d/localhost:8443/ca.crt" in trust.stdout
    with serving(tmp_path, "--port", "0", "--tls", "--tls-dir", "tls") as emulator:
        assert f"https://localhost:{emulator.port}" in emulator.output
        for url in (emulator.url, emulator.url.replace("http:", "https:")):
            with urllib.request.urlopen(
                f"{url}/_ecr/health", context=ssl.create_default_context(cafile=file)
            ) as answer:
                assert answer.status == 200
        assert emulator.stop() == 0


def test_an_unusable_folder_for_certificates_is_named_in_the_error(tmp_path):
    (tmp_path / "tls").write_text("a file")
    done = run(tmp_path, "serve", "--tls", "--tls-dir", "tls", "--port", "0")
    assert done.returncode == 2
    assert "no certificate for --tls" in done.stderr
    assert "tls" in done.stderr
