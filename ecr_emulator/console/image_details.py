"""One image: its contents as a picture, its config and history, its referrers, its scan, and how to pull it."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from ecr_emulator.console.excerpts import excerpt
from ecr_emulator.console.forms import say_done
from ecr_emulator.console.image_picture import image_picture
from ecr_emulator.console.pages import ConsoleRequest, FormRefused, form, page
from ecr_emulator.console.pull_commands import login_command, pull_commands
from ecr_emulator.console.scan_words import scan_words
from ecr_emulator.console.tabs import TABS
from ecr_emulator.domain.image import Image
from ecr_emulator.domain.image_config import ImageConfig
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import ImageNotFoundException
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.image_contents import read_config, read_contents
from ecr_emulator.services.import_status import import_status
from ecr_emulator.services.replication import replication_statuses
from ecr_emulator.services.scanning import refusal_to_scan, scan_of
from ecr_emulator.services.signing import signing_statuses

MOST_REFERRERS = 50
MANIFEST_BUDGET = 10_000
"""Maximum number of characters of the manifest that are shown."""


@page("/image/<digest>/<path:name>")
def image(console: ConsoleRequest, digest: str, name: str) -> ResponseReturnValue:
    """Show the image."""
    console.require("ecr:DescribeImages", name)
    refusal = console.refusal("ecr:BatchGetImage", name)
    shows_scan = console.refusal("ecr:DescribeImageScanFindings", name) is None
    with console.services.store.reading() as work:
        repository = work.repositories.get(console.registry, name)
        found = find_image(work, repository, digest)
        tag = request.args.get("tag")
        tag = tag if tag in found.tags else next(iter(found.tags), None)
        values = {
            "repository": repository,
            "image": found,
            "tag": tag,
            "tags": excerpt(((each,) for each in found.tags), most=60),
            "commands": pull_commands(console, name, tag, digest),
            "login": login_command(console, name),
            "imported": import_status(work, found),
            "replications": replication_statuses(work, found),
            "signings": signing_statuses(work, found),
            "refusal": refusal,
            **({} if refusal else _contents(console, work, repository, found)),
            **(_scan(console, work, repository, found) if shows_scan else {}),
            "can_be_scanned": refusal_to_scan(work, repository, found, console.now) is None,
        }
    return console.render("image.html", tabs=TABS, **values)


def find_image(work: UnitOfWork, repository: Repository, digest: str) -> Image:
    """Return an image. Raises ``ImageNotFoundException``."""
    found = work.images.find(repository, digest)
    if found is None:
        raise ImageNotFoundException(image_digest=digest, image_tag="null", **repository.identity)
    return found


def _contents(console: ConsoleRequest, work: UnitOfWork, repository: Repository, found: Image) -> dict[str, Any]:
    """Return the values of the template for callers who may pull the image."""
    blobs = console.services.blobs
    node, config = read_contents(work, repository, found, blobs), read_config(work, found, blobs)
    raw = work.images.manifest(found).raw.decode(errors="replace")
    referrers = work.image_relations.referrers(repository, found.digest)
    return {
        "node": node,
        "picture": image_picture(node),
        "manifest": raw[:MANIFEST_BUDGET],
        "manifest_omitted": max(0, len(raw) - MANIFEST_BUDGET),
        "referrers": referrers[:MOST_REFERRERS],
        "more_referrers": max(0, len(referrers) - MOST_REFERRERS),
        "parents": work.image_relations.parents(repository, found.digest)[:MOST_REFERRERS],
        **(_config(config) if config else {}),
    }


def _config(config: ImageConfig) -> dict[str, Any]:
    return {
        "image_config": config,
        "environment": excerpt((each,) for each in config.environment),
        "labels": excerpt(config.labels),
        "history": excerpt((step.created_by, "yes" if step.is_empty else "") for step in config.history),
    }


def _scan(console: ConsoleRequest, work: UnitOfWork, repository: Repository, found: Image) -> dict[str, Any]:
    scan = scan_of(work, repository, found, console.now, console.services.background.scanner)
    if scan is None:
        return {}
    findings = ((each["severity"], each.get("name", ""), each.get("description", "")) for each in scan.findings)
    return {"scan": scan, "scan_words": scan_words(scan), "findings": excerpt(findings, most=60)}


# --- Forms ---------------------------------------------------------------------------------------------------------


@form("/image/<digest>/<path:name>/scan", back="console.image")
def start_scan(console: ConsoleRequest, digest: str, name: str) -> None:
    """Start a scan of the image."""
    console.call("StartImageScan", console.of_repository(name) | {"imageId": {"imageDigest": digest}})
    say_done("The scan has started.")


@form("/image/<digest>/<path:name>/tags", back="console.image")
def add_tag(console: ConsoleRequest, digest: str, name: str) -> ResponseReturnValue:
    """Add a tag to the image, or move it here from another image."""
    tag = request.form.get("tag", "").strip()
    console.require("ecr:BatchGetImage", name)
    with console.services.store.reading() as work:
        repository = work.repositories.get(console.registry, name)
        stored = work.images.manifest(find_image(work, repository, digest))
    members = {"imageManifest": stored.raw.decode(), "imageManifestMediaType": stored.media_type, "imageTag": tag}
    console.call("PutImage", console.of_repository(name) | members)
    say_done(f"The tag {tag} points at this image.")
    return redirect(url_for("console.image", digest=digest, name=name, tag=tag), 303)


@form("/image/<digest>/<path:name>/delete", back="console.image")
def delete_image(console: ConsoleRequest, digest: str, name: str) -> ResponseReturnValue | None:
    """Remove a tag from the image, or the image with all its tags."""
    tag = request.form.get("tag")
    _delete(console, name, {"imageTag": tag} if tag else {"imageDigest": digest})
    with console.services.store.reading() as work:
        is_left = work.images.find(work.repositories.get(console.registry, name), digest) is not None
    say_done(f"The tag {tag} was removed." if tag else "The image was deleted.")
    return None if is_left else redirect(url_for("console.images", name=name), 303)


@form("/image/<digest>/<path:name>/storage-class", back="console.image")
def change_storage_class(console: ConsoleRequest, digest: str, name: str) -> None:
    """Archive the image, or restore it."""
    target = request.form.get("storage_class", "")
    members = {"imageId": {"imageDigest": digest}, "targetStorageClass": target}
    answer = console.call("UpdateImageStorageClass", console.of_repository(name) | members)
    say_done(f"The image is {answer['imageStatus'].lower()} now.")


def _delete(console: ConsoleRequest, name: str, image_id: dict[str, str]) -> None:
    answer = console.call("BatchDeleteImage", console.of_repository(name) | {"imageIds": [image_id]})
    for failure in answer["failures"]:
        raise FormRefused(failure["failureReason"])
