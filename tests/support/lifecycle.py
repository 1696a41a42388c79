"""Lifecycle policies, and images for them, in the repository ``team/app``."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from tests.support.clock import FrozenClock
from tests.support.images import an_image, put_image

NAME = "team/app"
DAY = timedelta(days=1)
EXPIRE = {"type": "expire"}
TRANSITION = {"type": "transition", "targetStorageClass": "archive"}


def keep(number: int = 1, priority: int = 1, action: dict[str, str] = EXPIRE, **selection: Any) -> dict[str, Any]:
    """Return a rule for all but a number of the newest images."""
    count = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": number}
    return {"rulePriority": priority, "selection": count | selection, "action": action}


def after(
    days: int, since: str = "Pushed", priority: int = 1, action: dict[str, str] = EXPIRE, **selection: Any
) -> dict[str, Any]:
    """Return a rule for images of an age in days, counted from ``sinceImage{since}``."""
    age = {"tagStatus": "any", "countType": f"sinceImage{since}", "countUnit": "days", "countNumber": days}
    return {"rulePriority": priority, "selection": age | selection, "action": action}


def policy(*rules: dict[str, Any]) -> str:
    """Return the text of a policy, of ``keep()`` unless there are rules."""
    return json.dumps({"rules": rules or [keep()]}, indent=2)


def compact(text: str) -> str:
    """Return a JSON text without spaces."""
    return json.dumps(json.loads(text), separators=(",", ":"))


def put(ecr: Any, *rules: dict[str, Any]) -> Any:
    """Put a policy."""
    return ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=policy(*rules))


def push(ecr: Any, clock: FrozenClock, number: int, *tags: str) -> str:
    """Push an image under some tags, an hour after the last event, and return its digest."""
    clock.advance(timedelta(hours=1))
    return {put_image(ecr, NAME, an_image(number), tag) for tag in tags or (None,)}.pop()


def digests(ecr: Any, **wanted: str) -> set[str]:
    """Return the digests of the images that match a filter, archived ones included."""
    answer = ecr.list_images(repositoryName=NAME, filter={"imageStatus": "ANY"} | wanted)
    return {image["imageDigest"] for image in answer["imageIds"]}


def preview(ecr: Any, *rules: dict[str, Any], **request: Any) -> Any:
    """Start a preview of rules, or of the repository's policy without any, and return its results."""
    text = {"lifecyclePolicyText": policy(*rules)} if rules else {}
    ecr.start_lifecycle_policy_preview(repositoryName=NAME, **text)
    return ecr.get_lifecycle_policy_preview(repositoryName=NAME, **request)


def previewed(answer: Any) -> list[str]:
    """Return the digests of a preview's results, in order."""
    return [result["imageDigest"] for result in answer["previewResults"]]
