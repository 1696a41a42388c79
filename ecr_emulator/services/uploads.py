"""Upload sessions, by which clients push blobs in OCI requests or in layer parts of ECR.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UploadLayerPart.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from threading import Lock
from weakref import WeakValueDictionary

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
from ecr_emulator.services.account_settings import account_setting
from ecr_emulator.services.garbage_collection import delete_unused
from ecr_emulator.services.repositories import NewRepositories


class _Turn:
    """A lock that exists as long as a thread holds it or waits for it."""

    def __init__(self) -> None:
        self.lock = Lock()


class Uploads:
    """Begins, continues and ends upload sessions. Requests on one session take turns.

    The time of a chunk is the time at which all its bytes have arrived, since that may take longer than the grace of
    garbage collection. If ``is_strict``, the chunks of OCI clients must have the minimum size of layer parts, and only
    layers to which an image refers can be mounted.
    """

    def __init__(
        self,
        store: Store,
        blobs: BlobStore,
        ids: IdSource,
        clock: Clock,
        new_repositories: NewRepositories,
        is_strict: bool = False,
    ) -> None:
        self._is_strict = is_strict
        self._keys = new_repositories.keys
        self._new_repositories = new_repositories
        self._store = store
        self._blobs = blobs
        self._ids = ids
        self._clock = clock
        self._turns: WeakValueDictionary[str, _Turn] = WeakValueDictionary()
        self._turns_lock = Lock()

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
        with self._store.reading() as work:
            repository = work.repositories.get(registry, name)
            upload = work.uploads.get(repository, upload_id)
        if not self._blobs.has_written(upload.id, upload.size):
            raise _not_found(repository, upload)
        return upload

    def append(
        self, registry: Registry, name: str, upload_id: str, chunks: Iterable[bytes], start: int | None = None
    ) -> Upload:
        """Append bytes. If the chunks break off, the bytes that have arrived are kept and the error is raised.

        Raises ``InvalidLayerPartException`` if ``start`` is given and is not the end of the bytes received so far, and
        ``LimitExceededException`` if the layer would be too large.
        """
        with self._session(registry, name, upload_id) as (repository, upload):
            if start not in (None, upload.size):
                raise _out_of_order(repository, upload)
            return self._append(repository, upload, chunks)

    def append_part(self, registry: Registry, name: str, upload_id: str, span: tuple[int, int], data: bytes) -> Upload:
        """Append one layer part. ``span`` has the offsets of its first and its last byte.

        Raises ``InvalidLayerPartException`` unless it follows the last part, and ``LimitExceededException``.
        """
        with self._session(registry, name, upload_id) as (repository, upload):
            first, last = span
            if first != upload.size or last - first + 1 != len(data) or not data:
                raise _out_of_order(repository, upload)
            if upload.parts >= MAX_PARTS or upload.size + len(data) > MAX_LAYER_SIZE:
                raise LimitExceededException
            return self._append(repository, upload, [data])

    def complete(self, registry: Registry, name: str, upload_id: str, digest: str) -> Layer:
        """End a session as CompleteLayerUpload does; return the layer, whose digest is a sha256.

        Raises EmptyUpload, LayerPartTooSmall, InvalidLayer and LayerAlreadyExists, in this order. A digest of an
        algorithm other than sha256 and sha512 is not verified, as in ECR.
        """
        with self._session(registry, name, upload_id) as (repository, upload):
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
        with self._session(registry, name, upload_id) as (repository, upload):
            if self._is_strict and upload.has_small_part:
                raise LayerPartTooSmallException
            return self._commit(repository, upload, self._blobs.resume(upload.id, upload.size), digest)

    def abandon(self, registry: Registry, name: str, upload_id: str) -> None:
        """Delete a session and its bytes. Raises ``UploadNotFoundException``."""
        with self._session(registry, name, upload_id) as (repository, upload):
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

    @contextmanager
    def _session(self, registry: Registry, name: str, upload_id: str) -> Iterator[tuple[Repository, Upload]]:
        """Lock a session, and hold its bytes, so that no garbage collection deletes it while the block runs.

        A session whose bytes were lost is deleted and not found, so that its client begins again.
        """
        turn = self._turn(upload_id)  # the lock exists as long as this variable
        with turn.lock, self._blobs.hold(upload_id):
            with self._store.reading() as work:
                repository = work.repositories.get(registry, name)
                upload = work.uploads.get(repository, upload_id)
            if not self._blobs.has_written(upload.id, upload.size):
                with self._store.writing(frees=True) as work:
                    work.uploads.remove(repository, upload)
                raise _not_found(repository, upload)
            yield repository, upload

    def _append(self, repository: Repository, upload: Upload, chunks: Iterable[bytes]) -> Upload:
        self._keys.check(repository)
        with closing(self._blobs.resume(upload.id, upload.size)) as writer:
            try:
                for chunk in chunks:
                    if writer.size + len(chunk) > MAX_LAYER_SIZE:
                        raise LimitExceededException
                    writer.write(chunk)
            finally:
                upload = _advanced(upload, writer.size, self._clock.now())
                self._save(repository, upload, writer)
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

    def _turn(self, upload_id: str) -> _Turn:
        with self._turns_lock:
            return self._turns.setdefault(upload_id, _Turn())


def _not_found(repository: Repository, upload: Upload) -> UploadNotFoundException:
    return UploadNotFoundException(upload_id=upload.id, **repository.identity)


def _out_of_order(repository: Repository, upload: Upload) -> InvalidLayerPartException:
    return InvalidLayerPartException(
        upload_id=upload.id, last_valid_byte_received=upload.last_byte, **repository.identity
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
