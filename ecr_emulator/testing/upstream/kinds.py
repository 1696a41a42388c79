"""Imitate the public upstream registries: their challenges, their redirects to storage, their errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from ecr_emulator.ports.secrets import Credential
from ecr_emulator.testing.upstream.auth import Basic, Bearer
from ecr_emulator.testing.upstream.faults import Fault, Reply, Request
from ecr_emulator.testing.upstream.images import UpstreamImage, UpstreamIndex
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream

BEARER = 'Bearer realm="{realm}",service="{service}"'
SCOPED = BEARER + ',scope="repository:{name}:pull"'
CREDENTIAL = Credential("somebody", "a-personal-access-token")


@dataclass(frozen=True)
class UpstreamKind:
    """The features that tell one upstream registry from another.

    ``realm`` issues its tokens, if it wants any; ``storage`` is the host that its blobs are redirected to; ``backend``
    the host and the prefix of the registry that its manifests are redirected to.
    ``deviation`` changes its replies further.
    """

    host: str
    realm: str | None = None
    service: str = ""
    challenge: str = SCOPED
    example: str = ""
    token_field: str = "token"  # noqa: S105 - the name of a JSON member
    one_token: bool = False
    storage: str | None = None
    redirect: int = 307
    backend: tuple[str, str] | None = None
    credential: Credential | None = None
    has_referrers_api: bool = True
    deviation: Fault | None = None
    basic: str | None = None


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
    def addresses(self) -> dict[str, str]:
        """The upstream map from its public hosts to its servers."""
        return {host: server.url for host, server in self._by_host.items()}

    def add(self, name: str, image: UpstreamImage | UpstreamIndex, tag: str) -> None:
        """Hold an image, or an index with its images."""
        self.registry.add_image(name, image, tag)
        if self.backend and self.kind.backend:
            self.backend.add_image(f"{self.kind.backend[1]}/{name}", image, tag)

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


def error_reply(status: int, code: str, message: str) -> Reply:
    """Return an error of the registry API."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return Reply(status, body, {"Content-Type": "application/json"})


def instead_of(status: int, reply_for: Callable[[Request], Reply]) -> Fault:
    """Replace the replies that have this status."""
    return lambda request, reply: reply_for(request) if reply.status == status else reply


# --- The upstreams ---------------------------------------------------------------------------------------


def _hub_not_found(request: Request) -> Reply:
    """Docker Hub answers alike for repositories that do not exist and for those that are private."""
    name = request.path.removeprefix("/v2/").rpartition("/")[0].rpartition("/")[0]
    challenge = SCOPED.format(realm="https://auth.docker.io/token", service="registry.docker.io", name=name)
    refused = error_reply(401, "UNAUTHORIZED", "authentication required")
    return replace(refused, headers=refused.headers | {"WWW-Authenticate": f'{challenge},error="insufficient_scope"'})


def _hub(request: Request, reply: Reply) -> Reply:
    if reply.status == 404:
        return _hub_not_found(request)
    if "/manifests/" in request.path and reply.status == 200:
        limits = {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "99;w=21600"}
        return replace(reply, headers=reply.headers | limits | {"docker-ratelimit-source": "203.0.113.7"})
    return reply


def _ecr_public_not_found(request: Request) -> Reply:
    return error_reply(404, "NAME_UNKNOWN", "The repository with this name does not exist in the registry")


def _quay_unauthorized(request: Request) -> Reply:
    return error_reply(401, "UNAUTHORIZED", "access to the requested resource is not authorized")


def _azure(request: Request, reply: Reply) -> Reply:
    """Azure hides OCI images from clients that do not accept them."""
    if "/manifests/" in request.path and "application/vnd.oci.image" not in str(request.headers.get("Accept", "")):
        return error_reply(
            404, "MANIFEST_UNKNOWN", "OCI manifest found, but accept header does not support OCI manifests"
        )
    return reply


DOCKER_HUB = UpstreamKind(
    "registry-1.docker.io",
    realm="https://auth.docker.io/token",
    service="registry.docker.io",
    storage="production.cloudflare.docker.com",
    credential=CREDENTIAL,
    deviation=_hub,
)
ECR_PUBLIC = UpstreamKind(
    "public.ecr.aws",
    realm="https://public.ecr.aws/token/",
    service="public.ecr.aws",
    challenge=BEARER + ',scope="aws"',
    one_token=True,
    storage="d2glxqk2uabbnd.cloudfront.net",
    deviation=instead_of(404, _ecr_public_not_found),
)
KUBERNETES = UpstreamKind(
    "registry.k8s.io",
    storage="prod-registry-k8s-io-eu-west-1.s3.dualstack.eu-west-1.amazonaws.com",
    backend=("europe-west1-docker.pkg.dev", "k8s-artifacts-prod/images"),
    has_referrers_api=False,
)
QUAY = UpstreamKind(
    "quay.io",
    realm="https://quay.io/v2/auth",
    service="quay.io",
    challenge=f'Basic realm="quay.io", {SCOPED}',
    storage="cdn01.quay.io",
    redirect=302,
    deviation=instead_of(404, _quay_unauthorized),
)
GITHUB = UpstreamKind(
    "ghcr.io",
    realm="https://ghcr.io/token",
    service="ghcr.io",
    example="user/image",
    storage="pkg-containers.githubusercontent.com",
    credential=CREDENTIAL,
    has_referrers_api=False,
)
AZURE = UpstreamKind(
    "contoso.azurecr.io",
    realm="https://contoso.azurecr.io/oauth2/token",
    service="contoso.azurecr.io",
    challenge=SCOPED + ',error="invalid_token"',
    token_field="access_token",  # noqa: S106 - the name of a JSON member
    storage="weumanaged42.blob.core.windows.net",
    credential=CREDENTIAL,
    deviation=_azure,
)
GITLAB = UpstreamKind(
    "registry.gitlab.com",
    realm="https://gitlab.com/jwt/auth",
    service="container_registry",
    storage="cdn.registry.gitlab-static.net",
    credential=Credential("somebody@example.com", "glpat-1234"),
)
CHAINGUARD = UpstreamKind(
    "cgr.dev",
    realm="https://cgr.dev/token",
    service="cgr.dev",
    example="chainguard/node",
    storage="9236a389bd48b984df91adc1bc924620.r2.cloudflarestorage.com",
    credential=Credential("45a0c0ffee/d1ce", "eyJhbGciOiJSUzI1NiJ9." + "e" * 900 + ".sig_nature"),
)
PRIVATE_ECR = UpstreamKind(
    "210987654321.dkr.ecr.eu-west-1.amazonaws.com",
    basic='Basic realm="https://210987654321.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com"',
    storage="prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com",
)

UPSTREAMS = {
    "docker-hub": DOCKER_HUB,
    "ecr-public": ECR_PUBLIC,
    "kubernetes": KUBERNETES,
    "quay": QUAY,
    "github": GITHUB,
    "azure": AZURE,
    "gitlab": GITLAB,
    "chainguard": CHAINGUARD,
}
"""Upstreams that are reached over the network, by the prefix that ECR's console proposes."""
