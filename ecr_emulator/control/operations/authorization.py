"""Authorization tokens for registry clients."""

from __future__ import annotations

from typing import Any

from ecr_emulator.control.handlers import operation
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.domain.names import Registry
from ecr_emulator.services.tokens import basic_token


@operation
def get_authorization_token(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html

    A token is valid for its principal in every registry; the registry ids only select the endpoints.
    """
    password, expires_at = request.services.tokens.issue(request.caller, request.now)
    accounts = members.get("registryIds", [request.registry.id])
    registries = [Registry(account, request.registry.region) for account in accounts]
    return {
        "authorizationData": [
            {
                "authorizationToken": basic_token(password),
                "expiresAt": expires_at,
                "proxyEndpoint": request.services.addresses.proxy_endpoint(registry, request.origin),
            }
            for registry in registries
        ]
    }
