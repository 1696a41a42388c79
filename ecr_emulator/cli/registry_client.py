"""Calls of ECR's operations in one registry of a running emulator."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from ecr_emulator.domain.image_names import ImageName, parse_image_name
from ecr_emulator.domain.names import Registry

if TYPE_CHECKING:
    from ecr_emulator.seeds.client import CallRefused, EmulatorClient

_TIME = re.compile(r"(At|Time)$")
"""The end of the names of members with timestamps, which the API gives in seconds since 1970."""


class RegistryClient:
    """Calls operations of ECR in a registry, as its root user. Timestamps in answers are texts in ISO format.

    Methods raise ``CallRefused`` for a refusal, or ``ClickException`` if they know what the user may have meant.
    """

    def __init__(self, client: EmulatorClient, registry: Registry) -> None:
        self.client = client
        self.registry = registry

    def now(self) -> datetime:
        """Return the emulator's time."""
        return datetime.fromisoformat(self.client.get("/_ecr/clock")["now"])

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation."""
        from ecr_emulator.seeds.client import CallRefused

        try:
            answer: dict[str, Any] = _with_iso_times(self.client.call(self.registry, operation, **parameters))
        except CallRefused as refused:
            near = self._suggestion(refused, parameters)
            if near is None:
                raise
            raise click.ClickException(f"{refused}. {near}") from None
        return answer

    def pages(self, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Yield all pages of the answer of an operation."""
        token: dict[str, str] = {}
        while True:
            page = self.call(operation, **parameters, **token)
            yield page
            if not page.get("nextToken"):
                return
            token = {"nextToken": page["nextToken"]}

    def list_all(self, operation: str, member: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Yield the elements of a list in all pages of the answer of an operation."""
        for page in self.pages(operation, **parameters):
            yield from page[member]

    def repositories(self) -> Iterator[dict[str, Any]]:
        """Yield the repositories, by name."""
        yield from self.list_all("DescribeRepositories", "repositories", maxResults=1000)

    def tags(self, repository: str) -> Iterator[str]:
        """Yield the tags of a repository."""
        tagged = {"tagStatus": "TAGGED"}
        found = self.list_all("ListImages", "imageIds", repositoryName=repository, filter=tagged, maxResults=1000)
        return (each["imageTag"] for each in found)

    def _suggestion(self, refused: CallRefused, parameters: Mapping[str, Any]) -> str | None:
        """Return a sentence about repositories or tags with names like the unknown one; None if there are none."""
        if refused.code == "RepositoryNotFoundException":
            unknown = parameters.get("repositoryName") or parameters["repositoryNames"][0]
            names = [each["repositoryName"] for each in self.repositories()]
            if not names:
                return f"There are no repositories at all in {self.registry.id}, {self.registry.region}."
            return did_you_mean(unknown, names)
        tag = _tag_in(parameters)
        if refused.code == "ImageNotFoundException" and tag:
            return did_you_mean(tag, self.tags(parameters["repositoryName"]))
        return None


def did_you_mean(unknown: str, names: Iterable[str]) -> str | None:
    """Return the question whether one of the near names was meant; None if none is near."""
    close = get_close_matches(unknown, list(names), n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(close)}?" if close else None


def image_meant(text: str) -> ImageName:
    """Parse the name of an image that a user gave. Raises ``BadParameter`` with a sentence."""
    try:
        return parse_image_name(text)
    except ValueError as wrong:
        raise click.BadParameter(f"{wrong}.") from None


def image_id(image: ImageName) -> dict[str, str]:
    """Return the identifier of an image in ECR's API. The default tag is ``latest``, as in docker."""
    if image.digest:
        return {"imageDigest": image.digest}
    return {"imageTag": image.tag or "latest"}


def _tag_in(parameters: Mapping[str, Any]) -> str | None:
    ids = parameters.get("imageIds") or [parameters.get("imageId") or {}]
    tag: str | None = ids[0].get("imageTag")
    return tag


def _with_iso_times(document: Any, name: str = "") -> Any:
    """Return a document whose timestamps are texts."""
    match document:
        case dict():
            return {key: _with_iso_times(value, key) for key, value in document.items()}
        case list():
            return [_with_iso_times(each) for each in document]
        case int() | float() if _TIME.search(name):
            return datetime.fromtimestamp(document, UTC).isoformat()
    return document
