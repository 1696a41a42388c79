"""Upload sessions, by which clients push blobs in OCI requests or in layer parts of ECR.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UploadLayerPart.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from datetime import datetime

from ecr_emulator.domain.account_settings import BLOB_MOUNTING
from ecr_emulator.domain.image import Layer
from ecr_emulator.domain.names import ALGORITHMS, Registry, algorithm_of
from ecr_emulator.domain.pull_through import matching_rule
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.upload import MAX_LAYER_SIZE, MAX_PARTS, MIN_PART_SIZE, Upload
from ecr_emulator.errors import (
    EmptyUploadException,
    InvalidLayerException,
    InvalidLayerPartException,
    LayerAlreadyExistsException,
    LayerPartTooSmallException,
    LimitExceededException,
    UploadNotFoundException,
)
from ecr_emulator.ports.blobs import BlobStore, BlobWriter
from ecr_emulator.ports.ids import IdSource
from ecr_emulator.ports.store import Store
from ecr_emulator.ports.time import Clock
from ecr_emulator.ports.turns import Turns
from ecr_emulator.services.account_settings import account_setting
from ecr_emulator.services.garbage_collection import delete_unused
from ecr_emulator.services.local_turns import LocalTurns
from ecr_emulator.services.repositories import NewRepositories
from ecr_emulator.services.upload_sessions import UploadSession, UploadSessions, not_found


class Uploads:
    """Begins, continues and ends upload sessions. Requests on one session take turns.

    The time of a chunk is the time at which all its bytes have arrived, since that may take longer than the grace of
    garbage collection. If ``is_strict``, the chunks of OCI clients must have the minimum size of layer parts, and only
    layers to which an image refers can be mounted.
    """

    def __init__(  # noqa: PLR0913 - each part has one job
        self,
        store: Store,
        blobs: BlobStore,
        ids: IdSource,
        clock: Clock,
        new_repositories: NewRepositories,
        *,
        is_strict: bool = False,
        turns: Turns | None = None,
    ) -> None:
        self._is_strict = is_strict
        self._keys = new_repositories.keys
        self._new_repositories = new_repositories
        self._store = store
        self._blobs = blobs
        self._ids = ids
        self._clock = clock
        self._sessions = UploadSessions(store, blobs, turns or LocalTurns())

    def begin(self, registry: Registry, name: str, now: datetime) -> Upload:
        """Open a session. Raises ``RepositoryNotFoundException``."""
        upload_id = self._ids.uuid()
        writer = self._blobs.begin(upload_id)  # before the session: a crash must not leave a session without its file
        try:
            with self._store.writing(promised=False) as work:
                repository = self._new_repositories.for_push(work, registry, name, now)
                upload = Upload(upload_id, repository.key, self._clock.now())
                work.uploads.add(repository, upload)
        except BaseException:
            writer.abandon()
            raise
        writer.close()
        return upload

    def get(self, registry: Registry, name: str, upload_id: str) -> Upload:
        """Return the progress of a session. Raises ``UploadNotFoundException``."""
        session = self._sessions.find(registry, name, upload_id)
        if not self._sessions.has_bytes(session):
            raise not_found(session)
        return session.upload

    def append(
        self, registry: Registry, name: str, upload_id: str, chunks: Iterable[bytes], start: int | None = None
    ) -> Upload:
        """Append bytes. If the chunks break off, the bytes that have arrived are kept and the error is raised.

        Raises ``InvalidLayerPartException`` if ``start`` is given and is not the end of the bytes received so far, and
        ``LimitExceededException`` if the layer would be too large.
        """
        with self._sessions.take(registry, name, upload_id) as session:
            if start not in (None, session.upload.size):
                raise _out_of_order(session)
            return self._append(session, chunks)

    def append_part(self, registry: Registry, name: str, upload_id: str, span: tuple[int, int], data: bytes) -> Upload:
        """Append one layer part. ``span`` has the offsets of its first and its last byte.

        Raises ``InvalidLayerPartException`` unless it follows the last part, and ``LimitExceededException``.
        """
        with self._sessions.take(registry, name, upload_id) as session:
            first, last = span
            upload = session.upload
            if first != upload.size or last - first + 1 != len(data) or not data:
                raise _out_of_order(session)
            if upload.parts >= MAX_PARTS or upload.size + len(data) > MAX_LAYER_SIZE:
                raise LimitExceededException
            return self._append(session, [data])

    def complete(self, registry: Registry, name: str, upload_id: str, digest: str) -> Layer:
        """End a session as CompleteLayerUpload does; return the layer, whose digest is a sha256.

        Raises EmptyUpload, LayerPartTooSmall, InvalidLayer and LayerAlreadyExists, in this order. A digest of an
        algorithm other than sha256 and sha512 is not verified, as in ECR.
        """
        with self._sessions.take(registry, name, upload_id) as session:
            repository, upload = session.repository, session.upload
            if upload.parts == 0:
                raise EmptyUploadException
            if upload.has_small_part:
                raise LayerPartTooSmallException
            writer = self._blobs.resume(upload.id, upload.size)
            computed = writer.digest()
            if algorithm_of(digest) in ALGORITHMS and writer.digest(algorithm_of(digest)) != digest.lower():
                self._discard(repository, upload, writer)
                raise InvalidLayerException
            with self._store.reading() as work:
                known = work.layers.find(repository, computed)
            was_here = known is not None and self._blobs.intact_size(computed, known.size) is not None
            layer = self._commit(repository, upload, writer, computed)
            if was_here:
                raise LayerAlreadyExistsException
            return layer

    def finish(self, registry: Registry, name: str, upload_id: str, digest: str) -> Layer:
        """End a session as the OCI protocol does.

        Raises ``InvalidLayerException`` if the bytes do not have the digest, which deletes the session. If strict,
        raises ``LayerPartTooSmallException``.
        """
        with self._sessions.take(registry, name, upload_id) as session:
            repository, upload = session.repository, session.upload
            if self._is_strict and upload.has_small_part:
                raise LayerPartTooSmallException
            return self._commit(repository, upload, self._blobs.resume(upload.id, upload.size), digest)

    def abandon(self, registry: Registry, name: str, upload_id: str) -> None:
        """Delete a session and its bytes. Raises ``UploadNotFoundException``."""
        with self._sessions.take(registry, name, upload_id) as session:
            repository, upload = session.repository, session.upload
            self._discard(repository, upload, self._blobs.resume(upload.id, upload.size))

    def mount(
        self,
        registry: Registry,
        name: str,
        digest: str,
        source_name: str | None,
        now: datetime,
        may_take: Callable[[str], bool] = lambda _: True,
    ) -> Layer | None:
        """Mount a blob of another repository of the registry; None if it cannot be mounted.

        The account must have enabled blob mounting, both repositories must have the same encryption, and no pull
        through cache rule may cover the source. Without ``source_name``, any repository of the registry can be the
        source. ``may_take`` returns whether the client may take layers from the repository of a name.
        https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html
        """
        with self._store.writing() as work:
            target = self._new_repositories.for_push(work, registry, name, now)
            if account_setting(work, registry, BLOB_MOUNTING) != "ENABLED":
                return None
            rules = work.rules.all(registry)
            for each in [source_name] if source_name else work.layers.holders(registry, digest):
                is_open = not matching_rule(rules, each) and may_take(each)
                source = work.repositories.find(registry, each) if is_open else None
                layer = work.layers.find(source, digest) if source else None
                if source and layer and source.encryption == target.encryption and self._can_give(layer):
                    work.layers.add(target, digest, layer.size, now)
                    return layer
        return None

    def _can_give(self, layer: Layer) -> bool:
        if self._is_strict and layer.is_loose:
            return False
        return self._blobs.intact_size(layer.digest, layer.size) is not None

    def _append(self, session: UploadSession, chunks: Iterable[bytes]) -> Upload:
        repository, upload = session.repository, session.upload
        self._keys.check(repository)
        with closing(self._blobs.resume(upload.id, upload.size)) as writer:
            try:
                for chunk in chunks:
                    if writer.size + len(chunk) > MAX_LAYER_SIZE:
                        raise LimitExceededException
                    writer.write(chunk)
            finally:
                writer.flush()
                upload = _advanced(upload, writer.size, self._clock.now())
                self._save(repository, upload, writer)
        self._sessions.remember(replace(session, upload=upload))
        return upload

    def _save(self, repository: Repository, upload: Upload, writer: BlobWriter) -> None:
        try:
            with self._store.writing(promised=False) as work:
                work.uploads.save(repository, upload)
        except UploadNotFoundException:
            writer.abandon()  # the repository was deleted, or the emulator was reset
            raise

    def _commit(self, repository: Repository, upload: Upload, writer: BlobWriter, digest: str) -> Layer:
        size = writer.size
        try:
            with closing(writer), self._blobs.hold(digest):
                self._keys.check(repository)
                verified = writer.commit(digest)
                with self._store.writing() as work:
                    work.uploads.remove(repository, upload)
                    if verified:
                        self._blobs.require_kept(digest)
                        work.layers.add(repository, digest, size, self._clock.now())
        except UploadNotFoundException:
            with self._store.writing(frees=True) as work:
                delete_unused(work, self._blobs, [digest])
            raise
        if not verified:
            raise InvalidLayerException
        return Layer(digest, size)

    def _discard(self, repository: Repository, upload: Upload, writer: BlobWriter) -> None:
        writer.abandon()
        with self._store.writing(frees=True) as work:
            work.uploads.remove(repository, upload)


def _out_of_order(session: UploadSession) -> InvalidLayerPartException:
    return InvalidLayerPartException(
        upload_id=session.upload.id, last_valid_byte_received=session.upload.last_byte, **session.repository.identity
    )


def _advanced(upload: Upload, size: int, now: datetime) -> Upload:
    if size == upload.size:
        return upload
    return replace(
        upload,
        touched_at=now,
        size=size,
        parts=upload.parts + 1,
        first_part_size=upload.first_part_size or size,
        last_part_size=size - upload.size,
        has_small_part=upload.has_small_part or 0 < upload.last_part_size < MIN_PART_SIZE,
    )
