"""``/_ecr/image-dates``, ``/_ecr/snapshots`` and ``/_ecr/state``: changes of the state for tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from shutil import rmtree
from typing import IO, Any, Protocol

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ecr_emulator.admin.access_keys import AccessKeysAdmin
from ecr_emulator.admin.request_parsing import find_registry
from ecr_emulator.errors import EcrError
from ecr_emulator.ports.nodes import KnownNode
from ecr_emulator.services import Services
from ecr_emulator.services.image_dates import set_image_dates

TAR = "application/x-tar"
CHUNK = 1024 * 1024


class Snapshots(Protocol):
    """Snapshots of the emulator in memory."""

    def take(self) -> Any:
        """Return a snapshot."""

    def restore(self, snapshot: Any, /) -> None:
        """Restore a snapshot."""


class Portable(Protocol):
    """Snapshots as files."""

    def save(self) -> Path:
        """Write everything to a file in a new folder, which the caller removes."""

    def load(self, content: IO[bytes], /) -> None:
        """Replace everything by the content of a file. Raises ``ValueError``; nothing has changed then."""


class StateAdmin:
    """The views. Snapshots have numbers and are kept until they are deleted or the process ends.

    With several nodes, the number follows the beginning of the node's id, so that no other node has the same one.
    """

    def __init__(
        self, services: Services, snapshots: Snapshots, portable: Portable, access_keys: AccessKeysAdmin
    ) -> None:
        self._services = services
        self._portable = portable
        self._snapshots = snapshots
        self._numbers = count(1)
        self._taken: dict[str, Any] = {}
        self.access_keys = access_keys

    def set_image_dates(self, given: Mapping[str, Any]) -> ResponseReturnValue:
        """Set the dates at which an image was pushed and last pulled, by its repository and digest."""
        registry = find_registry(given, self._services.home)
        pushed_at, pulled_at = self._instant(given, "pushed_at"), self._instant(given, "pulled_at")
        if pushed_at and pulled_at and pulled_at < pushed_at:
            raise BadRequest("pulled_at is before pushed_at: an image cannot be pulled before it is pushed")
        repository, digest = given.get("repository"), given.get("digest")
        if not isinstance(repository, str) or not isinstance(digest, str):
            raise BadRequest("The body must have repository and digest, as text")
        try:
            with self._services.store.writing() as work:
                image = set_image_dates(work, registry, repository, digest, (pushed_at, pulled_at))
        except EcrError as absent:
            return jsonify(error=absent.message), 404
        last_pull = image.last_pulled_at and image.last_pulled_at.isoformat()
        return jsonify(digest=digest, pushed_at=image.pushed_at.isoformat(), pulled_at=last_pull)

    def take_snapshot(self, _: Mapping[str, Any]) -> ResponseReturnValue:
        """Take a snapshot of everything."""
        name = f"{self._prefix()}{next(self._numbers)}"
        self._taken[name] = self._snapshots.take()
        return jsonify(snapshot=name)

    def restore_snapshot(self, _: Mapping[str, Any], snapshot: str) -> ResponseReturnValue:
        """Restore a snapshot, which can be restored again."""
        taken = self._taken.get(snapshot)
        if taken is None:
            return self._unknown(snapshot)
        self._snapshots.restore(taken)
        return jsonify(snapshot=snapshot, now=self._services.clock.now().isoformat())

    def delete_snapshot(self, _: Mapping[str, Any], snapshot: str) -> ResponseReturnValue:
        """Delete a snapshot and free its memory and blobs."""
        taken = self._taken.pop(snapshot, None)
        return self._unknown(snapshot) if taken is None else jsonify(snapshot=snapshot)

    def save(self, _: Mapping[str, Any]) -> ResponseReturnValue:
        """Answer the whole state as one file."""
        path = self._portable.save()
        headers = {"Content-Length": str(path.stat().st_size)}
        answer = Response(_chunks_of(path), content_type=TAR, headers=headers)
        answer.call_on_close(lambda: rmtree(path.parent, ignore_errors=True))  # also if nobody reads it
        return answer

    def load(self, _: Mapping[str, Any]) -> ResponseReturnValue:
        """Replace the whole state by that in a file."""
        try:
            self._portable.load(request.stream)
        except ValueError as unreadable:
            raise BadRequest(f"This file cannot be loaded; nothing has changed. {unreadable}") from None
        return jsonify(status="loaded", now=self._services.clock.now().isoformat())

    def _prefix(self) -> str:
        others = self._services.store.other_nodes
        return next((_prefix_of(node) for node in others.all() if node.is_this), "") if others else ""

    def _unknown(self, snapshot: str) -> ResponseReturnValue:
        others = self._services.store.other_nodes
        for node in others.all() if others else ():
            if snapshot.startswith(_prefix_of(node)) and not node.is_this:
                place = f"the node {node.id}, process {node.process} on {node.host}"
                return jsonify(error=f"Snapshot {snapshot[:100]!r} is in the memory of {place}: ask that node"), 404
        known = ", ".join(self._taken) or "none"
        return jsonify(error=f"This process has no snapshot {snapshot[:100]!r}. Its snapshots: {known}"), 404

    def _instant(self, given: Mapping[str, Any], key: str) -> datetime | None:
        """Return the instant in ``given[key]``, or None. Raises ``BadRequest``, also for an instant in the future."""
        if key not in given:
            return None
        now = self._services.clock.now()
        try:
            instant = datetime.fromisoformat(given[key])
            if instant.tzinfo is not None and instant <= now:
                return instant.astimezone(UTC)
        except (TypeError, ValueError):
            pass
        expected = "an instant with its time zone, like 2026-01-31T12:00:00+00:00"
        raise BadRequest(f"{key} must be {expected}, not later than {now.isoformat()}")


def _prefix_of(node: KnownNode) -> str:
    return f"{node.id[:8]}-"


def _chunks_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
