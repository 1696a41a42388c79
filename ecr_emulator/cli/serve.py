"""``ecr-emulator serve``: run the emulator."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from dataclasses import asdict, replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from ecr_emulator.cli.http_client import LOCALHOST, Address, reason, version_of
from ecr_emulator.cli.listening import listen_for
from ecr_emulator.cli.options import CannotStart, with_settings
from ecr_emulator.cli.readiness_reports import check_descriptor, port_file, report_ready
from ecr_emulator.quick_imports import quick_imports
from ecr_emulator.setting_sources import Loaded
from ecr_emulator.settings import Settings
from ecr_emulator.version import __version__

if TYPE_CHECKING:
    from socket import socket

    from ecr_emulator.emulator import Emulator
    from ecr_emulator.serving.granian import GranianServer
    from ecr_emulator.serving.signals import StopFlag
    from ecr_emulator.serving.two_protocols import TwoProtocolServer

logger = logging.getLogger(__name__)

OWN_COMPANIONS = (
    "Companions: the nodes share IAM, the sessions of STS, Secrets Manager, KMS and Signer. Other services are in the "
    "memory of this node"
)
SEED_SECONDS = 0.1
"""Seconds between two looks whether another node still applies its seeds."""


@click.command()
@with_settings()
@click.option(
    "--port-file",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the port to this file while it serves.",
)
@click.option(
    "--ready-fd", type=click.IntRange(0), metavar="N", help="Write a line to this file descriptor when ready."
)
def serve(loaded: Loaded, file: Path | None, ready_fd: int | None) -> None:
    """Run the emulator until SIGTERM or Ctrl-C.

    Every option can also be set in the environment (ECR_EMULATOR_PORT for --port) and in a TOML file (port), except
    --port-file and --ready-fd, which tell the script that starts it that the emulator answers, and that its init
    scripts have run.

    \b
    Example: ecr-emulator serve --port 0 --port-file port & ecr-emulator wait --port-file port
    """
    from ecr_emulator.log_format import set_up_logging
    from ecr_emulator.serving.signals import catch_stop_signals

    check_descriptor(ready_fd)
    set_up_logging(loaded.settings.log_level, loaded.settings.log_format)
    with catch_stop_signals() as stopped:
        _serve(loaded, stopped, file, ready_fd)


def _serve(loaded: Loaded, stopped: StopFlag, file: Path | None, ready_fd: int | None) -> None:
    from ecr_emulator.serving.connection_limit import take_all_files
    from ecr_emulator.serving.freed_memory import give_back_freed_memory

    settings = _with_enough_threads(loaded.settings)
    take_all_files()
    give_back_freed_memory()
    listeners = listen_for(settings, without_ipv6=loaded.is_default("host"))
    with opened(settings) as emulator:
        newer_schema = _stopping_at_newer_schema(emulator)
        _find_init_scripts(emulator)
        _seed(emulator, stopped)
        server = _server(emulator, listeners)
        gc.freeze()  # these objects live as long as the process: no collection, and no exit, need search them
        server.start()
        version_of(Address.of(replace(settings, port=server.port)))
        _announce(emulator, server.port)
        with (
            port_file(file, server.port),
            emulator.init_scripts.running(
                _environment_of_scripts(settings, server.port), lambda: report_ready(ready_fd, server.port)
            ),
        ):
            emulator.services.background.begin_scans()
            stopped.wait()
        logger.info("stopping")
        emulator.event_delivery.end_streams()
        in_time = server.stop(settings.shutdown_timeout)
    if newer_schema:
        raise click.ClickException(newer_schema[0])
    if not in_time:
        _leave(settings.shutdown_timeout)


def _stopping_at_newer_schema(emulator: Emulator) -> list[str]:
    """Return a list that gets the reason why this node has to stop, if a newer one migrates the database."""
    reasons: list[str] = []

    def stop(reason: str) -> None:
        reasons.append(reason)
        os.kill(os.getpid(), signal.SIGTERM)

    others = emulator.services.store.other_nodes
    if others:
        others.at_newer_schema(stop)
    return reasons


def _with_enough_threads(settings: Settings) -> Settings:
    """Return the settings with threads for one client at least, which transfers several layers at the same time."""
    from ecr_emulator.admission import FEWEST_REQUESTS

    if settings.threads >= FEWEST_REQUESTS:
        return settings
    logger.warning("--threads %d is too few for one client; it is %d instead", settings.threads, FEWEST_REQUESTS)
    return replace(settings, threads=FEWEST_REQUESTS)


def _seed(emulator: Emulator, stopped: StopFlag) -> None:
    """Apply the seeds of the settings before the server answers requests, while no other node applies its seeds."""
    if not emulator.settings.seed:
        return
    lease = emulator.seed_lease
    while not lease.renew():
        if stopped.wait(SEED_SECONDS):
            return
    try:
        _apply_seeds(emulator)
    finally:
        lease.end()


def _apply_seeds(emulator: Emulator) -> None:
    from ecr_emulator.seeds.apply import apply_seeds
    from ecr_emulator.seeds.client import CallRefused, EmulatorClient
    from ecr_emulator.seeds.errors import SeedError
    from ecr_emulator.transports import InProcess

    client = EmulatorClient(InProcess(emulator.wsgi, lambda: "http://localhost"), emulator.settings.admin_token)
    try:
        seeded = apply_seeds(client, *emulator.settings.seed)
    except (SeedError, CallRefused) as refused:
        raise CannotStart(str(refused)) from None
    logger.info("seeded", extra={"facts": asdict(seeded)})


def _find_init_scripts(emulator: Emulator) -> None:
    from ecr_emulator.init_scripts import InitScriptMissing

    try:
        emulator.init_scripts.find(*emulator.settings.init_scripts)
    except InitScriptMissing as missing:
        raise CannotStart(str(missing)) from None


def _environment_of_scripts(settings: Settings, port: int) -> dict[str, str]:
    """Return the environment of init scripts, whose AWS clients ask this emulator.

    Credentials and a Region that the user has set are kept. Variables that name other endpoints are left out, because
    some of them win over ``AWS_ENDPOINT_URL``.
    """
    own = {name: value for name, value in os.environ.items() if "ENDPOINT_URL" not in name}
    defaults = {
        "AWS_ACCESS_KEY_ID": settings.account,
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": own.get("AWS_REGION", settings.region),
        "AWS_PAGER": "",
        "PYTHONUNBUFFERED": "1",  # so that the output of scripts is in the log when they write it
    }
    endpoint = f"http://{_name_of(settings.host)}:{port}"
    return defaults | own | {"AWS_ENDPOINT_URL": endpoint, "ECR_EMULATOR_PORT": str(port)}


def _server(emulator: Emulator, listeners: list[socket]) -> GranianServer | TwoProtocolServer:
    from ecr_emulator.admission import threads_for
    from ecr_emulator.request_log import with_request_log

    settings = emulator.settings
    wsgi, threads = with_request_log(emulator.wsgi), threads_for(settings.threads)
    if not settings.tls:
        from ecr_emulator.serving.granian import GranianServer

        return GranianServer(wsgi, listeners, threads)
    from ecr_emulator.cli.trust import certificate
    from ecr_emulator.serving.two_protocols import TwoProtocolServer

    return TwoProtocolServer(wsgi, listeners, threads, certificate(settings))


def opened(settings: Settings) -> Emulator:
    """Open an emulator with these settings. Raises ``CannotStart`` with the reason."""
    with quick_imports():
        from ecr_emulator.emulator import Emulator
        from ecr_emulator.ports.storage_failures import StorageFailure
        from ecr_emulator.ports.vulnerabilities import UnreadableVulnerabilities
        from ecr_emulator.state_binding import StateMismatch
        from ecr_emulator.storage.migrations import DatabaseTooNew, DatabaseUnreadable
        from ecr_emulator.storage.ownership import DataDirectoryInUse

    refusals = DataDirectoryInUse, DatabaseTooNew, DatabaseUnreadable, StateMismatch, UnreadableVulnerabilities
    try:
        return Emulator(settings)
    except (*refusals, StorageFailure) as refused:
        raise CannotStart(str(refused)) from None
    except OSError as failure:
        named = f"The data directory {settings.data_dir}" if settings.data_dir else "A temporary directory"
        raise CannotStart(f"{named} cannot be used: {_what_happened(failure, settings.data_dir)}") from None


def _what_happened(failure: OSError, data_dir: Path | None) -> str:
    if isinstance(failure, IsADirectoryError):
        return f"{failure.filename} is a directory and must be a file"
    if isinstance(failure, FileExistsError | NotADirectoryError):
        is_inside = data_dir and data_dir in Path(failure.filename).parents
        return f"{failure.filename if is_inside else 'it'} is not a directory"
    if isinstance(failure, PermissionError) and data_dir:
        return (
            f"{failure.filename}: {reason(failure)}. The emulator runs as uid {os.getuid()}, which must be able to "
            f"read and write there: chown -R {os.getuid()} {data_dir}, or name another directory with --data-dir"
        )
    return reason(failure)


def _announce(emulator: Emulator, port: int) -> None:
    address = emulator.settings.public_host or f"{_name_of(emulator.settings.host)}:{port}"
    facts = {"endpoint": f"http://{address}", "data_dir": str(emulator.data_dir), "temporary": emulator.temporary}
    logger.info("ready", extra={"facts": facts})
    click.echo(
        f"ECR emulator {__version__} is ready: http://{address}\n\n"
        f"  export AWS_ENDPOINT_URL=http://{address} AWS_DEFAULT_REGION={emulator.settings.region}\n"
        f"  export AWS_ACCESS_KEY_ID={emulator.settings.account} AWS_SECRET_ACCESS_KEY=any\n"
        f"  aws ecr get-login-password | docker login --username AWS --password-stdin {address}\n\n"
        f"{_about_iam(emulator.settings)}"
        f"{_about_tls(emulator.settings, address)}"
        f"Console: http://{address}/_ecr/\n"
        f"State: {_about_state(emulator)}"
    )


def _about_state(emulator: Emulator) -> str:
    if emulator.temporary:
        return f"{emulator.data_dir} (temporary, gone when the emulator stops; --data-dir DIR keeps it)"
    metadata = emulator.data_dir if emulator.settings.database is None else "PostgreSQL"
    layers = emulator.settings.blobs or emulator.data_dir
    if emulator.services.store.other_nodes:
        return f"{metadata}, layers in {layers}, shared with other nodes\n{OWN_COMPANIONS}"
    return f"{metadata} (kept)" if metadata == layers else f"{metadata}, layers in {layers} (kept)"


def _about_iam(settings: Settings) -> str:
    if settings.iam == "off":
        return ""
    return f"That access key is the root of {settings.account}; for others, policies decide.\n\n"


def _about_tls(settings: Settings, address: str) -> str:
    if not settings.tls:
        return ""
    return f"  https://{address} works too, for clients that trust the emulator: ecr-emulator trust\n\n"


def _name_of(hosts: tuple[str, ...]) -> str:
    """Return the host name for clients on this machine: localhost, unless the emulator does not listen there."""
    for host in hosts:
        try:
            address = ip_address(host)
        except ValueError:
            return host
        if host in LOCALHOST or address.is_unspecified:
            return "localhost"
    return f"[{hosts[0]}]" if ":" in hosts[0] else hosts[0]


def _leave(seconds: float) -> NoReturn:
    """End the process while requests run: their threads belong to Granian and cannot be stopped."""
    logger.warning("transfers were cut off after %g seconds", seconds)
    sys.stdout.flush()
    os._exit(0)
