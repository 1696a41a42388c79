"""The examples in the documentation of the AWS CLI, word by word, as one story.

Only what no other registry could have is put in place of what the page says: digests, upload ids, absolute paths.
"""

import json
import subprocess

import pytest
import requests

from ecr_emulator.domain.names import digest_of
from tests.support.boto import client_at
from tests.support.cli_examples import page
from tests.support.images import an_image, put_image
from tests.support.programs import program

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ACCOUNT = "012345678910"
REGION = "us-west-2"
AUTOSCALER_LAYER = "sha256:6171c7451a50945f8ddd72f7732cc04d7a0d1f48138a426b2e64387fdeb834ed"
SCANNED = "sha256:74b2c688c700ec95a93e478cdb959737c148df3fbf5ea706abe0318726e885e6"
UPLOAD_ID = "6cb64b8a-9378-0e33-2ab1-b780fab8a9e9"
LAYER_FILE = (
    "file:///var/lib/docker/image/overlay2/layerdb/sha256/"
    "ff986b10a018b48074e6d3a68b39aad8ccc002cdad912d4148c0f92b3729323e/layer.b64"
)
LAYER_DIGEST = f"{UPLOAD_ID}:48074e6d3a68b39aad8ccc002cdad912d4148c0f92b3729323e"
LAST_BYTE = 8_323_314


class Cli:
    """The AWS CLI in a folder, configured for this emulator."""

    def __init__(self, emulator, folder):
        self.folder = folder
        self.known = {}
        self._aws = program("aws")
        self._environment = emulator.aws_environment() | {
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_DEFAULT_OUTPUT": "json",
        }

    def type(self, arguments):
        command = [self._aws, *(self._here(argument) for argument in arguments)]
        return subprocess.run(
            command, env=self._environment, cwd=self.folder, capture_output=True, text=True, check=False, timeout=60
        )

    def follow(self, command, number=0):
        """Type an example of a command, check that the answer has what the page shows, and return it."""
        documented = page("ecr", command)
        for name, text in documented.files.items():
            if not (self.folder / name).exists():
                (self.folder / name).write_text(text)
        example = documented.examples[number]
        done = self.type(example.arguments)
        assert done.returncode == 0, f"{example.arguments}\n{done.stderr}"
        answer = json.loads(done.stdout) if done.stdout.strip() else None
        assert missing(example.answer, answer) == set(), f"{example.arguments}\n{done.stdout}"
        return answer, example.answer

    def _here(self, argument):
        for documented, ours in self.known.items():
            argument = argument.replace(documented, ours)
        return argument


def missing(documented, ours, path=""):
    """Return the members that a page shows and an answer lacks."""
    if isinstance(documented, dict):
        ours = ours if isinstance(ours, dict) else {}
        gone = {f"{path}.{name}" for name in documented.keys() - ours.keys()}
        both = documented.keys() & ours.keys()
        return gone.union(*(missing(documented[name], ours[name], f"{path}.{name}") for name in both))
    if isinstance(documented, list) and documented and ours:
        return missing(documented[0], ours[0], f"{path}[]")
    return set()


@pytest.fixture
def cli(emulator, tmp_path):
    folder = tmp_path / "shell"
    folder.mkdir()
    return Cli(emulator, folder)


@pytest.fixture
def ecr(emulator):
    """Return a client that creates the resources which the examples assume."""
    return client_at(emulator.url, account=ACCOUNT, region=REGION)


def test_repositories_and_their_settings(cli, ecr):
    for number in range(3):
        cli.follow("create-repository", number)
        ecr.delete_repository(repositoryName="project-a/sample-repo")
    for name in ("ubuntu", "test", "cluster-autoscaler", "hello-repository", "hello-world", "sample-repo"):
        ecr.create_repository(repositoryName=name)
    cli.follow("describe-repositories")
    assert cli.follow("put-image-tag-mutability")[0]["imageTagMutability"] == "IMMUTABLE"
    cli.follow("put-image-scanning-configuration")
    for command in ("tag-resource", "list-tags-for-resource", "untag-resource"):
        cli.follow(command)
    for command in ("set-repository-policy", "get-repository-policy", "delete-repository-policy"):
        answer, documented = cli.follow(command)
        assert json.loads(answer["policyText"]) == json.loads(documented["policyText"])
        if command == "set-repository-policy":
            assert answer == documented
    cli.follow("delete-repository")


