"""The servers of an upstream: its registry, and where it has them, its token service and its storage."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TypedDict, Unpack
from urllib.parse import urlsplit

from ecr_emulator.ports.secrets import Credential
from ecr_emulator.seeds.images import DEFAULT_SIZE, ImageContents, synthetic_image
from ecr_emulator.testing.upstream.auth import Basic, Bearer
from ecr_emulator.testing.upstream.faults import Fault, Reply, Request
from ecr_emulator.testing.upstream.images import Content, UpstreamImage, UpstreamIndex
from ecr_emulator.testing.upstream.kinds import CREDENTIAL, UpstreamKind
from ecr_emulator.testing.upstream.scripted import Matching, ScriptedUpstream


class Answer(TypedDict, total=False):
    """An answer in place of the right one, to ``count`` requests after ``skip`` others."""

    status: int
    body: bytes
    headers: dict[str, str]
    count: float
    skip: int


class UpstreamServers:
    """The hosts of one upstream, each a server of its own. ``registry`` is the host that rules name."""

    def __init__(self, kind: UpstreamKind, stack: ExitStack) -> None:
        self.kind = kind
        self._by_host: dict[str, ScriptedUpstream] = {}
        self._stack = stack
        auth = self._auth()
        self.registry = self._server(kind.host, auth)
        self.registry.deviation = self._answer
        self.registry.referrers_page = 1_000 if kind.has_referrers_api else 0
        self.tokens = self._server(urlsplit(kind.realm).netloc, auth) if kind.realm else None
        self.storage = self._server(kind.storage) if kind.storage else None
        if self.storage:
            self.storage.deviation = _presigned
        self.backend = self._server(kind.backend[0]) if kind.backend else None

    @property
    def credential(self) -> Credential:
        """The user name and the access token that the registry accepts; one that serves everybody accepts any."""
        return self.kind.credential or CREDENTIAL

    @property
    def requests(self) -> list[Request]:
        """The requests that the registry received, oldest first."""
        return self.registry.requests

    @property
    def addresses(self) -> dict[str, str]:
        """The upstream map from its public hosts to its servers."""
        return {host: server.url for host, server in self._by_host.items()}

    def add(self, name: str, image: UpstreamImage | UpstreamIndex, tag: str) -> None:
        """Hold an image, or an index with its images."""
        self.registry.add_image(name, image, tag)
        if self.backend and self.kind.backend:
            self.backend.add_image(f"{self.kind.backend[1]}/{name}", image, tag)

    def push_image(
        self,
        name: str,
        tag: str = "latest",
        *,
        platforms: Sequence[str] = ("linux/amd64",),
        layers: int = 1,
        size: int = DEFAULT_SIZE,
    ) -> str:
        """Hold a synthetic image, as ``EcrEmulator.push_image`` makes it, and return its digest. The tag moves."""
        image = synthetic_image(f"{name}:{tag}", platforms, layers, size)
        self._hold(self.registry, name, tag, image)
        if self.backend and self.kind.backend:
            self._hold(self.backend, f"{self.kind.backend[1]}/{name}", tag, image)
        return image.digest

    def fail(self, matching: Matching, fault: Fault | None = None, **answer: Unpack[Answer]) -> None:
        """Spoil answers of the registry (``ScriptedUpstream.fail``). ``tokens`` and ``storage`` are other servers."""
        self.registry.fail(matching, fault, **answer)

    def count(self, method: str | None, part: str = "") -> int:
        """Return the number of requests to the registry with a method (``None``: any) and a text in their path."""
        return self.registry.count(method, part)

    def expire_tokens(self) -> None:
        """No longer accept the tokens issued so far."""
        self.registry.revoke_tokens()

    def stop(self) -> None:
        """Refuse connections to all hosts, and break those that are open."""
        for server in self._by_host.values():
            server.stop()

    def start(self) -> None:
        """Listen again after ``stop``."""
        for server in self._by_host.values():
            server.start()

    def heal(self) -> None:
        """Forget all faults."""
        for server in self._by_host.values():
            server.heal()

    @staticmethod
    def _hold(server: ScriptedUpstream, name: str, tag: str, image: ImageContents) -> None:
        for manifest in image.manifests:
            held = Content(manifest.raw, manifest.media_type)
            server.add_manifest(name, held, tag if manifest is image.top else None)
        for blob in image.blobs:
            with blob.open() as data:
                server.add_blobs(name, Content(data.read(), blob.media_type))

    def authorizations(self, server: ScriptedUpstream | None, but_for: str = "") -> set[str]:
        """Return the schemes of the Authorization headers that a server received, except on the path ``but_for``."""
        asked = server.requests if server else []
        return {request.authorization.partition(" ")[0] for request in asked if request.path != but_for} - {""}

    def _auth(self) -> Basic | Bearer | None:
        with_ = self.kind
        if with_.basic:
            return Basic(*CREDENTIAL, challenge=with_.basic)
        if with_.realm is None:
            return None
        return Bearer(
            credential=(with_.credential.username, with_.credential.access_token) if with_.credential else None,
            realm=with_.realm,
            service=with_.service,
            token_field=with_.token_field,
            challenge=with_.challenge,
            example=with_.example,
            is_good_for_everything=with_.one_token,
        )

    def _server(self, host: str, auth: Basic | Bearer | None = None) -> ScriptedUpstream:
        if host not in self._by_host:
            self._by_host[host] = self._stack.enter_context(ScriptedUpstream(auth))
        return self._by_host[host]

    def _answer(self, request: Request, reply: Reply) -> Reply:
        if reply.status == 200 and "/blobs/" in request.path:
            reply = self._from_storage(request, reply)
        elif reply.status == 200 and "/manifests/" in request.path and self.kind.backend:
            host, prefix = self.kind.backend
            reply = self._redirect(f"https://{host}/v2/{prefix}/{request.path.removeprefix('/v2/')}")
        return self.kind.deviation(request, reply) if self.kind.deviation else reply

    def _from_storage(self, request: Request, reply: Reply) -> Reply:
        if self.storage is None:
            return reply
        path = "/" + request.path.rpartition("/")[2].replace(":", "/") + "/data"
        self.storage.add_file(path, reply.body)
        return self._redirect(f"https://{self.kind.storage}{path}?X-Amz-Expires=3600&X-Amz-Signature=5a1f")

    def _redirect(self, location: str) -> Reply:
        return Reply(self.kind.redirect, headers={"Location": location})


def _presigned(request: Request, reply: Reply) -> Reply:
    """Presigned URLs of storage services are for GET alone, and allow no Authorization header beside them."""
    if request.method != "GET":
        return Reply(403)
    return Reply(400, b"<Error><Code>InvalidArgument</Code></Error>") if request.authorization else reply
