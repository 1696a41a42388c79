"""Lifecycle policies and their previews."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ecr_emulator.control.handlers import operation
from ecr_emulator.control.image_ids import read_image_ids
from ecr_emulator.control.pages import Page, check_no_paging
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.domain.image import ImageId
from ecr_emulator.domain.lifecycle_policy import read_lifecycle_policy
from ecr_emulator.domain.lifecycle_preview import IN_PROGRESS, LifecyclePreview
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import (
    LifecyclePolicyNotFoundException,
    LifecyclePolicyPreviewInProgressException,
    LifecyclePolicyPreviewNotFoundException,
)
from ecr_emulator.services.lifecycle import cancel_evaluation, schedule_evaluation, schedule_preview

NEVER = datetime.fromtimestamp(0, UTC)
"""The time that answers contain for a policy that has not been evaluated yet."""
POSITION_DIGITS = 10
"""Digits of a result's position in its preview, as a sort key."""


@operation
def put_lifecycle_policy(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutLifecyclePolicy.html

    The policy is first evaluated 24 hours from now. A policy that replaces another one is evaluated when the other one
    would have been.
    """
    with request.services.store.writing() as work:
        repository = work.repositories.get(request.registry, members["repositoryName"])
        policy = read_lifecycle_policy(members["lifecyclePolicyText"])
        work.repositories.save(replace(repository, lifecycle_policy=policy.text, lifecycle_evaluated_at=None))
        schedule_evaluation(work, repository, request.now)
    return _answer(repository, policy.text)


@operation
def get_lifecycle_policy(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetLifecyclePolicy.html"""
    with request.services.store.reading() as work:
        repository = work.repositories.get(request.registry, members["repositoryName"])
    return _policy_answer(repository)


@operation
def delete_lifecycle_policy(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteLifecyclePolicy.html"""
    with request.services.store.writing() as work:
        repository = work.repositories.get(request.registry, members["repositoryName"])
        answer = _policy_answer(repository)
        work.repositories.save(replace(repository, lifecycle_policy=None, lifecycle_evaluated_at=None))
        cancel_evaluation(work, repository)
    return answer


@operation
def start_lifecycle_policy_preview(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartLifecyclePolicyPreview.html

    The preview replaces an earlier preview that has ended.
    """
    with request.services.store.writing() as work:
        repository = work.repositories.get(request.registry, members["repositoryName"])
        text = members.get("lifecyclePolicyText") or _policy(repository)
        read_lifecycle_policy(text)
        earlier = work.lifecycle_previews.find(repository)
        if earlier and earlier.status == IN_PROGRESS:
            raise LifecyclePolicyPreviewInProgressException
        work.lifecycle_previews.save(repository, LifecyclePreview(text, request.now))
        schedule_preview(work, repository, request.now)
    return _answer(repository, text) | {"status": IN_PROGRESS}


@operation
def get_lifecycle_policy_preview(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetLifecyclePolicyPreview.html

    The summary counts all results, also those that the filter leaves out.
    """
    with request.services.store.reading() as work:
        repository = work.repositories.get(request.registry, members["repositoryName"])
        preview = work.lifecycle_previews.find(repository)
    if preview is None:
        raise LifecyclePolicyPreviewNotFoundException
    results, token = _page(request, members, _wanted(members, preview.results))
    return _answer(repository, preview.policy) | {
        "status": preview.status_at(request.now),
        "previewResults": [_with_push_time(result) for result in results],
        "summary": _summary(preview.results),
        "nextToken": token,
    }


def _policy(repository: Repository) -> str:
    if repository.lifecycle_policy is None:
        raise LifecyclePolicyNotFoundException(**repository.identity)
    return repository.lifecycle_policy


def _policy_answer(repository: Repository) -> dict[str, Any]:
    evaluated_at = repository.lifecycle_evaluated_at or NEVER
    return _answer(repository, _policy(repository)) | {"lastEvaluatedAt": evaluated_at}


def _answer(repository: Repository, policy: str) -> dict[str, Any]:
    return {
        "registryId": repository.registry.id,
        "repositoryName": repository.name,
        "lifecyclePolicyText": policy,
    }


def _wanted(members: dict[str, Any], results: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the results that have the images and the tag status of a request. A request may name neither."""
    tag_status = members.get("filter", {}).get("tagStatus", "ANY")
    image_ids = read_image_ids(members) if "imageIds" in members else None
    return [
        result
        for result in results
        if tag_status in ("ANY", "TAGGED" if result["imageTags"] else "UNTAGGED")
        and (image_ids is None or any(_matches(image_id, result) for image_id in image_ids))
    ]


def _matches(image_id: ImageId, result: dict[str, Any]) -> bool:
    has_tag = image_id.tag is None or image_id.tag in (result["imageTags"] or [])
    return has_tag and image_id.digest in (None, result["imageDigest"])


def _page(
    request: EcrRequest, members: dict[str, Any], results: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the results of a page, in the order in which the policy acts on them, and the token of the next page."""
    if "imageIds" in members:
        check_no_paging(members, "imageIds")
        return results, None
    numbered = [(f"{position:0{POSITION_DIGITS}}", result) for position, result in enumerate(results)]
    chosen, token = Page(request, members).choose(numbered, lambda item: item[0])
    return [result for _, result in chosen], token


def _with_push_time(result: dict[str, Any]) -> dict[str, Any]:
    return result | {"imagePushedAt": datetime.fromtimestamp(result["imagePushedAt"], UTC)}


def _summary(results: Iterable[dict[str, Any]]) -> dict[str, Any]:
    kinds = [result["action"]["type"] for result in results]
    transitions = kinds.count("TRANSITION")
    archived = [{"targetStorageClass": "ARCHIVE", "imageTotalCount": transitions}] if transitions else None
    return {"expiringImageTotalCount": kinds.count("EXPIRE"), "transitioningImageTotalCounts": archived}
