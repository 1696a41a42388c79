"""A small upstream registry over real sockets, whose responses a test can change."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from ssl import SSLContext
from threading import Lock
from typing import Any
from urllib.parse import parse_qs

from ecr_emulator.domain.manifest import OCI_INDEX
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.testing.upstream.auth import Basic, Bearer, basic_authorization
from ecr_emulator.testing.upstream.faults import Fault, Reply, Request, answers
from ecr_emulator.testing.upstream.images import Content, UpstreamImage, UpstreamIndex
from ecr_emulator.testing.upstream.server import FaultyServer

_RESOURCE = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|referrers)/(?P<reference>[^/]+)")

Matching = str | Callable[[Request], bool]


@dataclass
class _Script:
    matching: Callable[[Request], bool]
    fault: Fault
    skip: int
    count: float


class ScriptedUpstream:
    """A registry on 127.0.0.1. Everybody may pull unless ``auth`` says otherwise.

    ``requests`` lists everything that was asked, in order. ``auth`` may be replaced at any time. ``referrers_page`` is
    how many referrers a page of its referrers API has; with 0 it has no such API. ``deviation``
    changes every reply, as some registries depart from others.
    """

    def __init__(
        self, auth: Basic | Bearer | None = None, tls: SSLContext | None = None, deviation: Fault | None = None
    ) -> None:
        self.auth = auth
        self.tls = tls
        self.deviation = deviation
        self.referrers_page = 1_000
        self.requests: list[Request] = []
        self.port = 0
        self._manifests: dict[tuple[str, str], Content] = {}
        self._blobs: dict[tuple[str, str], Content] = {}
        self._files: dict[str, bytes] = {}
        self._scripts: list[_Script] = []
        self._lock = Lock()
        self._server: FaultyServer | None = None

    def __enter__(self) -> ScriptedUpstream:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """Number of connections since the start."""
        return self._server.accepted if self._server else 0

    # --- Life ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Listen, after ``stop`` on the same port as before."""
        self._server = FaultyServer(self.answer, self.port, lambda: self.tls)
        self.port = self._server.server_port
        self._server.run()

    def stop(self) -> None:
        """Refuse connections, and break those that are open."""
        if self._server:
            self._server.end()
            self._server = None

    def hang_up(self) -> None:
        """Break the connections that are open, and go on listening."""
        assert self._server is not None
        self._server.hang_up()

    # --- Content -------------------------------------------------------------------------------------------

    def add_image(self, name: str, image: UpstreamImage | UpstreamIndex, tag: str | None = None) -> None:
        """Hold an image, or an index with its images. A tag that exists moves."""
        self.add_manifest(name, image, tag)
        for each in image.images if isinstance(image, UpstreamIndex) else (image,):
            self.add_manifest(name, each)
            self.add_blobs(name, *each.blobs)

    def add_manifest(self, name: str, manifest: Content, tag: str | None = None) -> None:
        """Hold a manifest, whatever its bytes are, without what it refers to."""
        self._manifests[name, manifest.digest] = manifest
        if tag:
            self._manifests[name, tag] = manifest

    def add_blobs(self, name: str, *blobs: Content) -> None:
        """Hold blobs."""
        self._blobs.update({(name, blob.digest): blob for blob in blobs})

    def add_file(self, path: str, raw: bytes) -> None:
        """Hold bytes at a path of their own, as a storage service behind presigned addresses: for GET only."""
        self._files[path] = raw

    def remove(self, name: str, reference: str) -> None:
        """No longer hold a manifest or blob."""
        self._manifests.pop((name, reference), None)
        self._blobs.pop((name, reference), None)

    def revoke_tokens(self) -> None:
        """No longer accept the tokens issued so far."""
        if isinstance(self.auth, Bearer):
            self.auth.scopes.update(dict.fromkeys(self.auth.scopes))

    # --- Faults and what was asked -------------------------------------------------------------------------

    def fail(  # noqa: PLR0913 - named arguments that describe an answer
        self,
        matching: Matching,
        fault: Fault | None = None,
        *,
        status: int = 500,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        count: float = 1,
        skip: int = 0,
    ) -> None:
        """Spoil the next ``count`` answers to matching requests, after letting ``skip`` of them pass.

        ``matching`` is a predicate, or text such as ``"/blobs/"`` or ``"HEAD /manifests/"``. Without a ``fault``,
        status, body and headers are sent instead. Faults that match the same request are used up one after the other.
        """
        instead = fault or answers(status, body, **(headers or {}))
        with self._lock:
            self._scripts.append(_Script(_predicate(matching), instead, skip, count))

    def heal(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._scripts.clear()

    def asked(self, method: str | None, part: str = "") -> list[Request]:
        """The requests so far of this method, any if None, that have ``part`` in their path or query."""
        return [request for request in self.requests if request.matches(method, part)]

    def count(self, method: str | None, part: str = "") -> int:
        """Return the number of requests that ``asked`` finds."""
        return len(self.asked(method, part))

    # --- Answers -------------------------------------------------------------------------------------------

    def answer(self, request: Request) -> Reply:
        """The answer to a request, spoilt by the first fault that is due."""
        with self._lock:
            self.requests.append(request)
            fault = self._due_fault(request)
        reply = self._honest_answer(request)
        if self.deviation:
            reply = self.deviation(request, reply)
        return _part(request, fault(request, reply) if fault else reply)

    def _due_fault(self, request: Request) -> Fault | None:
        for script in self._scripts:
            if not script.matching(request) or script.count <= 0:
                continue
            if script.skip == 0:
                script.count -= 1
                return script.fault
            script.skip -= 1
        return None

    def _honest_answer(self, request: Request) -> Reply:
        if request.path == (self.auth.path if isinstance(self.auth, Bearer) else "/token"):
            return self._token(request)
        if request.path in self._files:
            return _content(Content(self._files[request.path], "application/octet-stream"))
        resource = _RESOURCE.fullmatch(request.path)
        name = resource["name"] if resource else ""
        if not self._is_welcome(request, name):
            return self._challenge(request, name)
        if request.path == "/v2/":
            return Reply(200, b"{}")
        if resource and resource["kind"] == "referrers" and self.referrers_page:
            return self._referrers(request, name, resource["reference"])
        held = self._manifests if resource and resource["kind"] == "manifests" else self._blobs
        content = held.get((name, resource["reference"])) if resource else None
        return _content(content) if content else _error(404, "NOT_FOUND", "scripted upstream has no such thing")

    def _referrers(self, request: Request, name: str, subject: str) -> Reply:
        """One page; ``last`` is where the one before it ended."""
        last = parse_qs(request.query).get("last", [""])[0]
        held = {manifest.digest: manifest for (where, _), manifest in self._manifests.items() if where == name}
        found = [each for digest, each in sorted(held.items()) if digest > last and _subject(each) == subject]
        page, rest = found[: self.referrers_page], found[self.referrers_page :]
        headers = {"Content-Type": OCI_INDEX}
        if rest:
            headers["Link"] = f'<{request.path}?last={page[-1].digest}>; rel="next"'
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [_described(each) for each in page]}
        return Reply(200, json.dumps(index).encode(), headers)

    def _is_welcome(self, request: Request, name: str) -> bool:
        match self.auth:
            case Basic(username, access_token):
                return request.authorization == basic_authorization(username, access_token)
            case Bearer(is_good_for_everything=is_good):
                scope = self.auth.scopes.get(request.authorization.removeprefix("Bearer "))
                return scope is not None and (not name or is_good or scope == f"repository:{name}:pull")
        return True

    def _challenge(self, request: Request, name: str) -> Reply:
        challenge = ""
        if isinstance(self.auth, Basic):
            challenge = self.auth.challenge.format(url=self.url)
        elif self.auth:
            realm, where = self.auth.realm or f"{self.url}/token", name or self.auth.example
            challenge = self.auth.challenge.format(realm=realm, service=self.auth.service, name=where)
        reply = _error(401, "UNAUTHORIZED", "authentication required")
        return replace(reply, headers=reply.headers | {"WWW-Authenticate": challenge})

    def _token(self, request: Request) -> Reply:
        if not isinstance(self.auth, Bearer):
            return _error(404, "NOT_FOUND", "no tokens here")
        query = parse_qs(request.query)
        if self.auth.credential and request.authorization != basic_authorization(*self.auth.credential):
            return _error(401, "UNAUTHORIZED", "wrong credential")
        if query.get("service", [""]) != [self.auth.service]:
            return _error(400, "BAD_REQUEST", "wrong service")
        token = f"token-{len(self.auth.scopes) + 1}"
        self.auth.scopes[token] = query.get("scope", [""])[0]
        document = {self.auth.token_field: token, "expires_in": self.auth.expires_in}
        return Reply(200, json.dumps(document).encode(), {"Content-Type": "application/json"})


