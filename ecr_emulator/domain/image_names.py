"""Image names as users write them: with or without the registry's host, with a tag, a digest, both or neither."""

from __future__ import annotations

import re
from typing import NamedTuple

from ecr_emulator.domain.addresses import registry_of_host, split_path_style
from ecr_emulator.domain.names import TAG_PATTERN, Registry, is_digest, is_repository_name

_HOST = re.compile(r"localhost|[^/]+\.localhost|[^/]+:\d+")


class ImageName(NamedTuple):
    """The parts of an image name. ``registry`` is None if the name has no registry."""

    registry: Registry | None
    repository: str
    tag: str | None
    digest: str | None


def parse_image_name(text: str) -> ImageName:
    """Parse names like ``docker-hub/library/nginx:1.27`` and ``localhost:4566/…@sha256:…``.

    A repository name may begin with a part that has a dot. So the first part is a host only if it has a port, is
    ``localhost`` or a name below it, or is one of ECR's names. Raises ``ValueError`` with a sentence for users.
    """
    if "://" in text:
        raise ValueError(f"{text!r} is a URL; an image is written without {text.partition('://')[0]}://")
    rest, _, digest = text.partition("@")
    host, _, path = rest.partition("/")
    registry = registry_of_host(host)
    if path and (registry or _HOST.fullmatch(host)):
        rest = path
    registry, rest = (registry, rest) if registry else (split_path_style(rest) or (None, rest))
    name, colon, tag = rest.partition(":")
    if not is_repository_name(name):
        raise ValueError(f"{name!r} is not a repository name; an image is written like docker-hub/library/nginx:1.27")
    if colon and not TAG_PATTERN.fullmatch(tag):
        raise ValueError(f"{tag!r} is not a tag")
    if digest and not is_digest(digest):
        raise ValueError(f"{digest!r} is not a digest, which is sha256: and 64 hexadecimal digits")
    return ImageName(registry, name, tag or None, digest or None)
