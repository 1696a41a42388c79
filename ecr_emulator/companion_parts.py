"""The wiring of the companions: moto, and the parts of ECR that read and change its state."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.aws_config import add_config
from ecr_emulator.companions.cloudformation import add_cloudformation
from ecr_emulator.companions.event_bridge import add_event_bridge
from ecr_emulator.companions.functions import add_functions
from ecr_emulator.companions.iam.additions import add_to_iam
from ecr_emulator.companions.iam.documents import KEPT as IAM
from ecr_emulator.companions.iam.identities import CompanionIdentities
from ecr_emulator.companions.iam.role_deletions import RoleDeletions
from ecr_emulator.companions.iam.role_trust import RoleTrust
from ecr_emulator.companions.iam.roles import CompanionRoles
from ecr_emulator.companions.iam.session_records import kept_sessions
from ecr_emulator.companions.kept_documents import KeptDocuments
from ecr_emulator.companions.kms.keys import KEPT as KEYS
from ecr_emulator.companions.kms.keys import CompanionKeys
from ecr_emulator.companions.requests import note_request
from ecr_emulator.companions.secrets import KEPT as SECRETS
from ecr_emulator.companions.secrets import CompanionSecrets
from ecr_emulator.companions.signer.signing import KEPT as PROFILES
from ecr_emulator.companions.signer.signing import CompanionSigner
from ecr_emulator.companions.state_documents import StateDocuments
from ecr_emulator.companions.tagging import add_tagging
from ecr_emulator.companions.unknown_repositories import refuse_unknown_repositories
from ecr_emulator.ports.ecr_api import EcrApi
from ecr_emulator.ports.encryption_keys import EncryptionKeys
from ecr_emulator.services.access import Access
from ecr_emulator.services.access_questions import AccessQuestions
from ecr_emulator.services.named_keys import NamedKeys
from ecr_emulator.settings import Settings
from ecr_emulator.storage.document_files import COMPANIONS, DocumentFiles
from ecr_emulator.storage.units import Units
from ecr_emulator.system import RandomIds, SystemClock


class CompanionParts(NamedTuple):
    """The companions, and the parts of ECR that use them. ``access`` is None unless IAM is enforced."""

    companions: Companions
    identities: CompanionIdentities
    access: Access | None
    access_questions: AccessQuestions
    secrets: CompanionSecrets
    kept: KeptDocuments
    documents: StateDocuments
    keys: EncryptionKeys
    roles: CompanionRoles
    signer: CompanionSigner


def open_companions(
    settings: Settings, clock: SystemClock, ids: RandomIds, store: Units, data_dir: Path | None, ecr: EcrApi
) -> CompanionParts:
    """Return the companions of an emulator. They keep state in a database that nodes share, or else in ``data_dir``.

    ``ecr`` is the API of the emulator, which other services call.
    """
    enforces = settings.iam == "enforce"
    companions = Companions(settings.account)
    kept = _kept_documents(companions, settings, store, data_dir)
    identities = CompanionIdentities(companions, clock, kept)
    add_to_iam(companions, clock, refuses_unknown_keys=enforces)
    secrets = CompanionSecrets(companions, kept)
    keys = CompanionKeys(companions, store, kept)
    signer = CompanionSigner(companions, kept)
    RoleDeletions(companions, store, ids, kept)
    parts = {"iam": IAM, "sessions": kept_sessions(clock), "secrets": SECRETS, "keys": KEYS, "signer": PROFILES}
    access = Access(identities, store) if enforces else None
    if enforces:
        RoleTrust(companions, identities, clock)
    add_cloudformation(companions, ecr, identities, clock, enforces=enforces)
    companions.before_each_call(note_request)
    companions.before_each_call(refuse_unknown_repositories)
    add_event_bridge(companions, clock)
    add_config(companions, store)
    add_functions(companions, ecr, settings.public_host)
    add_tagging(companions, ecr, store, identities, clock, access)
    return CompanionParts(
        companions,
        identities,
        access,
        AccessQuestions(identities, store, is_enforced=enforces),
        secrets,
        kept,
        StateDocuments(companions, parts, are_kept=kept.are_kept),
        NamedKeys() if settings.any_kms_key else keys,
        CompanionRoles(companions, store, kept),
        signer,
    )


def _kept_documents(companions: Companions, settings: Settings, store: Units, data_dir: Path | None) -> KeptDocuments:
    if settings.database is None:
        return KeptDocuments(companions, DocumentFiles(data_dir / COMPANIONS) if data_dir else None)
    from ecr_emulator.storage.postgres.documents import TOPIC, PostgresDocuments

    documents = PostgresDocuments(store)
    kept = KeptDocuments(companions, documents)
    if store.other_nodes:
        store.other_nodes.at_news(TOPIC, lambda: kept.catch_up(documents.versions()))
    return kept
