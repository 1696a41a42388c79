"""From one private registry to another: pushed in one account and Region, pulled through the cache of another."""

import pytest

from tests.support.clients import Aws, CommandFailed, Containerd, Docker, logged_in
from tests.support.iam_principals import allow, policy, repository_policy, to
from tests.support.layouts import single_image
from tests.support.processes import serving

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

A, B = "111122223333", "444455556666"
UPSTREAM = f"{A}.dkr.ecr.eu-west-1.amazonaws.com"
REGISTRY = f"{B}.dkr.ecr.us-east-1.amazonaws.com"
CACHE = "pullthroughcache.ecr.amazonaws.com"
IMPORT = ("BatchGetImage", "GetDownloadUrlForLayer", "BatchImportUpstreamImage", "GetImageCopyStatus")


@pytest.fixture
def emulator(tmp_path):
    with serving(tmp_path, "--port", "0", "--iam", "enforce") as running:
        yield running
        assert running.stop() == 0


def test_docker_pushes_in_one_account_and_containerd_pulls_in_another(emulator, tmp_path):
    a = Aws(emulator, AWS_ACCESS_KEY_ID=A, AWS_DEFAULT_REGION="eu-west-1")
    b = Aws(emulator, AWS_ACCESS_KEY_ID=B)
    role = let_cache_import(b)
    b.run(
        *("ecr", "create-pull-through-cache-rule", "--ecr-repository-prefix=eu"),
        *(f"--upstream-registry-url={UPSTREAM}", f"--custom-role-arn={role}"),
    )
    image = single_image(tmp_path / "image", seed="private registries")
    a.create_repository("team/app")
    with logged_in(Docker, emulator, a) as docker:
        docker.push(image, f"{emulator.host}/{A}/eu-west-1/team/app:v1")
    (pushed,) = a.images("team/app")

    with logged_in(Containerd, emulator, b) as containerd:
        containerd.mirror(REGISTRY, emulator.url)
        with pytest.raises(CommandFailed, match=r"403|not found"):
            containerd.pull(f"{REGISTRY}/eu/team/app:v1")

        document = repository_policy(to(role, allow(*IMPORT)))
        a.run("ecr", "set-repository-policy", "--repository-name=team/app", f"--policy-text={document}")
        pulled = containerd.pull(f"{REGISTRY}/eu/team/app:v1")
    assert pulled == (pushed["imageDigest"], image.diff_ids())
    (cached,) = b.images("eu/team/app")
    assert (cached["imageDigest"], cached["imageTags"]) == (pushed["imageDigest"], ["v1"])


def let_cache_import(aws):
    """Create a role that the cache may assume to import images of other registries; returns its ARN."""
    trust = policy({"Effect": "Allow", "Principal": {"Service": CACHE}, "Action": "sts:AssumeRole"})
    name = ("--role-name", "importer")
    role = aws.json("iam", "create-role", *name, "--assume-role-policy-document", trust)["Role"]
    document = policy(allow(*IMPORT))
    aws.run("iam", "put-role-policy", *name, "--policy-name=import", "--policy-document", document)
    return role["Arn"]
