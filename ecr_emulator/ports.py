"""What the middle needs from outside: time, identifiers, bytes, metadata, upstreams, secrets, identities, roles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple, Protocol

from ecr_emulator.domain.access.policies import Policies
from ecr_emulator.domain.access.request import Principal
from ecr_emulator.domain.backfill import Backfill
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.events import Event
from ecr_emulator.domain.image import Image, Layer, StoredManifest
from ecr_emulator.domain.lifecycle_preview import LifecyclePreview
from ecr_emulator.domain.manifest import Manifest
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import PullThroughRule, Validation
from ecr_emulator.domain.referrer import Referrer, ReferrerListing
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.scanning import Scan
from ecr_emulator.domain.task import Task
from ecr_emulator.domain.template import CreationTemplate
from ecr_emulator.domain.upload import Upload

# --- Time and identifiers --------------------------------------------------------------------------------


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """The current instant: aware, UTC, whole milliseconds."""


class IdSource(Protocol):
    """The only source of identifiers."""

    def uuid(self) -> str:
        """A new random UUID in its canonical form."""


# --- Bytes -----------------------------------------------------------------------------------------------


class BlobWriter(Protocol):
    """Bytes on their way to becoming a blob. Nothing is a blob before ``commit``."""

    @property
    def size(self) -> int:
        """How many bytes have been written."""

    def write(self, data: bytes) -> None:
        """Append. Raises ``StorageFailure``, after counting what did get written."""

    def digest(self, algorithm: str = "sha256") -> str:
        """The digest of what has been written so far."""

    def reader(self) -> BinaryIO:
        """A second file on the same bytes, from 0, while more are being written.

        It is independent of the writer, usable from another thread, and outlives ``commit`` and ``abandon``.
        """

    def commit(self, digest: str) -> bool:
        """Make it the blob of this digest, durably and at once; False, and nothing kept, if it is not.

        Raises ``StorageFailure``.
        """

    def abandon(self) -> None:
        """Forget everything written. Harmless after ``commit``."""

    def close(self) -> None:
        """Keep what is written for a later ``BlobStore.resume``."""


class BlobStore(Protocol):
    """Verified bytes by digest. A blob that exists has been hashed."""

    def size(self, digest: str) -> int | None:
        """The size of a blob in bytes, None if there is none."""

    def intact_size(self, digest: str, expected: int) -> int | None:
        """The size of a blob; None if there is none, or if it was damaged and is dropped.

        It is read only for a reason: another size than expected, or a file that was touched since it was hashed.
        """

    def open(self, digest: str) -> BinaryIO:
        """A real, seekable file on the blob, positioned at 0. Raises ``FileNotFoundError`` and ``StorageFailure``."""

    def drop_if_damaged(self, digest: str, *, anew: bool = False) -> bool:
        """Remove a blob, held or not, if it has other bytes than its name says.

        All of them are read, unless that was done before and the file has not been touched since; ``anew``, even then.
        """

    def room(self) -> int:
        """How many bytes may still come in without touching the reserve; negative if that is touched already."""

    def begin(self, name: str) -> BlobWriter:
        """Start a new blob under a name of the caller's choosing (an upload id). Raises ``StorageFailure``."""

    def has_written(self, name: str, size: int) -> bool:
        """Whether so many bytes are here of a writer that is open or was closed."""

    def resume(self, name: str, size: int) -> BlobWriter:
        """Go on after so many bytes of a writer that was closed, in this process or an earlier one.

        What it wrote beyond is dropped: nobody was told that it had arrived. Raises ``FileNotFoundError``.
        """

    def delete(self, digest: str) -> int | None:
        """Remove a blob; how many bytes that frees, None if there is none or it is held."""

    def hold(self, name: str) -> AbstractContextManager[None]:
        """While the block runs, the blob of a digest, or what is written under a name, is not removed.

        It need not be there yet: who holds its name first may create it and tell the database later.
        """

    def held(self) -> set[str]:
        """The names that are held, those of open writers among them."""

    def digests(self) -> Iterator[str]:
        """The digests of all blobs."""

    def strays(self) -> Iterator[str]:
        """The paths of files that lie where blobs do and are none."""

    def sweep(self, keep: set[str]) -> int:
        """Remove what is written under names that are neither to keep nor held; how many there were."""


# --- Metadata --------------------------------------------------------------------------------------------


