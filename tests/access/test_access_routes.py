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
"""Saying hello, and what nobody can do."""


@pytest.mark.parametrize(("method", "path", "handler"), REQUESTS)
def test_each_request_has_a_known_need(method, path, handler):
    needed = required_actions(handler, Request(EnvironBuilder(method=method).get_environ()), REGISTRY, "team/app")
    assert bool(needed) != ((method, path) in OPEN)
    assert all(required.action.startswith("ecr:") and required.resource != "*" for required in needed)


def test_a_handler_of_which_nothing_is_said_answers_nobody():
    with pytest.raises(KeyError):
        required_actions(lambda request: None, Request(EnvironBuilder().get_environ()), REGISTRY, "team/app")
