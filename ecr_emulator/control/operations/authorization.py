"""Authorization tokens for registry clients."""

from __future__ import annotations

from typing import Any

from ecr_emulator.control.call import Call, operation
from ecr_emulator.domain.names import Registry
from ecr_emulator.services.tokens import basic_token


@operation
def get_authorization_token(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html

    A token speaks for its principal wherever it is used; the registry ids only choose the endpoints.
    """
    password, expires_at = call.services.tokens.issue(call.caller, call.now)
    registries = [Registry(account, call.registry.region) for account in request.get("registryIds", [call.registry.id])]
    return {
        "authorizationData": [
            {
                "authorizationToken": basic_token(password),
                "expiresAt": expires_at,
                "proxyEndpoint": call.services.addresses.proxy_endpoint(registry, call.origin),
            }
            for registry in registries
        ]
    }
