"""Pushes of synthetic images through the registry."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from ecr_emulator.domain.image_names import parse_image_name
from ecr_emulator.domain.names import Registry, is_tag
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.seeds.client import CallRefused, EmulatorClient
from ecr_emulator.seeds.images import ImageContents, synthetic_referrer

_MEDIA_TYPE = re.compile(r"[a-zA-Z0-9][\w!#$&^.+-]{0,126}/[a-zA-Z0-9][\w!#$&^.+-]{0,126}", re.ASCII)
"""The form of media types, and so of artifact types: https://www.rfc-editor.org/rfc/rfc6838#section-4.2"""


@dataclass(frozen=True, slots=True)
class PushedImage:
    """An image in a repository. ``platforms`` and ``referrers`` have digests, by platform and by artifact type."""

    repository: str
    tag: str | None
    digest: str
    platforms: Mapping[str, str]
    referrers: Mapping[str, str]

    @property
    def reference(self) -> str:
        """The image by its digest, for ``pull``: ``team/app@sha256:…``."""
        return f"{self.repository}@{self.digest}"


def push_image(
    client: EmulatorClient,
    registry: Registry,
    name: tuple[str, str | None],
    image: ImageContents,
    referrers: Sequence[str],
) -> PushedImage:
    """Push an image and artifacts that refer to it. ``name`` is a repository, also as a URI, and a tag or None.

    Creates the repository if there is none. Raises ``ValueError`` for a wrong name or artifact type, and
    ``CallRefused``.
    """
    _check_artifact_types(referrers)
    text, tag = name
    named = parse_image_name(text)
    if named.tag or named.digest:
        raise ValueError(f"{text!r} is more than a repository; the tag is an argument of its own")
    if tag is not None and not (isinstance(tag, str) and is_tag(tag)):
        raise ValueError(
            f"a tag is up to 128 letters, digits and _ . - and does not begin with . or -; {tag!r} is none"
        )
    target = _Target(client, named.registry or registry, named.repository)
    target.push(image, tag)
    artifacts = {each: synthetic_referrer(image.top, each) for each in referrers}
    for artifact in artifacts.values():
        target.push(artifact, None)
    digests = {artifact_type: artifact.digest for artifact_type, artifact in artifacts.items()}
    return PushedImage(named.repository, tag, image.digest, _platforms(image), digests)


def _check_artifact_types(referrers: Sequence[str]) -> None:
    if isinstance(referrers, str):
        raise ValueError(f"referrers is a list of artifact types, like [{referrers!r}]")
    for each in referrers:
        if not isinstance(each, str) or not _MEDIA_TYPE.fullmatch(each):
            raise ValueError(f"the artifact type of a referrer is like application/spdx+json, not {each!r}")


@dataclass(frozen=True, slots=True)
class _Target:
    """A repository to push to."""

    client: EmulatorClient
    registry: Registry
    repository: str

    def push(self, image: ImageContents, tag: str | None) -> None:
        try:
            self._push(image, tag)
        except CallRefused as refused:
            if refused.code != "NAME_UNKNOWN":
                raise
            self.client.call(self.registry, "CreateRepository", repositoryName=self.repository)
            self._push(image, tag)

    def _push(self, image: ImageContents, tag: str | None) -> None:
        self.client.push(self.registry, self.repository, image, (tag,) if tag else ())


def _platforms(image: ImageContents) -> dict[str, str]:
    """Return the digests by platform, as the index or the config names it."""
    index = json.loads(image.top.raw)
    if "manifests" in index:
        return {_name(child["platform"]): child["digest"] for child in index["manifests"]}
    with image.blobs[0].open() as config:
        return {_name(json.load(config)): image.digest}


def _name(platform: Mapping[str, str]) -> str:
    return "/".join(platform[key] for key in ("os", "architecture", "variant") if key in platform)
