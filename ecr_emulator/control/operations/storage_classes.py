"""Where images are kept: ready to be pulled, or archived."""

from __future__ import annotations

from typing import Any

from ecr_emulator.control.call import Call, operation
from ecr_emulator.control.operations.image_ids import get_image, read_image_id
from ecr_emulator.services.storage_classes import archive, restore


@operation
def update_image_storage_class(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdateImageStorageClass.html"""
    change = archive if request["targetStorageClass"] == "ARCHIVE" else restore
    with call.services.store.writing() as work:
        repository = work.repositories.get(call.registry, request["repositoryName"])
        image = change(work, repository, get_image(work, repository, read_image_id(request["imageId"])), call.now)
    return {
        "registryId": call.registry.id,
        "repositoryName": repository.name,
        "imageId": request["imageId"],
        "imageStatus": image.status,
    }
