"""``ecr-emulator images``: the images of a repository, or of all repositories."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import urlencode

import click

from ecr_emulator.cli.completed_values import repository_names
from ecr_emulator.cli.formatting import ago, short_digest, size_in_words
from ecr_emulator.cli.output import print_listing, with_json
from ecr_emulator.cli.registry_client import RegistryClient, image_meant
from ecr_emulator.cli.running_emulator import RunningEmulator, asks_a_running_emulator

COLUMNS = ("REPOSITORY", "TAGS", "DIGEST", "TYPE", "SIZE", "PUSHED", "PULLED", "STATUS")
PAGE = 1000
"""Maximum number of images in an answer of the emulator."""


@click.command()
@asks_a_running_emulator
@click.argument("repository", required=False, shell_complete=repository_names)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="List at most N images of each repository.")
@with_json
def images(emulator: RunningEmulator, repository: str | None, limit: int | None, as_json: bool) -> None:
    """List the images of a repository, or of all repositories, the newest of each first.

    TYPE is index for an image of many platforms, artifact for a signature, a chart and the like. Archived images are
    listed too.

    \b
    Example: ecr-emulator images team/web --limit 20
    """
    name = image_meant(repository) if repository else None
    if name and (name.tag or name.digest):
        raise click.BadParameter(f"{repository} is an image; ecr-emulator image {repository} shows it")
    with emulator.registry_client(name.registry if name else None) as client:
        registry, now = client.registry, client.now()
    place = name.repository if name else f"{registry.id}, {registry.region}"
    print_listing(
        emulator.listed(registry, lambda client: _images(client, name.repository if name else None, limit)),
        COLUMNS,
        lambda image: _row(image, now),
        as_json=as_json,
        nothing=f"There are no images in {place}.",
    )


def type_of(image: dict[str, Any]) -> str:
    """Return whether an image, as ``DescribeImages`` has it, is an index, an image or an artifact."""
    if any(kind in image.get("imageManifestMediaType", "") for kind in ("image.index", "manifest.list")):
        return "index"
    kind = image.get("artifactMediaType", "")
    is_image = not kind or "image.config" in kind or "container.image" in kind
    return "image" if is_image else "artifact"


def _images(client: RegistryClient, repository: str | None, limit: int | None) -> Iterator[dict[str, Any]]:
    """Yield the images of one repository after the other, as ``/_ecr/images`` has them."""
    named = {"repositoryNames": [repository]}
    found = client.list_all("DescribeRepositories", "repositories", **named) if repository else client.repositories()
    for each in found:
        yield from islice(_newest_first(client, each["repositoryName"], limit or PAGE), limit)


def _newest_first(client: RegistryClient, repository: str, limit: int) -> Iterator[dict[str, Any]]:
    """Yield the images of a repository, of which at most ``limit`` are wanted at a time."""
    place = {"repository": repository, "account": client.registry.id, "region": client.registry.region}
    after: dict[str, str] = {}
    while True:
        page = client.client.get(f"/_ecr/images?{urlencode(place | {'limit': str(min(limit, PAGE))} | after)}")
        yield from page["images"]
        if page["next"] is None:
            return
        after = {"after": page["next"]}


def _row(image: dict[str, Any], now: datetime) -> tuple[str, ...]:
    return (
        image["repositoryName"],
        ", ".join(image.get("imageTags", [])) or "-",
        short_digest(image["imageDigest"]),
        type_of(image),
        size_in_words(image["imageSizeInBytes"]),
        ago(image["imagePushedAt"], now),
        ago(image.get("lastRecordedPullTime"), now),
        image["imageStatus"],
    )
