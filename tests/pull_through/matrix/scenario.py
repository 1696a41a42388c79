"""An emulator and its upstream just before something goes wrong, by phase of a pull.

T: a token is fetched. R: a cached tag is checked after a day. U, L: such a tag has moved, and an image that the new
index lists (U), or a layer of it (L), is being fetched. M: a manifest is pulled that is not cached. C: a child of an
index is imported, after the client got the index. B: a blob is pulled that is not cached. F: referrers are listed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

from ecr_emulator.domain.names import algorithm_of, digest_of
from ecr_emulator.emulator import Emulator
from ecr_emulator.ports.upstream_failures import UpstreamFailure
from ecr_emulator.services.pull_through.imports import Imports
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.auth import Basic, Bearer
from ecr_emulator.testing.upstream.faults import Request
from ecr_emulator.testing.upstream.images import artifact, image, index, layer
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from ecr_emulator.upstream.retries import Retries
from tests.support.blob_places import stored_blobs
from tests.support.certificates import Authority
from tests.support.pull_through import ACCOUNT, Cache

TEAM = "team/app"
NAME = f"cache/{TEAM}"
LAYER = layer("cold", 200_000)
CHILD = image("amd64", LAYER)
APP = index(CHILD, image("arm64", architecture="arm64"))
NEW_LAYER = layer("new", 200_000)
NEW_CHILD = image("s390x", NEW_LAYER, architecture="s390x")
NEWER = index(CHILD, NEW_CHILD)
SIGNATURE = artifact(APP)
ANONYMOUS, SIGNED_IN = "quay.io", "registry-1.docker.io"


@dataclass(frozen=True)
class Delivered:
    """A received response. ``said`` is ``200``, ``200 cut`` for a body that broke off, or status and code."""

    said: str
    body: bytes
    headers: Any


class TokenlessCache(Cache):
    """A client of an emulator that requires no token, so that hundreds of pulls need no log in."""

    def get(self, path: str, **headers: str) -> Any:
        return self.http.get(path, headers=headers)


class Scenario:
    """A pull in which something breaks: the cache, the servers, and the events so far."""

    def __init__(self, phase: str, cache: Cache, upstream: ScriptedUpstream, tokens: ScriptedUpstream) -> None:
        self.phase = phase
        self.cache = cache
        self.upstream = upstream
        self.tokens = tokens
        self.victim = tokens if phase == "T" else upstream
        self.app = APP
        self.authority: Authority | None = None
        self.credential: tuple[str, str] | None = None
        self.pauses: list[float] = []
        self.may_import = Event()
        self.asked_by_import: list[Request] | None = None
        self._asked = self._told = 0

    # --- Before -----------------------------------------------------------------------------------------

    @property
    def target(self) -> str:
        """Return the text that the URLs of the phase have in common."""
        return {
            "T": "/token",
            "R": "/manifests/",
            "U": f"/manifests/{NEW_CHILD.digest}",
            "L": f"/blobs/{NEW_LAYER.digest}",
            "M": "/manifests/v1",
            "C": f"/manifests/{CHILD.digest}",
            "B": f"/blobs/{LAYER.digest}",
            "F": "/referrers/",
        }[self.phase]

    def arrange(self, *, moved: bool = False) -> None:
        """Bring the emulator to the beginning of the phase."""
        if self.phase in "RUL":
            self.may_import.set()
            assert self.cache.pull(NAME, "v1") == APP.raw
            self.cache.settle()
            self.cache.advance(hours=25)
        if moved or self.phase in "UL":
            self.app = NEWER
            self.upstream.add_image(TEAM, NEWER, "v1")
        if self.phase in "CBF":
            assert self.cache.manifest(NAME, "v1").data == APP.raw
        if self.phase == "F":
            self.finish_import()
        if self.phase == "B":
            assert self.cache.manifest(NAME, CHILD.digest).data == CHILD.raw
        self._asked = len(self.victim.requests)
        self._told = len(self._events())

    # --- During the fault -------------------------------------------------------------------------------

    def act(self) -> Delivered:
        """Send the request of the phase; in phase C, after the import has ended."""
        match self.phase:
            case "C":
                self.finish_import()
                self.asked_by_import = self.asked()
                return self.get(f"manifests/{CHILD.digest}")
            case "B":
                return self.get(f"blobs/{LAYER.digest}")
            case "F":
                return self.get(f"referrers/{APP.digest}")
        return self.get("manifests/v1")

    def get(self, path: str, **headers: str) -> Delivered:
        """Send a GET and return the response, complete or cut off."""
        answer = self.cache.get(f"/v2/{NAME}/{path}", **headers)
        if answer.status_code >= 400:
            return Delivered(f"{answer.status_code} {answer.json['errors'][0]['code']}", answer.data, answer.headers)
        body = bytearray()
        try:
            for chunk in answer.iter_encoded():
                body += chunk
        except UpstreamFailure:
            return Delivered(f"{answer.status_code} cut", bytes(body), answer.headers)
        return Delivered(str(answer.status_code), bytes(body), answer.headers)

    def finish_import(self) -> None:
        """Wait until the background import has ended."""
        self.may_import.set()
        self.cache.settle()

    def asked(self) -> list[Request]:
        """Return the upstream requests of the phase since it began; in phase C, those of the import alone."""
        if self.asked_by_import is not None:
            return self.asked_by_import
        return [each for each in self.victim.requests[self._asked :] if each.matches(None, self.target)]

    def told(self) -> str | None:
        """Return the result in the first event since then: SUCCESS, the failure code, or ``None`` without an event."""
        events = self._events()[self._told :]
        return events[0].get("failure-code", events[0]["sync-status"]) if events else None

    def _events(self) -> list[dict[str, Any]]:
        every = self.cache.http.get("/_ecr/events").json["events"]
        return [each["detail"] for each in every if each["detail-type"] == "ECR Pull Through Cache Action"]

    # --- After --------------------------------------------------------------------------------------------

    def check_body(self, delivered: Delivered, *, garbled: bool) -> None:
        """Check that the client got the right bytes, or never got the last 64 KiB of wrong ones."""
        whole = {"C": CHILD.raw, "B": LAYER.raw, "F": delivered.body}.get(self.phase, APP.raw)
        if delivered.said == "200 cut":
            assert len(delivered.body) <= len(whole) - 64 * 1024
            assert garbled or whole.startswith(delivered.body)
        elif delivered.said == "200":
            assert delivered.body == (self.app.raw if self.phase in "RUL" and self.is_kept(delivered) else whole)

    def is_kept(self, delivered: Delivered) -> bool:
        """Return whether the object of the phase is stored; for referrers, whether those of the upstream are known."""
        if self.phase == "F":
            return SIGNATURE.digest in delivered.body.decode()
        cache = self.cache
        if self.phase in "TM":
            return cache.repositories() == [NAME]
        if self.phase == "B":
            return LAYER.digest in self.stored_blobs()
        images = cache.images(NAME)
        return CHILD.digest in images if self.phase == "C" else images.get(self.app.digest) == ["v1"]

    def stored_blobs(self) -> set[str]:
        """Return the digests of all stored blobs, and check the bytes of each."""
        found = stored_blobs(self.cache.emulator)
        assert all(digest_of(raw, algorithm_of(digest)) == digest for digest, raw in found.items())
        return set(found)

    def check_old_image(self) -> None:
        """Check that the old image can be pulled, and the tag points at it or at the new image."""
        assert self.cache.pull(NAME, APP.digest) == APP.raw
        images = self.cache.images(NAME)
        assert ["v1"] in (images[APP.digest], images.get(self.app.digest))

    def check_store(self) -> None:
        """Check that no unfinished files are left."""
        self.cache.settle()
        self.stored_blobs()
        assert list((self.cache.emulator.data_dir / "ingest").iterdir()) == []

    def check_recovery(self) -> None:
        """Check that everything can be pulled without a restart when the upstream works and all pauses are over."""
        self.cache.advance(hours=25 if self.phase == "F" else 2)  # an empty list of referrers is not checked for a day
        self.finish_import()
        assert self.cache.pull(NAME, "v1") == self.app.raw
        self.check_store()
        images = self.cache.images(NAME)
        assert images[self.app.digest] == ["v1"]
        assert {child.digest for child in self.app.images} <= set(images)
        assert {blob.digest for child in self.app.images for blob in child.blobs} <= self.stored_blobs()
        if self.phase == "F":
            assert SIGNATURE.digest in self.get(f"referrers/{APP.digest}").body.decode()


@contextmanager
def running_scenario(
    phase: str,
    folder: Path,
    monkeypatch: Any,
    *,
    idle: float = 5.0,
    auth: Basic | Bearer | None = None,
    credential: tuple[str, str] | None = None,
    tls: bool = False,
    mapped: dict[str, str] | None = None,
    **settings: Any,
) -> Iterator[Scenario]:
    """Run a scenario whose imports wait for ``may_import``. With a ``credential``, the rule has a secret with it.

    ``mapped`` is added to the upstream map.
    """
    with ExitStack() as stack:
        authority = Authority(folder) if tls else None
        if authority:
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
        context = authority.server("127.0.0.1") if authority else None
        upstream = stack.enter_context(ScriptedUpstream(auth, context))
        tokens = stack.enter_context(ScriptedUpstream(auth, context)) if phase == "T" else upstream
        if phase == "T":
            bearer = auth if isinstance(auth, Bearer) else Bearer(credential)
            upstream.auth = tokens.auth = replace(bearer, realm=f"{tokens.url}/token")
        upstream.add_image(TEAM, APP, "v1")
        upstream.add_manifest(TEAM, SIGNATURE)
        upstream.add_blobs(TEAM, *SIGNATURE.blobs)
        pauses: list[float] = []
        retries = Retries(connect_timeout=idle, document_timeout=idle, blob_timeout=idle, pause=pauses.append)
        host = SIGNED_IN if credential else ANONYMOUS
        mapped = {host: upstream.url, "tokens.test": tokens.url} | (mapped or {})
        emulator = stack.enter_context(
            Emulator(Settings(upstream_map=mapped, account=ACCOUNT, registry_auth="open", **settings), retries=retries)
        )
        cache = TokenlessCache(emulator)
        made = Scenario(phase, cache, upstream, tokens)
        made.pauses, made.authority, made.credential = pauses, authority, credential
        stack.callback(made.may_import.set)
        _gate(monkeypatch, made.may_import)
        cache.rule("cache", host, **({"credentialArn": cache.secret(*credential)} if credential else {}))
        if credential:
            stack.callback(emulator.reset)  # the companions belong to the process, not to this emulator
        yield made


def _gate(monkeypatch: Any, gate: Event) -> None:
    """Let imports begin only when the gate is open, so that the request of a client comes first."""
    real = Imports._import

    def gated(*arguments: Any) -> None:
        assert gate.wait(20)
        real(*arguments)

    monkeypatch.setattr(Imports, "_import", gated)


def secret_text(username: str, access_token: str) -> str:
    """A credential as a secret holds it."""
    return json.dumps({"username": username, "accessToken": access_token})
