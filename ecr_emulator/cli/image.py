"""``ecr-emulator image``: everything about one image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import click

from ecr_emulator.cli.completed_values import image_names
from ecr_emulator.cli.formatting import ago, size_in_words
from ecr_emulator.cli.images import type_of
from ecr_emulator.cli.output import aligned, print_facts, print_json, with_json
from ecr_emulator.cli.registry_client import RegistryClient, image_id, image_meant
from ecr_emulator.cli.running_emulator import RunningEmulator, asks_a_running_emulator


@click.command()
@asks_a_running_emulator
@click.argument("image", shell_complete=image_names)
@with_json
def image(emulator: RunningEmulator, image: str, as_json: bool) -> None:
    """Show an image: its tags, size and dates, the images and layers in it, and what refers to it.

    IMAGE is written as for docker pull, with or without the emulator's address. Without a tag it is latest.

    \b
    Example: ecr-emulator image team/web:1.0
    """
    name = image_meant(image)
    with emulator.registry_client(name.registry) as client:
        shown, now = _everything(client, name.repository, image_id(name)), client.now()
    if as_json:
        print_json(shown)
    else:
        _print(shown, now)


def _everything(client: RegistryClient, repository: str, wanted: dict[str, str]) -> dict[str, Any]:
    (detail,) = client.call("DescribeImages", repositoryName=repository, imageIds=[wanted])["imageDetails"]
    (described,) = client.call("DescribeRepositories", repositoryNames=[repository])["repositories"]
    digest = detail["imageDigest"]
    (manifest,) = _manifests(client, repository, [digest]).values()
    listed = [child["digest"] for child in manifest.get("manifests", [])]
    subject = {"imageDigest": digest}
    found: dict[str, Any] = detail | {
        "repositoryUri": described["repositoryUri"],
        "scan": _scan(client, repository, digest),
        "manifest": manifest,
        "listedManifests": _manifests(client, repository, listed),
        "referrers": list(
            client.list_all("ListImageReferrers", "referrers", repositoryName=repository, subjectId=subject)
        ),
    }
    return found


def _scan(client: RegistryClient, repository: str, digest: str) -> dict[str, Any] | None:
    """Return the state of the last scan and the number of findings by severity; None if there was no scan."""
    from ecr_emulator.seeds.client import CallRefused

    wanted = {"imageDigest": digest}
    try:
        answer = client.call("DescribeImageScanFindings", repositoryName=repository, imageId=wanted, maxResults=1)
    except CallRefused as refused:
        if refused.code == "ScanNotFoundException":
            return None
        raise
    counts = answer.get("imageScanFindings", {}).get("findingSeverityCounts", {})
    return {**answer["imageScanStatus"], "findingSeverityCounts": counts}


def _scan_words(scan: dict[str, Any] | None) -> str:
    if scan is None:
        return "-"
    counts = ", ".join(f"{number} {severity}" for severity, number in scan["findingSeverityCounts"].items())
    return f"{scan['status']} ({counts})" if counts else scan["status"]


def _manifests(client: RegistryClient, repository: str, digests: list[str]) -> dict[str, dict[str, Any]]:
    """Return manifests by digest; those that are not stored are left out. ECR would count a call as a pull."""
    from ecr_emulator.seeds.client import CallRefused

    query = urlencode({"repository": repository, "account": client.registry.id, "region": client.registry.region})
    found = {}
    for digest in digests:
        with suppress(CallRefused):
            found[digest] = json.loads(client.client.get(f"/_ecr/manifests/{digest}?{query}")["manifest"])
    return found


def _print(image: dict[str, Any], now: datetime) -> None:
    uri = f"{image['repositoryUri']}@{image['imageDigest']}"
    print_facts(
        [
            ("repository", image["repositoryName"]),
            ("digest", image["imageDigest"]),
            ("tags", ", ".join(image.get("imageTags", [])) or "-"),
            ("type", f"{type_of(image)}, {image['imageManifestMediaType']}"),
            ("size", size_in_words(image["imageSizeInBytes"])),
            ("pushed", f"{image['imagePushedAt']}, {ago(image['imagePushedAt'], now)}"),
            ("pulled", ago(image.get("lastRecordedPullTime"), now)),
            ("scan", _scan_words(image["scan"])),
            ("status", image["imageStatus"]),
            ("pull", f"docker pull {uri}"),
        ]
    )
    _print_tree("contents", list(_contents(image)))
    _print_tree("referrers", [_referrer(each) for each in image["referrers"]])


def _print_tree(title: str, rows: list[tuple[str, str, str]]) -> None:
    if rows:
        click.secho(title, bold=True)
        for line in aligned(rows):
            click.echo(f"  {line}")


def _contents(image: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the images of an index with their blobs, or the blobs of an image."""
    if "manifests" not in image["manifest"]:
        yield from _blobs(image["manifest"])
    for child in image["manifest"].get("manifests", []):
        stored = image["listedManifests"].get(child["digest"])
        yield _platform(child), child["digest"], size_in_words(child["size"]) if stored else "not stored"
        for kind, digest, size in _blobs(stored or {}):
            yield f"  {kind}", digest, size


def _blobs(manifest: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for kind, blobs in (("config", [manifest.get("config")]), ("layer", manifest.get("layers", []))):
        for blob in filter(None, blobs):
            yield kind, blob["digest"], size_in_words(blob["size"])


def _platform(child: dict[str, Any]) -> str:
    platform = child.get("platform", {})
    parts = [platform.get(part) for part in ("os", "architecture", "variant")]
    return "/".join(filter(None, parts)) or child.get("artifactType") or "image"


def _referrer(referrer: dict[str, Any]) -> tuple[str, str, str]:
    return referrer.get("artifactType") or referrer["mediaType"], referrer["digest"], size_in_words(referrer["size"])