def test_images_and_their_layers(cli, ecr):
    image = an_image()
    for name in ("cluster-autoscaler", "ubuntu", "hello-world"):
        ecr.create_repository(repositoryName=name)
        for tag in ("v1.13.6", "precise"):
            put_image(ecr, name, image, tag)
    cli.known[AUTOSCALER_LAYER] = image.config.digest
    for command in ("batch-check-layer-availability", "describe-images", "list-images", "batch-get-image"):
        cli.follow(command)
    url = cli.follow("get-download-url-for-layer")[0]["downloadUrl"]
    assert requests.get(url, timeout=10).content == image.config.raw
    (cli.folder / "hello-world.manifest.json").write_bytes(image.raw)
    assert cli.follow("put-image")[0]["image"]["imageManifest"] == image.raw.decode()
    removed, _ = cli.follow("batch-delete-image")
    assert removed["imageIds"] == [{"imageDigest": image.digest, "imageTag": "precise"}]


def test_a_layer_is_uploaded(cli, ecr):
    ecr.create_repository(repositoryName="layer-test")
    layer = "a" * (LAST_BYTE + 1)
    (cli.folder / "layer.b64").write_text(layer)
    cli.known |= {LAYER_FILE: f"file://{cli.folder}/layer.b64", LAYER_DIGEST: digest_of(layer.encode())}
    cli.known[UPLOAD_ID] = cli.follow("initiate-layer-upload")[0]["uploadId"]
    assert cli.follow("upload-layer-part")[0]["lastByteReceived"] == LAST_BYTE
    assert cli.follow("complete-layer-upload")[0]["layerDigest"] == digest_of(layer.encode())


def test_lifecycle_policies(cli, ecr):
    for name in ("project-a/amazon-ecs-sample", "hello-world"):
        ecr.create_repository(repositoryName=name)
    put, documented = cli.follow("put-lifecycle-policy")
    assert put["lifecyclePolicyText"] == documented["lifecyclePolicyText"]
    assert cli.follow("get-lifecycle-policy")[0]["lifecyclePolicyText"] == documented["lifecyclePolicyText"]
    cli.follow("start-lifecycle-policy-preview")
    preview, documented = cli.follow("get-lifecycle-policy-preview")
    assert json.loads(preview["lifecyclePolicyText"]) == json.loads(documented["lifecyclePolicyText"])
    preview["lifecyclePolicyText"] = documented["lifecyclePolicyText"]
    assert preview == documented
    text = page("ecr", "delete-lifecycle-policy").examples[0].answer["lifecyclePolicyText"]
    ecr.put_lifecycle_policy(repositoryName="hello-world", lifecyclePolicyText=text)
    deleted, documented = cli.follow("delete-lifecycle-policy")
    assert deleted["lifecyclePolicyText"] == documented["lifecyclePolicyText"]
    assert deleted["lastEvaluatedAt"] in (0.0, "1970-01-01T00:00:00+00:00")


def test_scans(cli, ecr, emulator):
    ecr.create_repository(repositoryName="sample-repo")
    digest = put_image(ecr, "sample-repo", an_image())
    cli.known[SCANNED] = digest
    documented = page("ecr", "describe-image-scan-findings").examples[0].answer["imageScanFindings"]["findings"]
    findings = {"findings": documented}
    requests.put(f"{emulator.url}/_ecr/findings/{digest}", json=findings, timeout=10).raise_for_status()
    cli.follow("start-image-scan")
    found, _ = cli.follow("describe-image-scan-findings")
    assert found["imageScanFindings"]["findings"] == documented


def test_tokens(cli):
    cli.follow("get-authorization-token")
    assert cli.type(["ecr", "get-login-password"]).stdout.strip()
    logins = cli.type(["ecr", "get-login", "--registry-ids", "012345678910", "023456789012"]).stdout.splitlines()
    assert [login.split()[:4] for login in logins] == [["docker", "login", "-u", "AWS"]] * 2


@pytest.mark.parametrize("command", ["batch-get-image", "batch-delete-image"])
def test_an_example_that_no_registry_accepts(cli, command):
    """The pages name a repository with capital letters, which ECR refuses."""
    done = cli.type(page("ecr", command).examples[1].arguments)
    assert done.returncode != 0
    assert "(InvalidParameterException)" in done.stderr
    assert "'repositoryName' failed to satisfy constraint: 'must satisfy regular expression" in done.stderr
