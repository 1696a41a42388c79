"""Populate a registry with a resource of every kind, and make requests that name these resources."""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
from contextlib import ExitStack, closing
from datetime import timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from werkzeug.test import EnvironBuilder, run_wsgi_app

from ecr_emulator.control.model import service_model, target_prefix
from ecr_emulator.domain.manifest import OCI_MANIFEST
from ecr_emulator.domain.names import digest_of
from ecr_emulator.ports.secrets import Credential
from ecr_emulator.storage.store import SqlStore
from tests.support.boto import client_of
from tests.support.control_plane import ControlPlane
from tests.support.error_coverage import record_error
from tests.support.images import an_image, put_image, upload_layers
from tests.support.request_variants import Variants

AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential={account}/20260304/{region}/ecr/aws4_request, SignedHeaders=host, Signature=0123abcd"
)
ACCOUNT, REGION = "000000000000", "us-east-1"
NAME, OTHER = "team/app", "team/other"
HELD, PUSHED, UNSCANNED = an_image("held"), an_image("pushed"), an_image("not scanned")
LAYER = b"a layer that is complete but for the last request"
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:ecr-pullthroughcache/docker-hub-a1b2c3"

_RULE = {
    "rulePriority": 1,
    "description": "what nobody tagged",
    "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5},
    "action": {"type": "expire"},
}
_LIFECYCLE = json.dumps({"rules": [_RULE]})
_STATEMENT = {"Sid": "pull", "Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage"]}
_POLICY = json.dumps({"Version": "2012-10-17", "Statement": [_STATEMENT]})
_REPLICATION = {
    "Sid": "replicate",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
    "Action": ["ecr:ReplicateImage"],
    "Resource": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/*",
}
_DESTINATIONS = [{"region": region, "registryId": ACCOUNT} for region in ("eu-west-1", "us-west-2")]

SAMPLES: dict[str, Any] = {
    "RegistryId": ACCOUNT,
    "RepositoryName": NAME,
    "ImageIdentifier": {"imageTag": "held"},
    "ImageTag": "held",
    "ImageDigest": HELD.digest,
    "ImageManifest": PUSHED.raw.decode(),
    "MediaType": OCI_MANIFEST,
    "LayerDigest": HELD.layers[0].digest,
    "BatchedOperationLayerDigest": HELD.layers[0].digest,
    "LayerPartBlob": base64.b64encode(b"hello").decode(),
    "UploadLayerPartRequest.partLastByte": 4,
    "PutImageRequest.imageTag": "pushed",
    "PutImageRequest.imageDigest": PUSHED.digest,
    "Arn": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{NAME}",
    "TagKey": "stage",
    "TagValue": "beta",
    "KmsKey": "alias/images",
    "KmsKeyForRepositoryCreationTemplate": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b2c3d-images",
    "CustomRoleArn": f"arn:aws:iam::{ACCOUNT}:role/ecr",
    "ImageTagMutabilityExclusionFilterValue": "v*",
    "RepositoryPolicyText": _POLICY,
    "RegistryPolicyText": json.dumps({"Version": "2012-10-17", "Statement": [_REPLICATION]}),
    "LifecyclePolicyText": _LIFECYCLE,
    "LifecyclePolicyTextForRepositoryCreationTemplate": _LIFECYCLE,
    "PullThroughCacheRuleRepositoryPrefix": "hub",
    "CreatePullThroughCacheRuleRequest.ecrRepositoryPrefix": "fresh",
    "CreatePullThroughCacheRuleRequest.upstreamRepositoryPrefix": "library",
    "UpdatePullThroughCacheRuleRequest.ecrRepositoryPrefix": "secret",
    "Url": "public.ecr.aws",
    "CredentialArn": SECRET,
    "Prefix": "team",
    "CreateRepositoryCreationTemplateRequest.prefix": "fresh",
    "CreateRepositoryRequest.repositoryName": "fresh/app",
    "RepositoryTemplateDescription": "for the team",
    "Region": "eu-west-1",
    "RepositoryFilterValue": "team",
    "ScanningRepositoryFilterValue": "team*",
    "SigningRepositoryFilterValue": "team/*",
    "SigningProfileArn": f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/release",
    "PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/puller",
    "RegisterPullTimeUpdateExclusionRequest.principalArn": f"arn:aws:iam::{ACCOUNT}:role/other",
    "AccountSettingName": "BLOB_MOUNTING",
    "AccountSettingValue": "ENABLED",
    "ArtifactType": "application/vnd.example.sbom",
    "NextToken": "bm8gdG9rZW4gb2YgeW91cnM=",
    "StartImageScanRequest.imageId": {"imageTag": "unscanned"},
    "StartLifecyclePolicyPreviewRequest.repositoryName": OTHER,
    "StartReplicationBackfillRequest.destination": {"region": "us-west-2", "registryId": ACCOUNT},
    "UpdateImageStorageClassRequest.targetStorageClass": "ARCHIVE",
}
SET_UP: list[tuple[str, dict[str, Any]]] = [
    ("CreatePullThroughCacheRule", {"ecrRepositoryPrefix": "hub"}),
    (
        "CreatePullThroughCacheRule",
        {"ecrRepositoryPrefix": "secret", "upstreamRegistryUrl": "registry-1.docker.io", "credentialArn": SECRET},
    ),
    ("CreateRepositoryCreationTemplate", {"prefix": "team"}),
    ("SetRepositoryPolicy", {}),
    ("PutRegistryPolicy", {}),
    ("PutSigningConfiguration", {}),
    ("PutReplicationConfiguration", {"replicationConfiguration": {"rules": [{"destinations": _DESTINATIONS}]}}),
    ("RegisterPullTimeUpdateExclusion", {"principalArn": f"arn:aws:iam::{ACCOUNT}:role/puller"}),
    ("StartImageScan", {"imageId": {"imageTag": "held"}}),
    ("PutLifecyclePolicy", {}),
    ("PutLifecyclePolicy", {"repositoryName": OTHER}),
    ("StartLifecyclePolicyPreview", {"repositoryName": NAME}),
]
"""Requests that populate the registry: operations, and what is added to the valid request of each."""
_WITH_EXCLUSION = {"imageTagMutability": "MUTABLE_WITH_EXCLUSION"}
BESIDE: dict[str, dict[str, Any]] = {
    "DeleteRepositoryRequest": {"force": True},
    "UpdatePullThroughCacheRuleRequest": {"credentialArn": SECRET},
    "CreatePullThroughCacheRuleRequest.credentialArn": {"upstreamRegistryUrl": "registry-1.docker.io"},
    "CreatePullThroughCacheRuleRequest.customRoleArn": {
        "upstreamRegistryUrl": "111122223333.dkr.ecr.us-east-1.amazonaws.com"
    },
    "EncryptionConfiguration.kmsKey": {"encryptionType": "KMS"},
    "EncryptionConfigurationForRepositoryCreationTemplate.kmsKey": {"encryptionType": "KMS"},
    "CreateRepositoryRequest.imageTagMutabilityExclusionFilters": _WITH_EXCLUSION,
    "CreateRepositoryCreationTemplateRequest.imageTagMutabilityExclusionFilters": _WITH_EXCLUSION,
    "PutImageTagMutabilityRequest.imageTagMutabilityExclusionFilters": _WITH_EXCLUSION,
    "UpdateRepositoryCreationTemplateRequest.imageTagMutabilityExclusionFilters": _WITH_EXCLUSION,
}
"""Optional members that a request, or one of its members, needs to succeed."""


def populate(directory: Path) -> Variants:
    """Write a populated registry to a folder, with its background work still due, and return its requests."""
    with ExitStack() as cleanup:
        plane = ControlPlane(directory, cleanup, background_delay=timedelta(hours=1))
        _know_secrets(plane)
        ecr = client_of(plane, parameter_validation=False)
        _make_images(ecr)
        _set_up(plane)
        return Variants(SAMPLES | _uploads(ecr) | _backfill(plane), BESIDE)


def empty_control_plane(directory: Path, cleanup: ExitStack) -> ControlPlane:
    """Return a control plane without resources that knows the same secrets."""
    plane = ControlPlane(directory, cleanup)
    _know_secrets(plane)
    return plane


class RestorablePlane:
    """A control plane on a copy of a populated registry, with its background work done, that can be restored."""

    def __init__(
        self, folder: Path, copy: Path, delay: timedelta, cleanup: ExitStack, *, enforces_iam: bool = False
    ) -> None:
        self._uploads, self._copied_uploads = folder / "ingest", copy / "ingest"
        shutil.copytree(folder, copy)
        self.plane = ControlPlane(copy, cleanup, delay, enforces_iam=enforces_iam)
        _know_secrets(self.plane)
        self.plane.services.background.catch_up(self.plane.clock.now())
        self.database = copy / "ecr.sqlite"
        store = self.plane.services.store
        assert isinstance(store, SqlStore)
        self._store = store
        self._beginning = cleanup.enter_context(closing(sqlite3.connect(":memory:")))
        with store.paused() as connection:
            store.copy(connection, self._beginning)

    def restore(self) -> None:
        """Undo every change since the registry was copied."""
        with self._store.paused() as connection:
            self._store.replace(connection, self._beginning)
        if _sizes(self._copied_uploads) != _sizes(self._uploads):  # bytes are added, never written over
            shutil.copytree(self._uploads, self._copied_uploads, dirs_exist_ok=True)


def _sizes(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_size for file in folder.iterdir()}


def post(
    plane: ControlPlane, operation: str, value: object, account: str = ACCOUNT, region: str = REGION
) -> tuple[int, dict[str, Any]]:
    """Send JSON to an operation as any client might; returns the status and the content of the answer."""
    body = json.dumps(value).encode()
    environ = _environ(operation, account, region) | {"CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
    answer, status, _ = run_wsgi_app(plane.wsgi, environ)
    content = json.loads(b"".join(answer))
    if "__type" in content:
        record_error(operation, content["__type"])
    return int(status[:3]), content


@cache
def _environ(operation: str, account: str, region: str) -> dict[str, Any]:
    """Return the WSGI environ of a request without its body. Cached: making one takes longer than most responses."""
    authorization = AUTHORIZATION.format(account=account, region=region)
    headers = [("X-Amz-Target", target_prefix() + operation), ("Authorization", authorization)]
    return EnvironBuilder(method="POST", headers=headers).get_environ()


def _know_secrets(plane: ControlPlane) -> None:
    plane.secrets.secrets[SECRET] = Credential("user", "token")


def _make_images(ecr: Any) -> None:
    for name in (NAME, OTHER):
        ecr.create_repository(repositoryName=name, tags=[{"Key": "stage", "Value": "alpha"}])
    put_image(ecr, NAME, HELD, "held")
    put_image(ecr, NAME, UNSCANNED, "unscanned")
    upload_layers(ecr, NAME, PUSHED)


def _uploads(ecr: Any) -> dict[str, Any]:
    """Begin two uploads, send all bytes of one, and return the samples that name them."""
    begun, whole = (ecr.initiate_layer_upload(repositoryName=NAME)["uploadId"] for _ in range(2))
    ecr.upload_layer_part(
        repositoryName=NAME, uploadId=whole, partFirstByte=0, partLastByte=len(LAYER) - 1, layerPartBlob=LAYER
    )
    return {
        "UploadId": begun,
        "CompleteLayerUploadRequest.uploadId": whole,
        "CompleteLayerUploadRequest.layerDigests": [digest_of(LAYER)],
    }


def _set_up(plane: ControlPlane) -> None:
    requests = Variants(SAMPLES, BESIDE)
    for operation, more in SET_UP:
        request = requests.valid(service_model().operation_model(operation).input_shape) | more
        status, content = post(plane, operation, request)
        assert status == 200 or content["__type"] == "UnknownOperationException", (operation, content)


def _backfill(plane: ControlPlane) -> dict[str, Any]:
    """Start a backfill, and return the sample that names it."""
    request = {"destination": {"region": "eu-west-1", "registryId": ACCOUNT}}
    _, content = post(plane, "StartReplicationBackfill", request)
    return {"ReplicationBackfillId": content["replicationBackfillId"]} if "replicationBackfillId" in content else {}
