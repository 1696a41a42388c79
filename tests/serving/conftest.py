"""Every server, one after the other."""

from datetime import UTC, datetime
from functools import partial

import pytest

from ecr_emulator.serving.certificates import certificate_for
from tests.support.servers import App, granian_server, tls_server, two_protocol_server, werkzeug_server


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return certificate_for(tmp_path_factory.mktemp("tls"), [], datetime.now(UTC))


@pytest.fixture(params=["granian", "werkzeug", "http-of-two", "https-of-two"])
def serve(request):
    match request.param:
        case "granian":
            return granian_server
        case "werkzeug":
            return werkzeug_server
    certificate = request.getfixturevalue("certificate")
    return partial(two_protocol_server if request.param == "http-of-two" else tls_server, certificate=certificate)


@pytest.fixture
def app():
    return App()


@pytest.fixture
def port(serve, app):
    with serve(app) as port:
        yield port
