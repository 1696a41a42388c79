"""Repositories and images in seeds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ecr_emulator.domain.durations import parse_duration
from ecr_emulator.domain.names import Registry
from ecr_emulator.seeds.client import EmulatorClient
from ecr_emulator.seeds.contents import read_image
from ecr_emulator.seeds.images import ImageContents, synthetic_referrer
from ecr_emulator.seeds.registries import Outcome, as_text, find_or_none, has_all, repository_settings, tag_list

POLICIES = {
    "policy": ("GetRepositoryPolicy", "SetRepositoryPolicy", "policyText"),
    "lifecycle_policy": ("GetLifecyclePolicy", "PutLifecyclePolicy", "lifecyclePolicyText"),
}


def ensure_repository(client: EmulatorClient, registry: Registry, entry: Mapping[str, Any]) -> Outcome:
    """Create a repository, or change the settings that differ.

    Raises ``CallRefused``, and ``ValueError`` for a change that ECR does not allow.
    """
    name = {"repositoryName": entry["name"]}
    settings = repository_settings(client, registry, entry)
    if "scan_on_push" in entry:
        settings["imageScanningConfiguration"] = {"scanOnPush": entry["scan_on_push"]}
    found = find_or_none(client, registry, "DescribeRepositories", repositoryNames=[entry["name"]])
    if found is None:
        tags: dict[str, Any] = {"tags": tag_list(entry["tags"])} if "tags" in entry else {}
        client.call(registry, "CreateRepository", **name, **settings, **tags)
    current = found["repositories"][0] if found else settings
    changes = [_change_settings(client, registry, name, current, settings)]
    if found and "tags" in entry:
        changes.append(_change_tags(client, registry, current["repositoryArn"], entry["tags"]))
    changes += [_change_policy(client, registry, name, key, entry[key]) for key in POLICIES if key in entry]
    if found is None:
        return Outcome.CREATED
    return Outcome.CHANGED if any(changes) else Outcome.UNCHANGED


def ensure_image(
    client: EmulatorClient, registry: Registry, repository: str, entry: Mapping[str, Any], place: tuple[Path, int]
) -> Outcome:
    """Push an image and what refers to it, unless the repository has them under all tags, date it, and archive it.

    ``place`` is the folder of the seed, and the image's number among those of the repository. The dates of an image
    that is there already stay. Raises ``CallRefused``, and ``ValueError`` and ``OSError`` for files that are no image.
    """
    folder, number = place
    tags = tuple(entry.get("tags", ()))
    image = read_image(entry, folder, f"{repository}:{tags[0] if tags else number}")
    found = _find_image(client, registry, repository, image)
    missing = set(tags) - set(found.get("imageTags", ())) if found else set(tags)
    if not found or missing:
        client.push(registry, repository, image, tuple(tag for tag in tags if tag in missing))
    dates = {key: _instant(client, entry[key]) for key in ("pushed_at", "pulled_at") if key in entry and not found}
    if dates:
        where = {"account": registry.id, "region": registry.region, "repository": repository}
        for manifest in image.manifests:
            client.post("/_ecr/image-dates", **where, digest=manifest.digest, **dates)
    changes = [
        bool(missing),
        *(_push_referrer(client, registry, repository, image, each) for each in entry.get("referrers", ())),
        "archived" in entry and _archive(client, registry, repository, image, entry["archived"]),
    ]
    if not found:
        return Outcome.CREATED
    return Outcome.CHANGED if any(changes) else Outcome.UNCHANGED


def _find_image(
    client: EmulatorClient, registry: Registry, repository: str, image: ImageContents
) -> dict[str, Any] | None:
    wanted: dict[str, Any] = {"repositoryName": repository, "imageIds": [{"imageDigest": image.digest}]}
    found = find_or_none(client, registry, "DescribeImages", **wanted)
    return found["imageDetails"][0] if found else None


def _push_referrer(
    client: EmulatorClient, registry: Registry, repository: str, image: ImageContents, artifact_type: str
) -> bool:
    referrer = synthetic_referrer(image.top, artifact_type)
    if _find_image(client, registry, repository, referrer):
        return False
    client.push(registry, repository, referrer)
    return True


def _archive(client: EmulatorClient, registry: Registry, repository: str, image: ImageContents, archived: bool) -> bool:
    """Move an image to the archive, or out of it."""
    current = _find_image(client, registry, repository, image) or {}
    if (current.get("imageStatus") == "ARCHIVED") == archived:
        return False
    which: dict[str, Any] = {"repositoryName": repository, "imageId": {"imageDigest": image.digest}}
    client.call(registry, "UpdateImageStorageClass", **which, targetStorageClass="ARCHIVE" if archived else "STANDARD")
    return True


def _change_settings(
    client: EmulatorClient, registry: Registry, name: dict[str, str], current: Any, wanted: dict[str, Any]
) -> bool:
    if not has_all(current, {key: wanted[key] for key in wanted if key == "encryptionConfiguration"}):
        raise ValueError(f"{name['repositoryName']} is encrypted otherwise, which ECR cannot change; delete it first")
    mutability = {key: value for key, value in wanted.items() if key.startswith("imageTagMutability")}
    scanning = {key: value for key, value in wanted.items() if key == "imageScanningConfiguration"}
    changed = False
    for operation, members in (("PutImageTagMutability", mutability), ("PutImageScanningConfiguration", scanning)):
        if members and not has_all(current, members):
            client.call(registry, operation, **name, **members)
            changed = True
    return changed


def _change_tags(client: EmulatorClient, registry: Registry, arn: str, tags: Mapping[str, str]) -> bool:
    current = client.call(registry, "ListTagsForResource", resourceArn=arn)["tags"]
    if {each["Key"]: each["Value"] for each in current}.items() >= tags.items():
        return False
    client.call(registry, "TagResource", resourceArn=arn, tags=tag_list(tags))
    return True


def _change_policy(client: EmulatorClient, registry: Registry, name: dict[str, str], key: str, policy: Any) -> bool:
    get, put, member = POLICIES[key]
    text = as_text(policy)
    current = find_or_none(client, registry, get, **name)
    if current and has_all(current[member], text):
        return False
    client.call(registry, put, **name, **{member: text})
    return True


def _instant(client: EmulatorClient, when: str) -> str:
    """Return an instant; an age like ``30d`` is so long before the emulator's time."""
    if when[:1].isdigit() and "-" not in when:
        now = datetime.fromisoformat(client.get("/_ecr/clock")["now"])
        try:
            return (now - parse_duration(when)).isoformat()
        except OverflowError:
            raise ValueError(f"{when} is before the beginning of time") from None
    instant = datetime.fromisoformat(when)
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).isoformat()