class Repositories(Protocol):
    """The repositories of all registries."""

    def find(self, registry: Registry, name: str) -> Repository | None:
        """The repository, or None."""

    def get(self, registry: Registry, name: str) -> Repository:
        """The repository; raises ``RepositoryNotFoundException``."""

    def page(self, registry: Registry, after: str, limit: int) -> list[Repository]:
        """At most ``limit`` repositories in order of name, those after the given name."""

    def count(self, registry: Registry) -> int:
        """How many there are in a registry."""

    def add(self, repository: Repository) -> Repository:
        """Store a new repository; raises ``RepositoryAlreadyExistsException``. Returns it with its key."""

    def save(self, repository: Repository) -> None:
        """Store changed settings."""

    def remove(self, repository: Repository) -> None:
        """Remove it with everything that hangs on it."""


class Images(Protocol):
    """The images of repositories: manifests, without their tags' movements."""

    def find(self, repository: Repository, digest: str) -> Image | None:
        """The image with this digest, with its tags."""

    def add(self, repository: Repository, image: Image, manifest: Manifest, raw: bytes) -> Image:
        """Store a manifest and what it refers to. Returns the image with its key."""

    def remove(self, repository: Repository, image: Image) -> None:
        """Remove an image, its tags and its references."""

    def manifest(self, image: Image) -> StoredManifest:
        """The bytes of an image's manifest."""

    def mend(self, digest: str, raw: bytes) -> None:
        """Store the bytes of a manifest of an image again, which have been verified, unless they are what is stored."""

    def page(self, repository: Repository, after: str, limit: int) -> list[Image]:
        """At most ``limit`` images in order of digest, those after the given digest, with their tags."""

    def parents(self, repository: Repository, digest: str) -> list[str]:
        """The digests of the indexes in this repository that list an image, in order."""

    def active_parents(self, repository: Repository, digest: str) -> list[str]:
        """Those of them that are not archived."""

    def listed(self, repository: Repository) -> set[str]:
        """The digests that indexes of this repository list which are not archived."""

    def referrers(self, repository: Repository, subject: str) -> list[Image]:
        """The images whose subject is this digest, in order of digest."""

    def count(self, repository: Repository) -> int:
        """How many images there are."""

    def pulled(self, image: Image, now: datetime) -> None:
        """Record a pull."""

    def save(self, image: Image) -> None:
        """Store a changed size or status, and when the status changed."""


class Tags(Protocol):
    """Where the tags of repositories point."""

    def find(self, repository: Repository, tag: str) -> Image | None:
        """The image that a tag points at, with all its tags."""

    def put(self, repository: Repository, tag: str, image: Image, now: datetime) -> None:
        """Point a tag at an image, wherever it pointed before."""

    def remove(self, repository: Repository, tag: str) -> None:
        """Remove a tag; its image stays."""

    def page(self, repository: Repository, after: str, limit: int) -> list[str]:
        """At most ``limit`` tags in ASCII order, those after the given tag."""

    def validation(self, repository: Repository, tag: str) -> Validation | None:
        """What is known of a tag's upstream; None if it did not come through the cache."""

    def save_validation(self, repository: Repository, tag: str, validation: Validation) -> None:
        """Remember what is known of a tag's upstream; harmless if the tag is gone."""


class ReferrerListings(Protocol):
    """What upstreams said refers to the images of repositories; they go with their repository."""

    def find(self, repository: Repository, subject: str) -> ReferrerListing | None:
        """What was last said of a digest, or None."""

    def save(self, repository: Repository, listing: ReferrerListing) -> None:
        """Store a listing in place of the one that was there."""

    def has(self, repository: Repository, digest: str) -> bool:
        """Whether any listing of the repository has this referrer."""

    def remove_empty(self, before: datetime) -> None:
        """Forget the subjects to which nothing referred when the upstream was last asked, before an instant."""


class Layers(Protocol):
    """Which blobs belong to which repository."""

    def find(self, repository: Repository, digest: str) -> Layer | None:
        """A blob that the repository holds: uploaded to it, mounted, or brought in through the cache."""

    def referenced(self, repository: Repository, digest: str) -> Layer | None:
        """What an image of the repository says of a blob, whether or not the repository holds it.

        It is foreign only if all images say so.
        """

    def missing(self, repository: Repository, digests: Iterable[str]) -> list[str]:
        """Those of the digests that the repository does not hold, in the order given, each once."""

    def add(self, repository: Repository, digest: str, size: int, now: datetime) -> None:
        """Give a blob to a repository, or say that it was just given one that it has. Its name is held meanwhile."""

    def touch(self, repository: Repository, digest: str, now: datetime) -> bool:
        """Say that a client counts on a blob that the repository holds; False if it holds it no more."""

    def remove_loose(self, before: datetime) -> int:
        """Take from all repositories the blobs that were added before and to which no image refers; how many."""

    def unused(self, digests: Iterable[str]) -> list[str]:
        """Those of the digests that no repository holds and to which no image refers."""

    def holders(self, registry: Registry, digest: str) -> list[str]:
        """The names of the registry's repositories that hold a blob."""

    def owners(self, digest: str) -> set[str]:
        """The accounts that have repositories which hold a blob."""


