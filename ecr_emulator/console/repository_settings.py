"""The settings of a repository: tag mutability, scans, resource tags, and its deletion."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from ecr_emulator.console.excerpts import excerpt
from ecr_emulator.console.forms import say_done
from ecr_emulator.console.pages import ConsoleRequest, FormRefused, form, page
from ecr_emulator.console.tabs import TABS
from ecr_emulator.domain.encryption_keys import key_arn_of
from ecr_emulator.services.scanning_configuration import coverage, scanning_configuration

MUTABILITIES = ("MUTABLE", "IMMUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION")


@page("/settings/<path:name>")
def repository_settings(console: ConsoleRequest, name: str) -> ResponseReturnValue:
    """Show the settings."""
    console.require("ecr:DescribeRepositories", name)
    with console.services.store.reading() as work:
        repository = work.repositories.get(console.registry, name)
        configuration, covered = scanning_configuration(work, console.registry), coverage(work, repository)
        count = work.images.count(repository)
    refusal_of_tags = console.refusal("ecr:ListTagsForResource", name)
    return console.render(
        "repository_settings.html",
        repository=repository,
        tabs=TABS,
        uri=console.uri_of(name),
        count=count,
        mutabilities=MUTABILITIES,
        scan_type=configuration["scanType"],
        scan_frequency=covered.frequency,
        key=key_arn_of(repository.encryption, repository.registry),
        refusal_of_tags=refusal_of_tags,
        resource_tags=excerpt(() if refusal_of_tags else sorted(repository.resource_tags.items())),
    )


@form("/settings/<path:name>/mutability", back="console.repository_settings")
def change_mutability(console: ConsoleRequest, name: str) -> None:
    """Change the tag mutability, and the filters of the tags that are excluded from it."""
    mode = request.form.get("mutability", "")
    filters = [{"filterType": "WILDCARD", "filter": each} for each in request.form.get("filters", "").split()]
    members: dict[str, Any] = console.of_repository(name) | {"imageTagMutability": mode}
    if mode.endswith("_WITH_EXCLUSION"):
        members["imageTagMutabilityExclusionFilters"] = filters
    elif filters:
        raise FormRefused(f"{mode} takes no filters. Choose {mode}_WITH_EXCLUSION, or remove the filters.")
    console.call("PutImageTagMutability", members)
    say_done(f"The tag mutability is {mode} now.")


@form("/settings/<path:name>/scanning", back="console.repository_settings")
def change_scanning(console: ConsoleRequest, name: str) -> None:
    """Set whether a push starts a scan."""
    scans = "scan_on_push" in request.form
    members = {"imageScanningConfiguration": {"scanOnPush": scans}}
    console.call("PutImageScanningConfiguration", console.of_repository(name) | members)
    say_done("Each push starts a scan now." if scans else "Pushes start no scans now.")


@form("/settings/<path:name>/tags", back="console.repository_settings")
def change_resource_tags(console: ConsoleRequest, name: str) -> None:
    """Set a resource tag, or remove one."""
    arn, key = console.registry.arn(name), request.form.get("key", "")
    if "remove" in request.form:
        console.call("UntagResource", {"resourceArn": arn, "tagKeys": [key]})
        say_done(f"The resource tag {key} was removed.")
    else:
        value = request.form.get("value", "")
        console.call("TagResource", {"resourceArn": arn, "tags": [{"Key": key, "Value": value}]})
        say_done(f"The resource tag {key} was set.")


@form("/settings/<path:name>/delete", back="console.repository_settings")
def delete_repository(console: ConsoleRequest, name: str) -> ResponseReturnValue:
    """Delete the repository with all its images, if its name was typed."""
    if request.form.get("typed_name") != name:
        raise FormRefused(f"The repository was not deleted. To delete it, type its name: {name}")
    console.call("DeleteRepository", console.of_repository(name) | {"force": "force" in request.form})
    say_done(f"The repository {name} was deleted.")
    return redirect(url_for("console.repositories"), 303)
