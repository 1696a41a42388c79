"""``ecr-emulator findings``: the findings of the scan of an image."""

from __future__ import annotations

from typing import Any

import click

from ecr_emulator.cli.completed_values import image_names
from ecr_emulator.cli.output import print_json, print_table, with_json
from ecr_emulator.cli.registry_client import image_id, image_meant
from ecr_emulator.cli.running_emulator import RunningEmulator, asks_a_running_emulator

COLUMNS = ("NAME", "SEVERITY", "PACKAGE", "VERSION", "DESCRIPTION")


@click.command()
@asks_a_running_emulator
@click.argument("image", shell_complete=image_names)
@with_json
def findings(emulator: RunningEmulator, image: str, as_json: bool) -> None:
    """List the findings of the last scan of an image.

    The exit code is 1 if the image was never scanned, or if the scan failed.

    \b
    Example: ecr-emulator findings team/web:1.0
    """
    name = image_meant(image)
    found: list[dict[str, Any]] = []
    with emulator.registry_client(name.registry) as client:
        for page in client.pages("DescribeImageScanFindings", repositoryName=name.repository, imageId=image_id(name)):
            known = page.get("imageScanFindings", {})
            found += known.get("findings", []) + known.get("enhancedFindings", [])
    scan = page["imageScanStatus"]
    if as_json:
        print_json({"imageId": page["imageId"], "imageScanStatus": scan, "findings": found})
    elif found:
        print_table(COLUMNS, map(_row, found))
    else:
        click.echo(f"The scan is {scan['status']}: {scan.get('description') or 'no findings'}")
    if scan["status"] == "FAILED":
        raise SystemExit(1)


def _row(finding: dict[str, Any]) -> tuple[str, ...]:
    details = finding.get("packageVulnerabilityDetails")
    if details:
        packages = details["vulnerablePackages"]
        return (
            details["vulnerabilityId"],
            finding["severity"],
            ", ".join(dict.fromkeys(each["name"] for each in packages)),
            ", ".join(dict.fromkeys(each["version"] for each in packages)),
            finding["description"],
        )
    attributes = {each["key"]: each.get("value", "") for each in finding.get("attributes", [])}
    return (
        finding["name"],
        finding["severity"],
        attributes.get("package_name", "-"),
        attributes.get("package_version", "-"),
        finding.get("description") or "-",
    )
