"""An image under the name that it has at AWS: /etc/hosts, the emulator's certificate authority, Amazon's own helper."""

import json
import os

import pytest

from tests.support.clients import Shell
from tests.support.layouts import Layout, single_image
from tests.support.processes import run, serving
from tests.support.programs import program

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ADDRESS = "127.43.0.1"
"""A loopback address that only this test uses, so that its port 443 is free."""
REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
API = "api.ecr.us-east-1.amazonaws.com"


@pytest.fixture
def emulator(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("port 443 and a hosts file of one's own need root")
    arguments = ["--host", ADDRESS, "--port", "443", "--tls", "--tls-dir", "tls", "--uri-style", "aws"]
    with serving(tmp_path, *arguments) as running:
        yield running
        assert running.stop() == 0


@pytest.fixture
def shell(emulator, tmp_path):
    """Yield a shell on a machine whose /etc/hosts names the emulator, and whose clients trust its authority."""
    assert str(tmp_path / "tls" / "ca.pem") in run(tmp_path, "trust", "--tls-dir", "tls").stdout
    config = tmp_path / "config"
    config.mkdir()
    (config / "config.json").write_text(json.dumps({"credHelpers": {REGISTRY: "ecr-login"}}))
    program("docker-credential-ecr-login")
    return Shell(
        {
            "HOME": str(tmp_path),
            "DOCKER_CONFIG": str(config),
            "SSL_CERT_FILE": str(tmp_path / "tls" / "ca.pem"),
            "AWS_CA_BUNDLE": str(tmp_path / "tls" / "ca.pem"),
            "AWS_ACCESS_KEY_ID": "123456789012",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_PAGER": "",
        }
    )


@pytest.fixture
def typed(shell, tmp_path):
    """Return a function that runs a command with another /etc/hosts, in a new mount namespace."""
    hosts = tmp_path / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{ADDRESS} {REGISTRY} {API}\n")

    def type_in(name, *arguments):
        script = 'mount --bind "$0" /etc/hosts && exec "$@"'
        return shell.run("unshare", "--mount", "sh", "-c", script, str(hosts), program(name), *arguments)

    return type_in


def test_an_unmodified_name_is_pushed_and_pulled_with_amazons_credential_helper(typed, tmp_path):
    api = ("--endpoint-url", f"https://{API}")
    created = json.loads(typed("aws", *api, "ecr", "create-repository", "--repository-name", "team/app"))
    uri = created["repository"]["repositoryUri"]
    assert uri == f"{REGISTRY}/team/app"

    image = single_image(tmp_path / "image", seed="real names")
    typed("crane", "push", str(image.folder), f"{uri}:v1")
    assert typed("crane", "digest", f"{uri}:v1").strip() == image.top()
    typed("crane", "pull", "--format=oci", f"{uri}:v1", str(tmp_path / "pulled"))
    pulled = Layout(tmp_path / "pulled")
    pulled.verify()
    assert (pulled.top(), pulled.diff_ids()) == (image.top(), image.diff_ids())


def test_amazons_credential_helper_lists_the_registry(typed):
    assert json.loads(typed("docker-credential-ecr-login", "list")) == {f"https://{REGISTRY}": "AWS"}
