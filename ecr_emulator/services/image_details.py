"""The description of an image, as DescribeImages and the emulator's own listing give it."""

from __future__ import annotations

from typing import Any

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.repository import Repository


def image_detail(repository: Repository, image: Image) -> dict[str, Any]:
    """Return the members of ``ImageDetail``; those that are None are left out of answers.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html
    """
    return {
        "registryId": repository.registry.id,
        "repositoryName": repository.name,
        "imageDigest": image.digest,
        "imageTags": list(image.tags) or None,
        "imageSizeInBytes": image.size_in_bytes,
        "imagePushedAt": image.pushed_at,
        "imageManifestMediaType": image.media_type,
        "artifactMediaType": image.artifact_media_type,
        "lastRecordedPullTime": image.last_pulled_at,
        "subjectManifestDigest": image.subject,
        "imageStatus": image.status,
        "lastArchivedAt": image.last_archived_at,
        "lastActivatedAt": image.last_activated_at,
    }
