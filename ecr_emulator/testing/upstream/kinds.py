"""The public upstream registries: their challenges, their redirects to storage, their errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from ecr_emulator.domain.addresses import registry_of_host
from ecr_emulator.ports.secrets import Credential
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.testing.upstream.faults import Fault, Reply, Request

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


def kind_of(host: str) -> UpstreamKind:
    """Return the kind of the registry at a host. An unknown one serves everybody, without redirects."""
    known = next((kind for kind in UPSTREAMS.values() if kind.host == host), None)
    if known:
        return known
    model = AZURE if host.endswith(".azurecr.io") else PRIVATE_ECR if registry_of_host(host) else UpstreamKind(host)
    of_host = {
        name: value.replace(model.host, host)
        for name in ("host", "realm", "service", "basic")
        if (value := getattr(model, name))
    }
    return replace(model, **of_host)
