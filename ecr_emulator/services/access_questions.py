"""Questions of people about access: may this principal pull from this repository, and which policy says so?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from ecr_emulator.domain.access.evaluate import Decision
from ecr_emulator.domain.access.request import Principal
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.names import Registry, is_account_id, is_repository_name
from ecr_emulator.domain.principals import account_of, role_of_session
from ecr_emulator.domain.pull_through import matching_rule
from ecr_emulator.domain.template import CREATE_ON_PUSH, matching_template
from ecr_emulator.ports.identities import Identities, Identity
from ecr_emulator.ports.store import Store, UnitOfWork
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.access import BATCH_IMPORT, CREATE_REPOSITORY, Context, RequiredAction, decide_by_policies

PULL, PUSH, LIST, DELETE = "pull", "push", "list", "delete"
_ACTIONS = {
    PULL: (
        ("ecr:BatchGetImage", "download manifests"),
        ("ecr:GetDownloadUrlForLayer", "download layers"),
    ),
    PUSH: (
        ("ecr:BatchCheckLayerAvailability", "ask which layers are there"),
        ("ecr:InitiateLayerUpload", "begin to upload a layer"),
        ("ecr:UploadLayerPart", "upload a layer"),
        ("ecr:CompleteLayerUpload", "complete the upload of a layer"),
        ("ecr:PutImage", "store the manifest"),
    ),
    LIST: (
        ("ecr:DescribeRepositories", "find the repository"),
        ("ecr:ListImages", "list tags and digests"),
        ("ecr:DescribeImages", "describe images"),
    ),
    DELETE: (("ecr:BatchDeleteImage", "delete images"),),
}
DEEDS = tuple(_ACTIONS)
"""The deeds that questions are about."""
LONGEST_QUOTE = 200
"""Number of characters that messages quote of a text."""
_ACCESS_KEY = re.compile(r"[A-Z0-9]{16,128}")
_USER = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:user/.+", re.ASCII)
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+", re.ASCII)
_FEDERATED = re.compile(r"arn:aws[a-z-]*:sts::\d{12}:federated-user/.+", re.ASCII)


class BadQuestion(ValueError):
    """The question cannot be answered. The message says why, and what would be right."""


class AccessQuestion(NamedTuple):
    """A question: may ``principal`` perform one of ``DEEDS`` on a repository, which need not exist?

    ``principal`` is the ARN of a user, a role, a session or a root, the number of an account for its root, or the id of
    an access key.
    """

    principal: str
    deed: str
    repository: str


class NeededAction(NamedTuple):
    """An action in a registry that a deed needs. Unless it ``is_needed``, the deed only sometimes fails without it."""

    action: str
    purpose: str
    registry: Registry
    resource: str
    is_needed: bool = True


class ActionAnswer(NamedTuple):
    """The decision about one action."""

    needed: NeededAction
    decision: Decision


@dataclass(frozen=True, slots=True)
class AccessAnswer:
    """The answer to a question. ``obstacle`` is a reason beside policies why the deed fails, or None."""

    principal: str
    actions: tuple[ActionAnswer, ...]
    obstacle: str | None = None

    @property
    def is_allowed(self) -> bool:
        """Whether policies allow the deed, and nothing else is in its way."""
        return self.obstacle is None and all(each.decision.is_allowed for each in self.actions if each.needed.is_needed)


class AccessQuestions:
    """Answers questions by the policies of IAM, of repositories and of registries.

    Answers are those of ``--iam enforce``. If not ``is_enforced``, the emulator allows everything whatever they are.
    """

    def __init__(self, identities: Identities, store: Store, is_enforced: bool) -> None:
        self._identities = identities
        self._store = store
        self.is_enforced = is_enforced

    def answer(self, question: AccessQuestion, registry: Registry, context: Context, now: datetime) -> AccessAnswer:
        """Answer a question about a registry. ``context`` has the condition keys of the principal's requests.

        Raises ``BadQuestion``.
        """
        if question.deed not in _ACTIONS:
            raise BadQuestion(f"{_quoted(question.deed)} must be one of {', '.join(DEEDS)}")
        if not is_repository_name(question.repository):
            raise BadQuestion(f"{_quoted(question.repository)} is not the name of a repository, like team/app")
        identity = self._identity(question.principal, registry, now)
        with self._store.reading() as work:
            obstacle = _obstacle(work, registry, question)
            actions = []
            for each in _needed_actions(work, registry, question, identity):
                required = RequiredAction(each.action, each.resource)
                decision = decide_by_policies(work, identity, each.registry, required, context, now)
                actions.append(ActionAnswer(each, decision))
        return AccessAnswer(identity.principal.arn, tuple(actions), obstacle)

    def _identity(self, given: str, registry: Registry, now: datetime) -> Identity:
        if is_account_id(given):
            return self._identities.identity_of(Caller.root_of(Registry(given, registry.region)))
        if _ACCESS_KEY.fullmatch(given):
            return self._owner_of_key(given, registry, now)
        if account_of(given) is None:
            raise BadQuestion(
                f"{_quoted(given)} is no principal; name the ARN of a user, a role or a session of a role, "
                "the twelve digits of an account for its root, or the id of an access key"
            )
        return self._identity_by_arn(given, registry)

    def _owner_of_key(self, access_key: str, registry: Registry, now: datetime) -> Identity:
        key = self._identities.find_key(access_key)
        if key is None:
            raise BadQuestion(f"IAM and STS know no active access key {access_key}")
        if key.expires_at and now >= key.expires_at:
            raise BadQuestion(f"The session of the access key {access_key} has expired at {key.expires_at.isoformat()}")
        session = access_key if key.session_token else None
        return self._identities.identity_of(Caller(registry, key.principal_arn, session))

    def _identity_by_arn(self, arn: str, registry: Registry) -> Identity:
        if _FEDERATED.fullmatch(arn):
            raise BadQuestion("The policies of a federated user belong to its session; name its access key instead")
        role_arn = arn if _ROLE.fullmatch(arn) else role_of_session(arn)
        if role_arn:
            return self._identity_in_role(arn, role_arn)
        identity = self._identities.identity_of(Caller(registry, arn))
        if identity.principal.is_root:
            return identity
        if not _USER.fullmatch(arn):
            raise BadQuestion(f"{_quoted(arn)} must be the ARN of a user, a role, a session of a role or a root")
        if not identity.context:  # the attributes of a user that exists
            raise BadQuestion(f"IAM knows no user {_quoted(arn)}")
        return identity

    def _identity_in_role(self, arn: str, role_arn: str) -> Identity:
        identity = self._identities.identity_in_role(role_arn)
        if identity.trust is None:
            raise BadQuestion(f"IAM knows no role {_quoted(role_arn)}; the ARN of a role with a path contains the path")
        return identity if arn == role_arn else identity._replace(principal=Principal.of_arn(arn, role_arn))


def _needed_actions(
    work: UnitOfWork, registry: Registry, question: AccessQuestion, identity: Identity
) -> Iterator[NeededAction]:
    resource = registry.arn(question.repository)
    exists = work.repositories.find(registry, question.repository) is not None
    own_registry = Registry(identity.principal.account or registry.id, registry.region)
    yield NeededAction("ecr:GetAuthorizationToken", "log in", own_registry, "*")
    for action, purpose in _ACTIONS[question.deed]:
        yield NeededAction(action, purpose, registry, resource)
    if question.deed == PULL and matching_rule(work.rules.all(registry), question.repository):
        yield NeededAction(BATCH_IMPORT, "import from the upstream", registry, resource, not exists)
    if question.deed in (PULL, PUSH) and not exists:
        yield NeededAction(CREATE_REPOSITORY, "create the repository", registry, resource)


def _obstacle(work: UnitOfWork, registry: Registry, question: AccessQuestion) -> str | None:
    """Return why a deed fails whatever the policies say: the repository does not exist and nothing creates it."""
    name, deed = question.repository, question.deed
    if work.repositories.find(registry, name):
        return None
    if deed == PULL and matching_rule(work.rules.all(registry), name):
        return None
    if deed == PUSH and matching_template(work.templates.all(registry), name, CREATE_ON_PUSH):
        return None
    missing = {PULL: ", and no pull through cache rule covers it", PUSH: ", and no template creates it on a push"}
    return f"The repository {name} does not exist{missing.get(deed, '')}"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…")
