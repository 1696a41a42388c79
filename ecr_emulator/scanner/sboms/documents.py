"""SBOMs in JSON: SPDX 2 and CycloneDX.

https://spdx.github.io/spdx-spec/v2.3/
https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ecr_emulator.domain.packages import Distribution, ImageContents
from ecr_emulator.ports.image_contents import UnreadableImage
from ecr_emulator.scanner.packages.files import object_of, objects_of, text_of
from ecr_emulator.scanner.sboms.package_urls import read_package_url

_MAX_DEPTH = 50
"""Maximum depth of components within components."""
_SYSTEM = ("OPERATING-SYSTEM", "OPERATING_SYSTEM", "operating-system")


def read_sbom(text: bytes, name: str) -> ImageContents:
    """Return the packages of an SBOM. Raises ``UnreadableImage`` for another document.

    The distribution is the operating system that the SBOM lists, or else the one that a package names.
    """
    try:
        document = object_of(json.loads(text))
    except (ValueError, RecursionError) as failure:
        raise UnreadableImage(f"{name} is no JSON document: {failure}") from failure
    if text_of(document.get("spdxVersion")).startswith("SPDX-2"):
        components = objects_of(document.get("packages"))
    elif document.get("bomFormat") == "CycloneDX":
        components = list(_components(document, 0))
    else:
        raise UnreadableImage(f"{name} is neither SPDX 2 nor CycloneDX.")
    named = [found for each in components for url in _urls(each) if (found := read_package_url(url, name))]
    systems = [
        Distribution(text_of(each.get("name")).lower(), _version(each)) for each in components if _is_system(each)
    ]
    systems += [each.distribution for each in named if each.distribution]
    packages = tuple(dict.fromkeys(each.package for each in named))
    return ImageContents(systems[0] if systems else None, packages, source=name)


def _components(parent: dict[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    for component in objects_of(parent.get("components")):
        yield component
        if depth < _MAX_DEPTH:
            yield from _components(component, depth + 1)


def _urls(component: dict[str, Any]) -> list[str]:
    references = objects_of(component.get("externalRefs"))
    urls = [text_of(each.get("referenceLocator")) for each in references if each.get("referenceType") == "purl"]
    return [*urls, text_of(component.get("purl"))]


def _is_system(component: dict[str, Any]) -> bool:
    return component.get("type") in _SYSTEM or component.get("primaryPackagePurpose") in _SYSTEM


def _version(component: dict[str, Any]) -> str:
    return text_of(component.get("version")) or text_of(component.get("versionInfo"))
