"""Deletions of service-linked roles: the one for pull through cache stays as long as there are rules.

moto deletes any role at once. https://docs.aws.amazon.com/AmazonECR/latest/userguide/slr-pullthroughcache.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.iam.roles import detach_policies
from ecr_emulator.companions.kept_documents import KeptDocuments
from ecr_emulator.companions.query import query_of
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.service_linked_roles import PULL_THROUGH_CACHE, ROLES
from ecr_emulator.ports.ids import IdSource
from ecr_emulator.ports.store import Store

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

REASON = "The service-linked role is in use: delete the pull through cache rules in all Regions first."
"""AWS's own sentence is not known."""

_NAMES = {role.name: service for service, role in ROLES.items()}
_XML = (
    '<{action}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
    "<{action}Result>{result}</{action}Result></{action}Response>"
)


class RoleDeletions:
    """Answers requests to delete the roles of ECR where moto would answer wrongly."""

    def __init__(self, companions: Companions, store: Store, ids: IdSource, kept: KeptDocuments) -> None:
        self._kept = kept
        self._store = store
        self._ids = ids
        self._failed: dict[str, list[PullThroughRule]] = {}
        companions.before_each_call(self._answer)
        companions.at_reset(lambda: self._failed.clear())  # noqa: PLW0108 - a restore replaces the attribute
        companions.in_snapshots(lambda: self._failed, self._put_failed)

    def _answer(self, environ: WSGIEnvironment, account: str) -> Response | None:
        """Return the answer to a request that moto must not receive."""
        query = query_of(environ, "iam")
        match query.get("Action"):
            case "DeleteServiceLinkedRole":
                return self._delete(account, query.get("RoleName", ""))
            case "GetServiceLinkedRoleDeletionStatus" if query.get("DeletionTaskId") in self._failed:
                return _status(self._failed[query["DeletionTaskId"]])
        return None

    def _put_failed(self, failed: dict[str, list[PullThroughRule]]) -> None:
        self._failed = failed

    def _delete(self, account: str, name: str) -> Response | None:
        """Let moto delete a role that is not in use, and do not recreate it after a restart."""
        service = _NAMES.get(name)
        if service is None:
            return None
        with self._store.joining() as work:
            rules = work.rules.of_account(account) if service == PULL_THROUGH_CACHE else []
            if not rules:
                work.service_linked_roles.remove(account, service)
                self._kept.touch("iam")
                detach_policies(account, name)
                return None
        task = f"task/aws-service-role/{service}/{name}/{self._ids.uuid()}"
        self._failed[task] = rules
        return _xml("DeleteServiceLinkedRole", f"<DeletionTaskId>{escape(task, quote=False)}</DeletionTaskId>")


def _status(rules: Iterable[PullThroughRule]) -> Response:
    by_region = defaultdict(list)
    for rule in rules:
        by_region[rule.registry.region].append(rule.prefix)
    usage = "".join(
        f"<member><Region>{region}</Region><Resources>{_members(prefixes)}</Resources></member>"
        for region, prefixes in by_region.items()
    )
    reason = f"<Reason><Reason>{escape(REASON, quote=False)}</Reason><RoleUsageList>{usage}</RoleUsageList></Reason>"
    return _xml("GetServiceLinkedRoleDeletionStatus", f"<Status>FAILED</Status>{reason}")


def _members(texts: Iterable[str]) -> str:
    return "".join(f"<member>{escape(text, quote=False)}</member>" for text in texts)


def _xml(action: str, result: str) -> Response:
    return Response(_XML.format(action=action, result=result), content_type="text/xml")