class Inventory(Protocol):
    """What all repositories hold, whosever they are."""

    def blobs(self, after: str, limit: int) -> list[tuple[str, int]]:
        """At most ``limit`` blobs that repositories hold, each once: digest and size, in order, after a digest."""

    def manifests(self, after: str, limit: int) -> list[tuple[str, bytes | None]]:
        """At most ``limit`` manifests, each once: digest and bytes, None if these are gone, after a digest."""

    def blob_places(self, digest: str) -> list[tuple[Registry, str]]:
        """The registries and names of the repositories that hold a blob."""

    def manifest_places(self, digest: str) -> list[tuple[Registry, str]]:
        """The registries and names of the repositories that have an image."""

    def complaints(self) -> list[str]:
        """What the database finds wrong when it reads all of itself; the first 20 things."""


class Uploads(Protocol):
    """Upload sessions."""

    def get(self, repository: Repository, upload_id: str) -> Upload:
        """The session; raises ``UploadNotFoundException``, also for one of another repository."""

    def ids(self) -> set[str]:
        """The ids of all sessions of all repositories."""

    def add(self, repository: Repository, upload: Upload) -> None:
        """Begin a session."""

    def save(self, repository: Repository, upload: Upload) -> None:
        """Record its progress; raises ``UploadNotFoundException`` if it has been ended meanwhile."""

    def remove_untouched(self, before: datetime, keep: set[str]) -> None:
        """End the sessions that were last touched before an instant, but for those with the ids to keep."""

    def remove(self, repository: Repository, upload: Upload) -> None:
        """End a session; raises ``UploadNotFoundException`` if it has been ended meanwhile."""


class PullThroughRules(Protocol):
    """The pull through cache rules of all registries."""

    def find(self, registry: Registry, prefix: str) -> PullThroughRule | None:
        """The rule with this prefix, or None."""

    def all(self, registry: Registry) -> list[PullThroughRule]:
        """The rules of a registry in order of prefix; there are at most 50."""

    def of_account(self, account: str) -> list[PullThroughRule]:
        """The rules of an account in all Regions, in order of Region and prefix."""

    def registries(self) -> list[Registry]:
        """The registries that have rules, in order of account and Region."""

    def add(self, rule: PullThroughRule) -> None:
        """Store a rule; raises ``PullThroughCacheRuleAlreadyExistsException``."""

    def save(self, rule: PullThroughRule) -> None:
        """Store a changed credential."""

    def remove(self, rule: PullThroughRule) -> None:
        """Remove a rule."""


class CreationTemplates(Protocol):
    """The repository creation templates of all registries."""

    def find(self, registry: Registry, prefix: str) -> CreationTemplate | None:
        """The template with this prefix, or None."""

    def all(self, registry: Registry) -> list[CreationTemplate]:
        """The templates of a registry in order of prefix."""

    def add(self, template: CreationTemplate) -> None:
        """Store a template; raises ``TemplateAlreadyExistsException``."""

    def save(self, template: CreationTemplate) -> None:
        """Store a changed template."""

    def remove(self, template: CreationTemplate) -> None:
        """Remove a template."""


class Events(Protocol):
    """The log of the newest events; older ones are forgotten."""

    def add(self, event: Event) -> None:
        """Append."""

    def after(self, key: int, limit: int) -> list[Event]:
        """At most ``limit`` events that came after the one with this key, oldest first."""

    def latest(self, registry: Registry, detail_type: str, limit: int) -> list[Event]:
        """At most ``limit`` events of a registry of this type, newest first."""


class ServiceLinkedRoles(Protocol):
    """The service-linked roles that ECR has created."""

    def all(self) -> list[tuple[str, str]]:
        """Account and service principal of every role, in order."""

    def add(self, account: str, service: str) -> None:
        """Remember a role; harmless if it is known."""

    def remove(self, account: str, service: str) -> None:
        """Forget a role; harmless if it is not known."""


