"""Signatures that ECR makes, verified by notation."""

from __future__ import annotations

import base64

import pytest

from tests.support.boto import client_at
from tests.support.clients import CommandFailed, Crane, Oras, Shell, logged_in
from tests.support.docker import ACCOUNT
from tests.support.layouts import single_image
from tests.support.processes import run
from tests.support.programs import program

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


@pytest.fixture
def notation(emulator, tmp_path):
    """Return a function that runs commands of notation, which trusts the emulator as its users make it do."""
    folder = tmp_path / "notation"
    folder.mkdir()
    token = client_at(emulator.url, account=ACCOUNT).get_authorization_token()["authorizationData"][0][
        "authorizationToken"
    ]
    user, _, password = base64.b64decode(token).decode().partition(":")
    settings = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    shell = Shell({"NOTATION_USERNAME": user, "NOTATION_PASSWORD": password, **settings}, folder)
    path = program("notation")
    advice = run(tmp_path, "trust", "--signing", "--port", str(emulator.port))
    assert advice.returncode == 0, advice.stderr
    for _ in range(2):  # the commands can be repeated
        shell.run("sh", "-e", stdin=advice.stdout)
    return lambda *arguments: shell.run(path, *arguments)


@pytest.fixture
def image(emulator, aws, repository, tmp_path):
    """Return the name of an image that was signed when crane pushed it."""
    aws.run("signer", "put-signing-profile", "--profile-name=team", "--platform-id=Notation-OCI-SHA384-ECDSA")
    (profile,) = aws.json("signer", "list-signing-profiles")["profiles"]
    rules = f"rules=[{{signingProfileArn={profile['arn']}}}]"
    aws.run("ecr", "put-signing-configuration", "--signing-configuration", rules)
    with logged_in(Crane, emulator) as crane:
        crane.push(single_image(tmp_path / "image", seed=1), f"{repository}:v1")
    return f"{repository}:v1"


def test_notation_verifies_what_ecr_has_signed(notation, image):
    assert "Successfully verified signature" in notation("verify", "--insecure-registry", image)
    inspected = notation("inspect", "--insecure-registry", image)
    assert "CN=team,O=ecr-emulator" in inspected
    assert "notary.x509.signingAuthority" in inspected


def test_notation_verifies_no_image_that_was_not_signed(notation, aws, emulator, image, repository, tmp_path):
    aws.run("ecr", "delete-signing-configuration")
    with logged_in(Crane, emulator) as crane:
        crane.push(single_image(tmp_path / "unsigned", seed=2), f"{repository}:v2")
    with pytest.raises(CommandFailed, match="no signature is associated"):
        notation("verify", "--insecure-registry", f"{repository}:v2")


def test_a_signature_moves_with_its_image_and_is_for_no_other(notation, aws, emulator, image, repository, tmp_path):
    aws.run("ecr", "delete-signing-configuration")
    aws.create_repository("mirror/app")
    mirror = f"{emulator.host}/mirror/app"
    with logged_in(Oras, emulator) as oras:
        oras.run("cp", "--recursive", "--from-plain-http", "--to-plain-http", image, f"{mirror}:v1")
    assert "Successfully verified signature" in notation("verify", "--insecure-registry", f"{mirror}:v1")
