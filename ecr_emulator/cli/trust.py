"""``ecr-emulator trust``: how to make clients trust the certificate of ``--tls``, and notation the signatures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from ecr_emulator.cli.http_client import reason
from ecr_emulator.cli.options import ADDRESS, CannotStart, with_settings
from ecr_emulator.cli.running_emulator import RunningEmulator
from ecr_emulator.setting_sources import Loaded
from ecr_emulator.settings import SETTINGS, Settings

if TYPE_CHECKING:
    from ecr_emulator.serving.certificates import Certificate

ADVICE = """\
The certificate authority of this machine's emulators is
  {ca}
It signs for localhost and the host names of ECR only. Its key stays in that directory. Make your clients trust it:

Docker Engine (no restart)
  mkdir -p /etc/docker/certs.d/{address} && cp {ca} /etc/docker/certs.d/{address}/ca.crt
podman, skopeo, buildah
  mkdir -p /etc/containers/certs.d/{address} && cp {ca} /etc/containers/certs.d/{address}/ca.crt
containerd: /etc/containerd/certs.d/{address}/hosts.toml
  server = "https://{address}"
  [host."https://{address}"]
    ca = "{ca}"
crane, oras, regctl, helm, docker-credential-ecr-login and other clients in Go
  export SSL_CERT_FILE={ca}
AWS CLI and SDKs
  export AWS_CA_BUNDLE={ca}
Debian and Ubuntu, for all programs
  cp {ca} /usr/local/share/ca-certificates/ecr-emulator.crt && update-ca-certificates
macOS, for all programs
  security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain {ca}

To use an image under its real name, run the emulator on port 443 and point that name at it in /etc/hosts:
  127.0.0.1 {account}.dkr.ecr.{region}.amazonaws.com api.ecr.{region}.amazonaws.com
then use {account}.dkr.ecr.{region}.amazonaws.com instead of {address} above.
"""

MEANING = ADDRESS | {
    "public_host": "The --public-host of the emulator, if it has one. The certificate covers it.",
    "account": f"Account in the printed host names.  [default: {SETTINGS['account'].default}]",
    "region": f"Region in the printed host names.  [default: {SETTINGS['region'].default}]",
    "tls_dir": f"Directory of the certificate authority.  [default: {SETTINGS['tls_dir'].default}]",
}


SIGNING_ADVICE = """\
# Makes notation trust the signatures of the emulator at {url}, and those of no other. It writes two files here.
# Paste it into a shell, or run: ecr-emulator trust --signing | sh
cat > {store}.pem <<'PEM'
{certificate}PEM
cat > {store}-trust-policy.json <<'JSON'
{policy}
JSON
notation certificate delete --type signingAuthority --store {store} --all --yes 2>/dev/null || true
notation certificate add --type signingAuthority --store {store} {store}.pem
notation policy import --force {store}-trust-policy.json
"""


@click.command()
@click.option("--signing", is_flag=True, help="Print how notation trusts the signatures of a running emulator.")
@with_settings("host", "port", "admin_token", "public_host", "account", "region", "tls_dir", meaning=MEANING)
def trust(loaded: Loaded, signing: bool) -> None:
    """Print how to make clients trust serve --tls. Creates the certificate authority if there is none.

    \b
    Examples: ecr-emulator trust --port 5000
              ecr-emulator trust --signing
    """
    if signing:
        _print_signing_advice(RunningEmulator(loaded))
        return
    settings = loaded.settings
    address = settings.public_host or f"localhost:{settings.port}"
    ca = certificate(settings).authority.resolve()
    click.echo(ADVICE.format(ca=ca, address=address, account=settings.account, region=settings.region))


def _print_signing_advice(emulator: RunningEmulator) -> None:
    trusted = emulator.get("/_ecr/signing", {})
    policy = json.dumps(trusted["trust_policy"], indent=2)
    facts = {"url": emulator.address.url, "store": trusted["store"], "certificate": trusted["certificate"]}
    click.echo(SIGNING_ADVICE.format(**facts, policy=policy), nl=False)


def certificate(settings: Settings) -> Certificate:
    """Return the certificate for an emulator with these settings. Creates or renews it by the machine's clock."""
    from ecr_emulator.serving.certificates import NameNotCovered, certificate_for
    from ecr_emulator.system import SystemClock

    public = [settings.public_host.rpartition(":")[0] or settings.public_host] if settings.public_host else []
    try:
        return certificate_for(settings.tls_dir.expanduser(), public, SystemClock().now())
    except RuntimeError:
        raise CannotStart(
            f"The home directory of {settings.tls_dir} is unknown: set HOME, or name a directory with --tls-dir"
        ) from None
    except NameNotCovered as refused:
        raise CannotStart(f"There is no certificate for --tls: {refused}") from None
    except OSError as failure:
        where = failure.filename or settings.tls_dir
        raise CannotStart(
            f"There is no certificate for --tls: {where}: {reason(failure)}. Name another directory with --tls-dir"
        ) from None
