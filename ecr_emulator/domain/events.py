"""The events that ECR sends to EventBridge.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from ecr_emulator.domain.image import Image, ImageId
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.repository import Repository
from ecr_emulator.quick_dataclasses import dataclass

INSPECTOR_SCAN = "Inspector2 Scan"
INSPECTOR_FINDING = "Inspector2 Finding"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of ECR, or of Amazon Inspector about an image (``inspector_events``).

    ``detail`` has kebab-case keys, except in ``Inspector2 Finding``.
    """

    registry: Registry
    time: datetime
    detail_type: str
    detail: dict[str, Any]
    resources: tuple[str, ...] = ()
    key: int = 0

    @property
    def id(self) -> str:
        """The identifier of the event, which it keeps in every delivery."""
        return f"00000000-0000-4000-8000-{self.key:012x}"

    @property
    def source(self) -> str:
        """The service that sends the event."""
        return "aws.inspector2" if self.detail_type in (INSPECTOR_FINDING, INSPECTOR_SCAN) else "aws.ecr"

    def envelope(self) -> dict[str, Any]:
        """Return the event as EventBridge delivers it."""
        return {
            "version": "0",
            "id": self.id,
            "detail-type": self.detail_type,
            "source": self.source,
            "account": self.registry.id,
            "time": self.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self.registry.region,
            "resources": list(self.resources),
            "detail": self.detail,
        }


def image_action(repository: Repository, action: str, digest: str, tag: str | None, now: datetime) -> Event:
    """``ECR Image Action``: an image was pushed or deleted."""
    detail = {
        "result": "SUCCESS",
        "repository-name": repository.name,
        "image-digest": digest,
        "action-type": action,
    }
    return Event(repository.registry, now, "ECR Image Action", detail | ({"image-tag": tag} if tag else {}))


def storage_class_action(repository: Repository, image: Image, now: datetime) -> Event:
    """``ECR Image Action`` or, for a referrer, ``ECR Referrer Action``: an image was archived or restored."""
    detail = {
        "result": "SUCCESS",
        "repository-name": repository.name,
        "image-digest": image.digest,
        "action-type": "UPDATE_STORAGE_CLASS",
        "target-storage-class": "STANDARD" if image.is_active else "ARCHIVE",
        "manifest-media-type": image.media_type,
    }
    if image.artifact_media_type:
        detail["artifact-media-type"] = image.artifact_media_type
    if image.is_active and image.last_activated_at:
        detail["last-activated-at"] = image.last_activated_at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-4] + "Z"
    subject = "Referrer" if image.subject else "Image"
    return Event(repository.registry, now, f"ECR {subject} Action", detail)


def replication_action(replica: Repository, source: Registry, image_id: ImageId, result: str, now: datetime) -> Event:
    """``ECR Replication Action`` in the destination: an image was replicated, or its replication failed."""
    detail = {
        "result": result,
        "repository-name": replica.name,
        "image-digest": image_id.digest,
        "source-account": source.id,
        "action-type": "REPLICATE",
        "source-region": source.region,
    }
    detail |= {"image-tag": image_id.tag} if image_id.tag else {}
    return Event(replica.registry, now, "ECR Replication Action", detail, (replica.arn,))


def image_scan(
    repository: Repository, image: Image, status: str, severity_counts: dict[str, int], now: datetime
) -> Event:
    """``ECR Image Scan``: a basic scan ended with the status COMPLETE or FAILED."""
    detail = {
        "scan-status": status,
        "repository-name": repository.name,
        "finding-severity-counts": severity_counts,
        "image-digest": image.digest,
        "image-tags": list(image.tags),
    }
    return Event(repository.registry, now, "ECR Image Scan", detail, (repository.arn,))


class FrequencyChange(NamedTuple):
    """A repository with a new scan frequency."""

    repository: Repository
    before: str
    after: str


def scan_frequency_change(registry: Registry, changes: Iterable[FrequencyChange], now: datetime) -> Event:
    """``ECR Scan Resource Change``: enhanced scanning scans these repositories with a new frequency."""
    detail = {
        "action-type": "SCAN_FREQUENCY_CHANGE",
        "repositories": [
            {
                "repository-name": change.repository.name,
                "repository-arn": change.repository.arn,
                "scan-frequency": change.after,
                "previous-scan-frequency": change.before,
            }
            for change in changes
        ],
        "resource-type": "REPOSITORY",
        "scan-type": "ENHANCED",
    }
    return Event(registry, now, "ECR Scan Resource Change", detail)


IMPORT = "ECR Pull Through Cache Action"
DETAIL_TYPES = (
    "ECR Image Action",
    "ECR Image Scan",
    IMPORT,
    "ECR Referrer Action",
    "ECR Replication Action",
    "ECR Scan Resource Change",
    INSPECTOR_FINDING,
    INSPECTOR_SCAN,
)
"""The detail types of all events."""


@dataclass(frozen=True, slots=True)
class Import:
    """An attempt to import an image by pull through. ``failure`` is (code, reason) if the attempt failed."""

    rule: PullThroughRule
    repository_name: str
    tag: str | None
    digest: str | None
    failure: tuple[str, str] | None = None

    def event(self, now: datetime) -> Event:
        """Return the ``ECR Pull Through Cache Action``. ECR sends it for successful and for failed attempts."""
        detail = {
            "rule-version": "1",
            "sync-status": "FAILED" if self.failure else "SUCCESS",
            "ecr-repository-prefix": self.rule.prefix,
            "repository-name": self.repository_name,
            "upstream-registry-url": self.rule.url,
        }
        detail |= {"image-tag": self.tag} if self.tag else {}
        detail |= {"image-digest": self.digest} if self.digest else {}
        if self.failure:
            detail |= {"failure-code": self.failure[0], "failure-reason": self.failure[1]}
        arn = self.rule.registry.arn(self.repository_name)
        return Event(self.rule.registry, now, IMPORT, detail, (arn,))