class RegistryDocuments(Protocol):
    """What registries are configured to do: policies and configurations by name, as JSON values."""

    def find(self, registry: Registry, name: str) -> Any | None:
        """The document of this name, or None."""

    def put(self, registry: Registry, name: str, document: Any) -> None:
        """Store a document in place of the one that was there."""

    def remove(self, registry: Registry, name: str) -> None:
        """Remove a document; harmless if there is none."""


class ImageDocuments(Protocol):
    """What became of images, by name, as JSON values; they go with their image."""

    def find(self, image: Image, name: str) -> Any | None:
        """The document of this name, or None."""

    def put(self, image: Image, name: str, document: Any) -> None:
        """Store a document in place of the one that was there."""


class Scans(Protocol):
    """The last basic scan of every image that was scanned; they go with their image."""

    def find(self, image: Image) -> Scan | None:
        """The last scan of an image, or None."""

    def save(self, image: Image, scan: Scan) -> None:
        """Store a scan in place of the last."""

    def remove(self, image: Image) -> None:
        """Forget that an image was scanned; harmless if it was not."""

    def count_since(self, registry: Registry, since: datetime) -> int:
        """How many images of a registry were last scanned after an instant."""


class KnownFindings(Protocol):
    """What users have told of images, by digest: the findings of scans to come."""

    def find(self, digest: str) -> list[dict[str, Any]] | None:
        """What is known under a digest, or None."""

    def put(self, digest: str, findings: list[dict[str, Any]]) -> None:
        """Store findings in place of those that were there."""

    def remove(self, digest: str) -> None:
        """Forget findings; harmless if there are none."""


class Backfills(Protocol):
    """The replication backfills of all registries."""

    def find(self, registry: Registry, backfill_id: str) -> Backfill | None:
        """The backfill with this id, or None."""

    def all(self, registry: Registry) -> list[Backfill]:
        """The backfills of a registry, the newest first."""

    def save(self, backfill: Backfill) -> None:
        """Store a new or changed backfill."""


class LifecyclePreviews(Protocol):
    """The lifecycle policy previews, one for each repository at most."""

    def find(self, repository: Repository) -> LifecyclePreview | None:
        """The latest preview of a repository, or None."""

    def save(self, repository: Repository, preview: LifecyclePreview) -> None:
        """Store a preview in place of the one that was there."""


class Tasks(Protocol):
    """Work to be done behind the client's back."""

    def add(self, task: Task) -> None:
        """Have it done when it is due; it replaces a task that waits under the same key."""

    def find(self, key: str) -> Task | None:
        """The task that waits under this key, or None."""

    def remove(self, key: str) -> None:
        """Forget a task; harmless if there is none."""

    def hasten(self, kind: str, now: datetime) -> int:
        """Make all tasks of a kind due, whenever they were to be done; how many there are."""

    def due(self, now: datetime) -> Task | None:
        """The task that has been due for longest."""


class UnitOfWork(Protocol):
    """One transaction and the door to everything stored."""

    repositories: Repositories
    images: Images
    tags: Tags
    referrer_listings: ReferrerListings
    layers: Layers
    inventory: Inventory
    uploads: Uploads
    rules: PullThroughRules
    templates: CreationTemplates
    events: Events
    service_linked_roles: ServiceLinkedRoles
    registry_documents: RegistryDocuments
    image_documents: ImageDocuments
    scans: Scans
    known_findings: KnownFindings
    backfills: Backfills
    lifecycle_previews: LifecyclePreviews
    tasks: Tasks


class Store(Protocol):
    """The metadata. Leaving a block normally commits it; an exception rolls it back."""

    @property
    def next_due(self) -> datetime | None:
        """When the first task is due, as of the last commit; None if there is none. Costs nothing."""

    def remember_time(self, now: datetime) -> None:
        """Remember what time it is, so that a restart does not go back behind it. Raises ``StorageFailure``."""

    def reading(self) -> AbstractContextManager[UnitOfWork]:
        """A unit that only reads; many run side by side, and none waits for a writer."""

    def writing(
        self, *, waits: bool = True, promised: bool = True, frees: bool = False
    ) -> AbstractContextManager[UnitOfWork]:
        """A unit that may write; one at a time. Raises ``StorageFailure``.

        What it commits survives a loss of power. With ``promised=False`` it does so only together with a later commit
        that is promised: for what clients do again. With ``waits=False`` that is so, too, and the unit fails at once
        where another program holds the lock: for what can be left out or done later. With ``frees=True`` it may use
        the last room of the disk: for what makes room there.
        """


# --- The world outside -----------------------------------------------------------------------------------


class Credential(NamedTuple):
    """How to sign in at an upstream registry."""

    username: str
    access_token: str


