"""Checks of the way to the emulator: its port, localhost, proxies, certificates and clocks."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from urllib.request import getproxies_environment, proxy_bypass

from ecr_emulator.cli.doctor_findings import Finding, Situation
from ecr_emulator.cli.formatting import time_in_words
from ecr_emulator.cli.http_client import Refused, UntrustworthyBundle, connection_to, reason, trust, version_of
from ecr_emulator.system import SystemClock
from ecr_emulator.version import __version__

TIMEOUT_SECONDS = 3
SKEW = timedelta(minutes=5)
"""Difference of clocks from which AWS refuses signatures."""


def check_emulator(situation: Situation) -> Finding:
    """Check whether an emulator of this version answers."""
    address = situation.address
    try:
        version = version_of(address)
    except ConnectionRefusedError:
        return Finding("emulator", "failed", f"Nothing listens {address.words}. Start one: ecr-emulator serve")
    except (ssl.SSLError, UntrustworthyBundle) as failure:
        return Finding("emulator", "failed", f"No emulator {address.words}: {reason(failure)}")
    except (OSError, Refused) as failure:
        why = reason(failure) if isinstance(failure, OSError) else str(failure)
        taken = f"Port {address.port} is taken if this is another program: serve --port 0 picks a free one"
        return Finding("emulator", "failed", f"No emulator {address.words}: {why}. {taken}")
    if version != __version__:
        return Finding("emulator", "warning", f"It has version {version}, this command has {__version__}")
    return Finding("emulator", "ok", f"Version {version} answers at {address.url}")


def check_localhost(situation: Situation) -> Finding:
    """Check whether the emulator answers at each address that localhost has."""
    if not situation.is_local:
        return Finding("localhost", "skipped", f"The emulator is at {situation.address.host}")
    port = situation.address.port
    try:
        found = socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)
    except OSError as failure:
        return Finding("localhost", "failed", f"It has no address ({reason(failure)}): add 127.0.0.1 to /etc/hosts")
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    silent = [address for address in addresses if not _accepts(address, port)]
    if silent == addresses:
        return Finding("localhost", "failed", f"Nothing listens on port {port} of {' and '.join(addresses)}")
    if silent:
        return Finding(
            "localhost",
            "warning",
            f"It also means {silent[0]}, where nothing listens on port {port}; some clients try no other address. Use "
            "127.0.0.1, or serve --host 127.0.0.1 --host ::1",
        )
    return Finding("localhost", "ok", f"The port answers at {' and '.join(addresses)}")


def check_proxies(situation: Situation) -> Finding:
    """Check whether variables send requests for the emulator to a proxy."""
    proxies = {name: url for name, url in getproxies_environment().items() if name in ("http", "https", "all")}
    host = situation.registry_host
    if not proxies:
        return Finding("proxies", "ok", "No variable names a proxy")
    if proxy_bypass(host):
        return Finding("proxies", "ok", f"NO_PROXY covers {host}")
    name = host.rpartition(":")[0]
    variables = " and ".join(f"{scheme.upper()}_PROXY" for scheme in proxies)
    now = situation.environment.get("no_proxy") or situation.environment.get("NO_PROXY") or ""
    exceptions = ",".join(dict.fromkeys([*filter(None, now.split(",")), "localhost", "127.0.0.1", "::1", name]))
    words = f"{variables} {'hold' if len(proxies) > 1 else 'holds'} for {name} too: export NO_PROXY={exceptions}"
    return Finding("proxies", "warning", words)


def check_certificate(situation: Situation) -> Finding:
    """Check whether this machine trusts the emulator's certificate, if it has one."""
    address = situation.address
    try:
        context = trust(situation.environment)
    except UntrustworthyBundle as wrong:
        return Finding("certificate", "failed", str(wrong))
    name = address.name or address.host
    try:
        with (
            socket.create_connection((address.host, address.port), TIMEOUT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=name),
        ):
            return Finding("certificate", "ok", "It is trusted")
    except ssl.SSLCertVerificationError as untrusted:
        words = f"It is not trusted ({untrusted.verify_message}): ecr-emulator trust says how to change that"
        return Finding("certificate", "failed" if address.https else "warning", words)
    except OSError:
        return Finding("certificate", "skipped", "The emulator speaks no HTTPS; serve --tls does")


def check_clock(situation: Situation) -> Finding:
    """Compare the clock of the machine of the emulator with the clock of this one."""
    try:
        with closing(connection_to(situation.address, TIMEOUT_SECONDS)) as connection:
            connection.request("GET", "/_ecr/health")
            date = connection.getresponse().getheader("Date")
        apart = abs(parsedate_to_datetime(date or "") - SystemClock().now())
    except (HTTPException, OSError, ValueError, TypeError):
        return Finding("clock", "skipped", "No emulator tells its time")
    if apart > SKEW:
        words = f"The clocks of the two machines are {time_in_words(apart)} apart: set them, for example by NTP"
        return Finding("clock", "warning", words)
    return Finding("clock", "ok", "It agrees with the clock of the emulator's machine")


def _accepts(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), TIMEOUT_SECONDS):
            return True
    except OSError:
        return False
