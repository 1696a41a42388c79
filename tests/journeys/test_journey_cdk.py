"""The CDK: bootstrap, deploy a stack with an image, see no difference, and destroy it."""

import json
import shutil
import subprocess
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.boto import client_at
from tests.support.clients.engines import Docker
from tests.support.programs import program

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]

EXAMPLE = Path(__file__).parents[2] / "examples" / "cdk"
ACCOUNT = "123456789012"
ASSETS = f"cdk-hnb659fds-container-assets-{ACCOUNT}-us-east-1"
INSTALL = ("install", "--no-audit", "--no-fund", "--no-package-lock")


@pytest.fixture
def docker():
    # The path of pytest's folder may be too long for the sockets of the engine.
    with TemporaryDirectory(prefix="ecr-") as folder, closing(Docker(Path(folder))) as client:
        yield client


@pytest.fixture
def cdk(emulator, docker, tmp_path):
    """Return a function that runs the CDK on a copy of the example, and returns its output."""
    folder = shutil.copytree(EXAMPLE, tmp_path / "cdk", ignore=shutil.ignore_patterns("node_modules", "cdk.out"))
    environment = emulator.aws_environment() | {
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_REGION": "us-east-1",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "DOCKER_CONFIG": str(docker.folder / "config"),
        "DOCKER_HOST": docker.engine,
    }

    def run(command, *arguments):
        call = [command, *arguments]
        done = subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    run(program("npm"), *INSTALL)
    return lambda *arguments: run(str(folder / "node_modules" / ".bin" / "cdk"), *arguments, "--no-notices")


def test_a_stack_with_an_image(emulator, cdk, docker):
    cdk("bootstrap")
    cdk("deploy", "--require-approval=never")

    cloudformation = client_at(emulator.url, "cloudformation", account=ACCOUNT)
    (stack,) = cloudformation.describe_stacks(StackName="Demo")["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    ecr = client_at(emulator.url, account=ACCOUNT)
    name = outputs["RepositoryName"]
    assert name.startswith("demo-repository")
    (made,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    assert (made["repositoryUri"], made["imageTagMutability"]) == (outputs["RepositoryUri"], "IMMUTABLE")
    lifecycle = json.loads(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])
    assert lifecycle["rules"][0]["selection"]["countNumber"] == 5
    (rule,) = ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
    assert ":secret:ecr-pullthroughcache/docker-hub-" in rule["credentialArn"]
    (creation,) = ecr.describe_repository_creation_templates()["repositoryCreationTemplates"]
    assert creation["prefix"] == "docker-hub"
    assert json.loads(ecr.get_registry_policy()["policyText"])["Statement"][0]["Sid"] == "replicate"

    (image,) = ecr.describe_images(repositoryName=ASSETS)["imageDetails"]
    assert image["imageTags"] == [outputs["ImageTag"]]
    pulled = docker.pull(f"{emulator.host}/{ASSETS}:{outputs['ImageTag']}")
    assert pulled.digest == image["imageDigest"]

    assert "There were no differences" in cdk("diff", "--fail")
    cdk("destroy", "--force")
    assert [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]] == [ASSETS]
    assert ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"] == []
