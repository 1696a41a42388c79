"""GetAuthorizationToken through boto3."""

from __future__ import annotations

import base64
from datetime import timedelta

from ecr_emulator.domain.addresses import Addresses
from ecr_emulator.domain.names import Registry


def password(authorization):
    username, _, secret = base64.b64decode(authorization["authorizationToken"]).decode().partition(":")
    assert username == "AWS"
    return secret


def test_a_token_is_recognised_as_its_callers_for_12_hours(ecr_of, services, clock):
    (authorization,) = ecr_of("123456789012", "eu-west-1").get_authorization_token()["authorizationData"]
    caller = services.tokens.bearer(password(authorization), clock.now()).caller
    assert (caller.registry, caller.principal_arn) == (
        Registry("123456789012", "eu-west-1"),
        "arn:aws:iam::123456789012:root",
    )
    assert authorization["expiresAt"] == clock.now() + timedelta(hours=12)
    assert authorization["proxyEndpoint"] == "http://localhost:4566"


def test_registry_ids_choose_the_endpoints(ecr):
    answer = ecr.get_authorization_token(registryIds=["111122223333", "444455556666"])["authorizationData"]
    assert len(answer) == 2
    assert len({each["authorizationToken"] for each in answer}) == 1


def test_the_endpoint_is_written_in_the_style_of_the_emulator():
    registry = Registry("123456789012", "eu-west-1")
    endpoints = {
        style: Addresses(style).proxy_endpoint(registry, "http://localhost:4566")
        for style in ("localhost", "subdomain", "aws", "path")
    }
    assert endpoints == {
        "localhost": "http://localhost:4566",
        "subdomain": "http://123456789012.dkr.ecr.eu-west-1.localhost:4566",
        "aws": "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "path": "http://localhost:4566/123456789012/eu-west-1",
    }