class SecretSource(Protocol):
    """Secrets Manager, as far as pull through needs it."""

    def check_exists(self, arn: str, registry: Registry) -> None:
        """Raise ``SecretNotFoundException``, ``UnableToAccessSecretException`` or
        ``UnableToDecryptSecretValueException`` unless the registry can read this secret."""

    def credential(self, arn: str, registry: Registry) -> Credential:
        """The credential in the secret, read anew. Raises ``UpstreamAccessDenied`` with the reason if the secret
        is gone or does not hold ``username`` and ``accessToken``."""


class AccessKey(NamedTuple):
    """An access key, its secret, and the principal that it speaks for.

    ``session_token`` and ``expires_at``, by the emulator's clock, are those of a session; a user's key has neither.
    """

    account: str
    principal_arn: str
    secret: str
    session_token: str | None = None
    expires_at: datetime | None = None


class Identity(NamedTuple):
    """A principal, the policies that IAM keeps for it, and what IAM knows of it, as values of condition keys.

    ``trust`` is the document that says who may act in the role behind it; None if there is none.
    """

    principal: Principal
    policies: Policies = Policies()
    context: Mapping[str, tuple[str, ...]] = {}
    trust: str | None = None


class Identities(Protocol):
    """IAM and STS, as far as ECR asks them who somebody is."""

    def find_key(self, access_key: str) -> AccessKey | None:
        """An active access key that they gave out, or None."""

    def identity_of(self, caller: Caller) -> Identity:
        """The principal behind a caller, as it is now; one that is gone has no policies."""

    def identity_in_role(self, role_arn: str) -> Identity:
        """ECR itself in a role, as the role is now; in one that is not there it has no policies."""


class Roles(Protocol):
    """IAM, as far as ECR acts in it by itself."""

    def has_service_linked_role(self, account: str, service: str) -> bool:
        """Whether an account has the service-linked role of a service principal."""

    def ensure_service_linked_role(self, account: str, service: str) -> None:
        """Create the service-linked role of a service principal unless the account has it."""


class ManifestHead(NamedTuple):
    """Which manifest a tag points at, as an upstream says.

    ``manifest`` is the manifest itself, if it had to be fetched to know.
    """

    digest: str
    media_type: str
    manifest: StoredManifest | None = None


class RateLimit(NamedTuple):
    """What an upstream said of its rate limit: ``remaining`` requests of ``limit`` in ``window`` seconds."""

    limit: int
    remaining: int
    window: int | None


class Upstream(Protocol):
    """One upstream registry, signed in as one rule says. Every method raises ``UpstreamFailure``."""

    def head_manifest(self, name: str, reference: str) -> ManifestHead:
        """Ask which manifest a tag points at."""

    def manifest(self, name: str, reference: str) -> StoredManifest:
        """Fetch a manifest by tag or digest. The bytes match the digest that was asked for, or announced."""

    def blob(self, name: str, digest: str, size: int, offset: int = 0) -> Iterator[bytes]:
        """The bytes of a blob from an offset on, as they arrive.

        Breaks in the connection are mended underneath; the caller still verifies the digest. ``size`` is what the
        manifest says; the iterator never yields more.
        """

    def referrers(self, name: str, digest: str) -> list[Referrer]:
        """What refers to a digest, wherever the upstream keeps that; none if it knows of none."""

    def hang_up(self) -> None:
        """Use none of the connections any more that are kept: one of them brought something wrong."""

    def ping(self) -> None:
        """Check that the registry answers and accepts the credential."""


class UpstreamState(NamedTuple):
    """What is known of the upstream of a rule without asking it.

    ``address`` is where it is reached, if that is not its own name. ``broken`` is for how many more seconds it is left
    alone because it kept failing, 0 if one request may now find out, None if it is not; ``limited`` is for how many
    more seconds it does not want to be asked, 0 if it does.
    """

    address: str | None = None
    broken: float | None = None
    limited: float = 0.0
    rate_limit: RateLimit | None = None


class Upstreams(Protocol):
    """How to reach upstream registries."""

    def at(self, rule: PullThroughRule) -> Upstream:
        """The upstream of a rule. Raises ``UpstreamFailure`` if its credential cannot be read."""

    def state(self, rule: PullThroughRule) -> UpstreamState:
        """What is known of the upstream of a rule."""

    def ask_anew(self, rule: PullThroughRule, name: str | None = None) -> None:
        """Let the next request to the upstream of a rule through, although it kept failing.

        What it lately did not have or show in the repository of this name, as it calls it, is asked for again. A rate
        limit stays: that was its own wish.
        """
