"""Storage classes of images: standard or archive."""

from __future__ import annotations

from typing import Any

from ecr_emulator.control.handlers import operation
from ecr_emulator.control.image_ids import get_image, read_image_id
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.services.storage_classes import archive, restore


@operation
def update_image_storage_class(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdateImageStorageClass.html"""
    change = archive if members["targetStorageClass"] == "ARCHIVE" else restore
    with request.services.store.writing() as work:
        repository = work.repositories.get(request.registry, members["repositoryName"])
        image = change(work, repository, get_image(work, repository, read_image_id(members["imageId"])), request.now)
    return {
        "registryId": request.registry.id,
        "repositoryName": repository.name,
        "imageId": members["imageId"],
        "imageStatus": image.status,
    }