def _predicate(matching: Matching) -> Callable[[Request], bool]:
    if callable(matching):
        return matching
    method, _, part = matching.rpartition(" ")
    return lambda request: request.matches(method or None, part)


def _content(content: Content) -> Reply:
    headers = {"Content-Type": content.media_type, "Docker-Content-Digest": content.digest}
    return Reply(200, content.raw, headers, takes_ranges=True)


def _subject(manifest: Content) -> str | None:
    try:
        return str(json.loads(manifest.raw)["subject"]["digest"])
    except (ValueError, LookupError, TypeError):
        return None


def _described(manifest: Content) -> dict[str, Any]:
    document = json.loads(manifest.raw)
    artifact_type = document.get("artifactType") or document["config"]["mediaType"]
    annotations = {"annotations": document["annotations"]} if document.get("annotations") else {}
    return manifest.descriptor | {"artifactType": artifact_type} | annotations


def _error(status: int, code: str, message: str) -> Reply:
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return Reply(status, body, {"Content-Type": "application/json"})


def _part(request: Request, reply: Reply) -> Reply:
    """The part of the body that a Range header asks for."""
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", str(request.headers.get("Range", "")))
    if not (wanted and reply.takes_ranges and reply.status == 200):
        return reply
    size = len(reply.body)
    start, stop = int(wanted[1]), min(int(wanted[2] or size - 1) + 1, size)
    if start >= size:
        return Reply(416, headers={"Content-Range": f"bytes */{size}"})
    headers = reply.headers | {"Content-Range": f"bytes {start}-{stop - 1}/{size}"}
    return replace(reply, status=206, body=reply.body[start:stop], headers=headers)
