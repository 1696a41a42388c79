"""``ecr-emulator images``: the images of a repository, or of all repositories."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from ecr_emulator.cli.completed_values import repository_names
from ecr_emulator.cli.formatting import ago, size_in_words
from ecr_emulator.cli.output import print_json, print_table, with_json
from ecr_emulator.cli.registry_client import RegistryClient, image_meant
from ecr_emulator.cli.running_emulator import RunningEmulator, asks_a_running_emulator

COLUMNS = ("REPOSITORY", "TAGS", "DIGEST", "TYPE", "SIZE", "PUSHED", "PULLED", "STATUS")


@click.command()
@asks_a_running_emulator
@click.argument("repository", required=False, shell_complete=repository_names)
@with_json
def images(emulator: RunningEmulator, repository: str | None, as_json: bool) -> None:
    """List the images of a repository, or of all repositories, the newest of each first.

    TYPE is index for an image of many platforms, artifact for a signature, a chart and the like. Archived images are
    listed too.

    \b
    Example: ecr-emulator images team/web
    """
    name = image_meant(repository) if repository else None
    if name and (name.tag or name.digest):
        raise click.BadParameter(f"{repository} is an image; ecr-emulator image {repository} shows it")
    with emulator.registry_client(name.registry if name else None) as client:
        found, now = list(_images(client, name.repository if name else None)), client.now()
    if as_json:
        print_json(found)
    elif found:
        print_table(COLUMNS, [_row(image, now) for image in found])
    else:
        place = name.repository if name else f"{client.registry.id}, {client.registry.region}"
        click.echo(f"There are no images in {place}.")


def type_of(image: dict[str, Any]) -> str:
    """Return whether an image, as ``DescribeImages`` has it, is an index, an image or an artifact."""
    if any(kind in image.get("imageManifestMediaType", "") for kind in ("image.index", "manifest.list")):
        return "index"
    kind = image.get("artifactMediaType", "")
    is_image = not kind or "image.config" in kind or "container.image" in kind
    return "image" if is_image else "artifact"


def _images(client: RegistryClient, repository: str | None) -> Iterator[dict[str, Any]]:
    names = [repository] if repository else [each["repositoryName"] for each in client.repositories()]
    for name in names:
        found = client.list_all(
            "DescribeImages", "imageDetails", repositoryName=name, filter={"imageStatus": "ANY"}, maxResults=1000
        )
        yield from sorted(found, key=lambda image: image["imagePushedAt"], reverse=True)


def _row(image: dict[str, Any], now: datetime) -> tuple[str, ...]:
    return (
        image["repositoryName"],
        ", ".join(image.get("imageTags", [])) or "-",
        image["imageDigest"][:19],
        type_of(image),
        size_in_words(image["imageSizeInBytes"]),
        ago(image["imagePushedAt"], now),
        ago(image.get("lastRecordedPullTime"), now),
        image["imageStatus"],
    )
