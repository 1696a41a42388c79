"""The operations of the registry that the control plane and the data plane share."""

from __future__ import annotations

from collections.abc import Collection

from ecr_emulator.domain.addresses import Addresses
from ecr_emulator.domain.names import Registry
from ecr_emulator.ports.blobs import BlobStore
from ecr_emulator.ports.encryption_keys import EncryptionKeys
from ecr_emulator.ports.identities import Roles
from ecr_emulator.ports.ids import IdSource
from ecr_emulator.ports.secrets import SecretSource
from ecr_emulator.ports.store import Store
from ecr_emulator.ports.time import Clock
from ecr_emulator.ports.upstream import Upstreams
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.access import Access
from ecr_emulator.services.access_questions import AccessQuestions
from ecr_emulator.services.background import Background
from ecr_emulator.services.due_work import DueWork
from ecr_emulator.services.garbage_collection import GarbageCollector
from ecr_emulator.services.pull_through import Referrers
from ecr_emulator.services.pulls import Pulls
from ecr_emulator.services.repositories import NewRepositories
from ecr_emulator.services.request_faults import RequestFaults
from ecr_emulator.services.signatures import Signatures
from ecr_emulator.services.tokens import Tokens
from ecr_emulator.services.uploads import Uploads
from ecr_emulator.services.verification import Verification


@dataclass(frozen=True)
class Services:
    """Everything that a request may need, wired once by ``emulator``.

    ``home`` is the registry of requests that name no other. ``allowed_upstreams`` are the upstream hosts that rules may
    name besides those of ECR. Without ``access``, every caller may do everything.
    """

    home: Registry
    clock: Clock
    ids: IdSource
    store: Store
    blobs: BlobStore
    secrets: SecretSource
    roles: Roles
    keys: EncryptionKeys
    new_repositories: NewRepositories
    upstreams: Upstreams
    tokens: Tokens
    uploads: Uploads
    pulls: Pulls
    referrers: Referrers
    addresses: Addresses
    background: Background
    due_work: DueWork
    garbage_collector: GarbageCollector
    verification: Verification
    signatures: Signatures
    faults: RequestFaults
    access_questions: AccessQuestions
    allowed_upstreams: Collection[str] = ()
    access: Access | None = None
