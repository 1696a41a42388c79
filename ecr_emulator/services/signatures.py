"""Signatures that ECR makes: referrers of the signed images, stored like those that clients push."""

from __future__ import annotations

from datetime import datetime

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.manifest import OCI_MANIFEST, Descriptor
from ecr_emulator.domain.names import digest_of
from ecr_emulator.domain.notary import EMPTY_CONFIG, ENVELOPE, payload, signature_manifest
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.task import Task
from ecr_emulator.errors import EcrError
from ecr_emulator.ports.blobs import BlobStore
from ecr_emulator.ports.encryption_keys import EncryptionKeys
from ecr_emulator.ports.ids import IdSource
from ecr_emulator.ports.image_signer import ImageSigner, SigningFailed
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.blob_writes import store_blob
from ecr_emulator.services.image_tasks import find_image
from ecr_emulator.services.images import Push, store_image
from ecr_emulator.services.signing import note_failure, note_success

AUTHORITY = "signing-authority"
"""The name under which the state keeps the authority for certificates. Like tokens, it survives a reset."""


class Signatures:
    """Makes and stores signatures."""

    def __init__(self, signer: ImageSigner, blobs: BlobStore, ids: IdSource, keys: EncryptionKeys) -> None:
        self._signer = signer
        self._blobs = blobs
        self._ids = ids
        self._keys = keys

    def certificate(self, work: UnitOfWork) -> str:
        """Return the certificate that verifiers must trust, in PEM."""
        return self._signer.certificate(self._authority(work))

    def perform(self, work: UnitOfWork, task: Task, now: datetime) -> None:
        """Perform the task that ``sign_on_push`` scheduled: sign an image with one profile."""
        found = find_image(work, task)
        if found is None:
            return
        repository, image = found
        profile = task.arguments["profile"]
        try:
            self._keys.check(repository)
            self._sign(work, repository, image, profile, now)
        except SigningFailed as failed:
            note_failure(work, image, profile, failed.code, failed.reason)
        except EcrError as refused:
            note_failure(work, image, profile, refused.code, refused.message)
        else:
            note_success(work, image, profile)

    def _sign(self, work: UnitOfWork, repository: Repository, image: Image, profile: str, now: datetime) -> None:
        target = Descriptor(image.digest, len(work.images.manifest(image).raw), image.media_type)
        signature = self._signer.sign(profile, payload(target), self._authority(work), now)
        envelope = Descriptor(digest_of(signature.envelope), len(signature.envelope), ENVELOPE)
        manifest = signature_manifest(target, envelope, signature.thumbprints, now)
        for data in (EMPTY_CONFIG, signature.envelope):
            self._store_blob(work, repository, data, now)
        store_image(work, repository, Push(manifest, OCI_MANIFEST), now, blobs=self._blobs)

    def _store_blob(self, work: UnitOfWork, repository: Repository, data: bytes, now: datetime) -> None:
        digest = digest_of(data)
        with self._blobs.hold(digest):
            store_blob(self._blobs, self._ids.uuid(), digest, data)
            work.layers.add(repository, digest, len(data), now)

    def _authority(self, work: UnitOfWork) -> bytes:
        return work.kept(AUTHORITY, self._signer.new_authority)
