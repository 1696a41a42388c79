"""``ecr-emulator lifecycle``: evaluate lifecycle policies now, or preview one."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ecr_emulator.cli.completed_values import repository_names
from ecr_emulator.cli.formatting import ago, short_digest
from ecr_emulator.cli.output import print_json, print_table, with_json
from ecr_emulator.cli.registry_client import RegistryClient, image_meant
from ecr_emulator.cli.running_emulator import RunningEmulator, asks_a_running_emulator

COLUMNS = ("RULE", "ACTION", "TAGS", "DIGEST", "PUSHED")
PREVIEW_SECONDS, POLL_SECONDS = 60.0, 0.2


@click.command()
@asks_a_running_emulator
@click.argument("action", required=False, metavar="[preview]", type=click.Choice(["preview"]))
@click.argument("repository", required=False, shell_complete=repository_names)
@click.option("--policy", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Preview this policy.")
@with_json
def lifecycle(
    emulator: RunningEmulator, action: str | None, repository: str | None, policy: Path | None, as_json: bool
) -> None:
    """Evaluate all lifecycle policies now, or preview the policy of a repository.

    Without arguments, the emulator does now what it does once a day: it expires and archives images. "preview
    REPOSITORY" lists the images that the policy of the repository, or a policy in a file, would act on.

    \b
    Example: ecr-emulator lifecycle preview team/web --policy policy.json
    """
    if action is None:
        if policy:
            raise click.UsageError("--policy is for: lifecycle preview REPOSITORY")
        answer = emulator.send("/_ecr/lifecycle", {})
        _tell(answer, as_json)
        return
    if repository is None:
        raise click.UsageError("preview needs a repository, like: lifecycle preview team/web")
    text = {"lifecyclePolicyText": policy.read_text(encoding="utf-8")} if policy else {}
    name = image_meant(repository)
    with emulator.registry_client(name.registry) as client:
        preview, now = _preview(client, name.repository, text), client.now()
    if as_json:
        print_json(preview)
    elif preview["previewResults"]:
        print_table(COLUMNS, [_row(result, now) for result in preview["previewResults"]])
    else:
        click.echo(f"The policy would act on no image of {name.repository}.")


def _tell(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    number = answer["evaluated"]
    click.echo(f"{number} lifecycle {'policy' if number == 1 else 'policies'} evaluated.")


def _preview(client: RegistryClient, repository: str, text: dict[str, str]) -> dict[str, Any]:
    """Return a complete preview with the results of all pages."""
    client.call("StartLifecyclePolicyPreview", repositoryName=repository, **text)
    end = time.monotonic() + PREVIEW_SECONDS
    while client.call("GetLifecyclePolicyPreview", repositoryName=repository)["status"] != "COMPLETE":
        if time.monotonic() > end:
            raise click.ClickException(
                f"The preview of {repository} is still in progress. Does the clock stand still? Move it: "
                "ecr-emulator clock advance 1h"
            )
        time.sleep(POLL_SECONDS)
    pages = list(client.pages("GetLifecyclePolicyPreview", repositoryName=repository))
    return pages[0] | {"previewResults": [result for page in pages for result in page["previewResults"]]}


def _row(result: dict[str, Any], now: datetime) -> tuple[str, ...]:
    return (
        str(result["appliedRulePriority"]),
        " to ".join(filter(None, [result["action"]["type"], result["action"].get("targetStorageClass")])),
        ", ".join(result.get("imageTags") or []) or "-",
        short_digest(result["imageDigest"]),
        ago(result["imagePushedAt"], now),
    )
