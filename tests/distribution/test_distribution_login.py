"""Access to the registry: docker login, and requests with its token."""

import base64
from datetime import timedelta

import pytest
from werkzeug.test import Client

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import image
from tests.support.docker import ACCOUNT, Docker, refusal


def test_a_client_that_is_logged_in_has_access(docker):
    answer = docker.get("/v2/")
    assert (answer.status_code, answer.headers["Docker-Distribution-Api-Version"]) == (200, "registry/2.0")
    assert docker.get("/v2").status_code == docker.send("HEAD", "/v2/").status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Basic",
        "Basic not-base64!",
        "Basic " + base64.b64encode(b"AWS:made-up").decode(),
        "Basic " + base64.b64encode(b"AWS:a.b").decode(),
        "Basic " + base64.b64encode(b"root:x").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        "Bearer {token}",
        "{token}",
    ],
)
@pytest.mark.parametrize("path", ["/v2/", "/v2/team/app/manifests/v1", "/v2/No/Such", "/v2/_catalog"])
def test_other_clients_get_the_challenge_of_ecr_byte_for_byte(docker, authorization, path):
    headers = {"Authorization": authorization.format(token=docker.token)} if authorization else {}
    answer = docker.http.get(path, base_url="http://localhost:4566", headers=headers)
    assert answer.status_code == 401
    assert answer.data == b"Not Authorized\n"
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Length"] == "15"
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert answer.headers["Www-Authenticate"] == 'Basic realm="http://localhost:4566/",service="ecr.amazonaws.com"'


def test_a_token_lasts_twelve_hours_of_the_emulators_clock(docker):
    docker.emulator.clock.advance(timedelta(hours=11, minutes=59))
    assert docker.get("/v2/").status_code == 200
    docker.emulator.clock.advance(timedelta(minutes=1))
    assert refusal(docker.get("/v2/")) == (
        403,
        "DENIED",
        "Your authorization token has expired. Reauthenticate and try again.",
    )
    docker.log_in()
    assert docker.get("/v2/").status_code == 200


def test_a_token_survives_a_restart(tmp_path):
    settings = Settings(data_dir=tmp_path)
    with Emulator(settings) as before:
        token = Docker(before).token
    with Emulator(settings) as after:
        assert Client(after.wsgi).get("/v2/", headers={"Authorization": f"Basic {token}"}).status_code == 200


def test_a_token_of_another_emulator_is_invalid(docker):
    with Emulator() as other:
        stranger = Docker(other).token
    assert docker.http.get("/v2/", headers={"Authorization": f"Basic {stranger}"}).status_code == 401


def test_an_open_registry_asks_for_no_token():
    with Emulator(Settings(registry_auth="open")) as emulator:
        client = Client(emulator.wsgi)
        assert client.get("/v2/").status_code == 200
        assert client.get("/v2/_catalog").json == {"repositories": []}


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v2/", {"Host": "210987654321.dkr.ecr.eu-west-1.amazonaws.com"}),
        ("/v2/", {"Host": "210987654321.dkr.ecr.eu-west-1.localhost:4566"}),
        ("/v2/210987654321/eu-west-1/", {}),
    ],
)
def test_the_host_or_the_path_names_the_registry(docker, path, headers):
    other = Docker(docker.emulator, "210987654321", "eu-west-1")
    other.ecr.create_repository(repositoryName="theirs")
    assert docker.get("/v2/theirs/tags/list").status_code == 404
    assert docker.get(f"{path}theirs/tags/list", headers).status_code == 200


def pulled_by_uri(client, repository, token):
    """Return whether a pull by the URI of a repository finds the image ``v1``."""
    path = repository["repositoryUri"].removeprefix("localhost:4566/")
    headers = {"Authorization": f"Basic {token}"} if token else {}
    return client.http.get(f"/v2/{path}/manifests/v1", headers=headers).status_code == 200


def test_a_repository_uri_is_valid_for_the_caller_who_got_it(docker):
    docker.push(image(), "v1")
    for caller in (docker, Docker(docker.emulator, "210987654321")):
        (repository,) = caller.ecr.describe_repositories(registryId=ACCOUNT)["repositories"]
        assert pulled_by_uri(docker, repository, caller.token)


def test_a_repository_uri_of_an_open_registry_needs_no_token():
    with Emulator(Settings(registry_auth="open")) as emulator:
        client = Docker(emulator)
        client.ecr.create_repository(repositoryName="team/app")
        client.push(image(), "v1")
        (repository,) = client.ecr.describe_repositories()["repositories"]
        assert repository["repositoryUri"] == f"localhost:4566/{ACCOUNT}/us-east-1/team/app"
        assert pulled_by_uri(client, repository, None)
        assert pulled_by_uri(client, repository, client.token)


def test_containerds_ns_names_the_registry(docker):
    other = Docker(docker.emulator, "210987654321", "eu-west-1")
    other.ecr.create_repository(repositoryName="theirs")
    path = "/v2/theirs/tags/list?ns=210987654321.dkr.ecr.eu-west-1.amazonaws.com"
    assert docker.get(path).status_code == 200


def test_the_token_selects_the_registry_if_nothing_else_does(docker):
    other = Docker(docker.emulator, "210987654321", "eu-west-1")
    assert other.get("/v2/team/app/tags/list").status_code == 404
    assert docker.get("/v2/team/app/tags/list").status_code == 200
