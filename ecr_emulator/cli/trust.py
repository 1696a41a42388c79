"""``ecr-emulator trust``: how clients are made to trust the certificate of ``--tls``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ecr_emulator.cli.ask import reason
from ecr_emulator.cli.options import CannotStart, with_settings
from ecr_emulator.settings import SETTINGS, Loaded, Settings

if TYPE_CHECKING:
    from ecr_emulator.serving.certificates import Certificate

ADVICE = """\
The certificate authority of this machine's emulators is
  {ca}
It signs for localhost and the host names of ECR only. Its key stays in that folder. Have your clients trust it:

Docker Engine (no restart)
  mkdir -p /etc/docker/certs.d/{address} && cp {ca} /etc/docker/certs.d/{address}/ca.crt
podman, skopeo, buildah
  mkdir -p /etc/containers/certs.d/{address} && cp {ca} /etc/containers/certs.d/{address}/ca.crt
containerd: /etc/containerd/certs.d/{address}/hosts.toml
  server = "https://{address}"
  [host."https://{address}"]
    ca = "{ca}"
crane, oras, regctl, helm, docker-credential-ecr-login (all that is written in Go)
  export SSL_CERT_FILE={ca}
AWS CLI and SDKs
  export AWS_CA_BUNDLE={ca}
Debian and Ubuntu, everything at once
  cp {ca} /usr/local/share/ca-certificates/ecr-emulator.crt && update-ca-certificates
macOS, everything at once
  security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain {ca}

To use an image under its real name, run the emulator on port 443 and point that name at it in /etc/hosts:
  127.0.0.1 {account}.dkr.ecr.{region}.amazonaws.com api.ecr.{region}.amazonaws.com
then use {account}.dkr.ecr.{region}.amazonaws.com in the place of {address} above.
"""

MEANING = {
    "port": f"The emulator's port, for the advice.  [default: {SETTINGS['port'].default}]",
    "public_host": "The emulator's --public-host, if it has one: the advice names it, and the certificate covers it.",
    "account": f"The account of the names in the advice.  [default: {SETTINGS['account'].default}]",
    "region": f"The Region of the names in the advice.  [default: {SETTINGS['region'].default}]",
    "tls_dir": f"Where the certificate authority is, or is made.  [default: {SETTINGS['tls_dir'].default}]",
}


@click.command()
@with_settings("port", "public_host", "account", "region", "tls_dir", meaning=MEANING)
def trust(loaded: Loaded) -> None:
    """Say how clients are made to trust the HTTPS of serve --tls. Makes the certificate authority if there is none."""
    settings = loaded.settings
    address = settings.public_host or f"localhost:{settings.port}"
    ca = certificate(settings).authority.resolve()
    click.echo(ADVICE.format(ca=ca, address=address, account=settings.account, region=settings.region))


def certificate(settings: Settings) -> Certificate:
    """The certificate for an emulator with these settings, made or renewed by the machine's clock if need be."""
    from ecr_emulator.serving.certificates import NameNotCovered, certificate_for
    from ecr_emulator.system import SystemClock

    public = [settings.public_host.rpartition(":")[0] or settings.public_host] if settings.public_host else []
    try:
        return certificate_for(settings.tls_dir.expanduser(), public, SystemClock().now())
    except RuntimeError:
        raise CannotStart(
            f"Nobody knows where {settings.tls_dir} is: set HOME, or name a folder with --tls-dir"
        ) from None
    except NameNotCovered as refused:
        raise CannotStart(f"There is no certificate for --tls: {refused}") from None
    except OSError as failure:
        where = failure.filename or settings.tls_dir
        raise CannotStart(
            f"There is no certificate for --tls: {where}: {reason(failure)}. Name another folder with --tls-dir"
        ) from None
