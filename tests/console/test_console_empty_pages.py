"""Pages on which there is nothing yet: each says how to begin, with commands that do it."""

import shlex

import pytest

from tests.support.boto import client_of
from tests.support.console import Browser
from tests.support.iam_principals import enforcing

HOST = "localhost:4566"
EXPORTS = (
    "export AWS_ENDPOINT_URL=http://localhost:4566 export AWS_ACCESS_KEY_ID=000000000000 "
    "export AWS_SECRET_ACCESS_KEY=any export AWS_DEFAULT_REGION=us-east-1"
)
LOGIN = f"aws ecr get-login-password | docker login --username AWS --password-stdin {HOST}"


def test_the_overview_of_an_empty_registry_shows_how_to_begin(browser, ecr):
    text = browser.open().text
    pushes = f"{LOGIN} docker tag IMAGE {HOST}/app:v1 docker push {HOST}/app:v1"
    assert f"{EXPORTS} aws ecr create-repository --repository-name app {pushes}" in text
    assert "No events yet. Pushes, deletions, scans, imports and replications appear here." in text
    ecr.create_repository(repositoryName="team/app")
    assert "Begin here" not in browser.open().text


def test_a_registry_with_a_rule_is_not_empty(browser, ecr):
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    assert "Begin here" not in browser.open().text


def test_commands_are_those_for_the_registry_that_is_shown(emulator):
    text = Browser(emulator, "http://localhost:4567").open("/_ecr/console/123456789012/eu-west-1/").text
    for part in ("AWS_ENDPOINT_URL=http://localhost:4567", "=123456789012", "AWS_DEFAULT_REGION=eu-west-1"):
        assert f"{part} " in text
    repository = client_of(emulator, account="123456789012", region="eu-west-1").create_repository(repositoryName="app")
    host = repository["repository"]["repositoryUri"].partition("/")[0].replace("4566", "4567")
    assert f"docker push {host}/app:v1" in text


def test_an_open_registry_needs_no_login(with_settings):
    text = Browser(with_settings(registry_auth="open")).open().text
    assert "docker push localhost:4566/app:v1" in text
    assert "docker login" not in text


def test_nobody_is_told_to_use_the_root_where_policies_decide():
    with enforcing() as running:
        visitor = Browser(running)
        page = visitor.submit(visitor.open("/").form("/sign-in"), access_key="210987654321")
    assert "export AWS_ENDPOINT_URL=" in page.text
    assert "export AWS_ACCESS_KEY_ID" not in page.text


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("", "create-repository"),
        ("pull-through", "create-pull-through-cache-rule"),
        ("pull-through/templates", "create-repository-creation-template"),
    ],
)
def test_the_command_of_an_empty_page_fills_the_page(browser, ecr, path, operation):
    [command] = [line for line in browser.open(path).html.splitlines() if f"aws ecr {operation}" in line]
    words = shlex.split(command.partition("aws ecr ")[2].removesuffix("</pre>"))[1:]
    members = {camel_case(name): value for name, value in zip(words[::2], words[1::2], strict=True)}
    if "appliedFor" in members:
        members["appliedFor"] = [members["appliedFor"]]
    getattr(ecr, operation.replace("-", "_"))(**members)
    assert f"aws ecr {operation}" not in browser.open(path).text


def camel_case(option):
    first, *others = option.removeprefix("--").split("-")
    return first + "".join(map(str.capitalize, others))


def test_a_repository_without_images_shows_how_to_push_one(browser, ecr):
    ecr.create_repository(repositoryName="team/app")
    assert f"Push one: {LOGIN} docker tag IMAGE {HOST}/team/app:v1" in browser.open("repository/team/app").text


@pytest.mark.parametrize("query", [{"after": "zzz"}, {"after": "zzz", "order": "created"}])
def test_a_page_after_the_last_is_not_an_empty_registry(browser, ecr, query):
    ecr.create_repository(repositoryName="app")
    page = browser.open("repositories", **query)
    assert ("no repositories" in page.text, "There are no more. First page" in page.text) == (
        False,
        "app" not in page.text,
    )
