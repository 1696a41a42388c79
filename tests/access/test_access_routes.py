"""Every route of the registry API declares the actions that it needs."""

import pytest
from werkzeug import Request
from werkzeug.test import EnvironBuilder

from ecr_emulator.distribution.required_actions import required_actions
from ecr_emulator.distribution.routes import ROUTES
from ecr_emulator.domain.names import Registry

REGISTRY = Registry("123456789012", "us-east-1")
REQUESTS = [
    pytest.param(method, route.path.pattern, handler, id=f"{method} {handler.__name__}")
    for route in ROUTES
    for method, handler in sorted(route.handlers.items())
]
OPEN = {("GET", "/v2/?()"), ("HEAD", "/v2/?()"), ("DELETE", "/v2/(.+)/blobs/([^/]+)")}
"""The version check, and an operation that the registry never performs."""


@pytest.mark.parametrize(("method", "path", "handler"), REQUESTS)
def test_each_route_has_known_required_actions(method, path, handler):
    needed = required_actions(handler, Request(EnvironBuilder(method=method).get_environ()), REGISTRY, "team/app")
    assert bool(needed) != ((method, path) in OPEN)
    assert all(required.action.startswith("ecr:") and required.resource != "*" for required in needed)


def test_a_handler_without_declared_actions_answers_no_request():
    with pytest.raises(KeyError):
        required_actions(lambda request: None, Request(EnvironBuilder().get_environ()), REGISTRY, "team/app")
