"""With IAM enforced, the policies of a user decide which cached images ``docker pull`` finds."""

import pytest

from tests.support.clients import Aws, CommandFailed, Crane, Docker, logged_in
from tests.support.docker_hub import CACHED, create_rule, publish, serve_arguments
from tests.support.iam_principals import allow, policy
from tests.support.layouts import single_image
from tests.support.processes import serving

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

NEW = "library/new"
READ = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
READ_AND_IMPORT = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
NOT_FOUND = r"not found|does not exist"


@pytest.fixture
def served(tmp_path, distribution):
    with serving(tmp_path, *serve_arguments(tmp_path, distribution.url), "--iam", "enforce") as emulator:
        yield emulator
        assert emulator.stop() == 0


@pytest.fixture
def root(served):
    create_rule(served)
    return Aws(served)


@pytest.fixture
def images(distribution, tmp_path):
    """Add to the hub: an image to cache, another image of its repository, and an image of another repository."""
    images = {name: single_image(tmp_path / name, seed=name) for name in ("warm", "cold", "new")}
    publish(distribution, images["warm"], "library/app:warm")
    publish(distribution, images["cold"], "library/app:cold")
    publish(distribution, images["new"], f"{NEW}:1.0")
    return images


def test_a_user_pulls_cached_images_then_other_tags_then_other_repositories(
    distribution, served, root, images, tmp_path
):
    root.run("iam", "create-user", "--user-name=ann")
    root.run("iam", "attach-user-policy", "--user-name=ann", f"--policy-arn={READ}")
    key = root.json("iam", "create-access-key", "--user-name=ann")["AccessKey"]
    ann = root.signing_with(key["AccessKeyId"], key["SecretAccessKey"])
    with logged_in(Crane, served) as crane:
        crane.pull(f"{served.host}/{CACHED}:warm")
    asked = distribution.requests()

    with logged_in(Docker, served, ann) as docker:

        def pulls(reference, name):
            image = images[name]
            return docker.pull(f"{served.host}/docker-hub/{reference}") == (image.top(), image.diff_ids())

        def is_refused(reference):
            with pytest.raises(CommandFailed, match=NOT_FOUND):
                docker.pull(f"{served.host}/docker-hub/{reference}")

        assert pulls("library/app:warm", "warm")
        is_refused("library/app:cold")
        is_refused(f"{NEW}:1.0")
        assert distribution.requests() == asked, "who may not import has nothing asked for"

        root.run("iam", "attach-user-policy", "--user-name=ann", f"--policy-arn={READ_AND_IMPORT}")
        assert pulls("library/app:cold", "cold")
        is_refused(f"{NEW}:1.0")

        document = policy(allow("CreateRepository", on="arn:aws:ecr:*:*:repository/docker-hub/*"))
        root.run("iam", "put-user-policy", "--user-name=ann", "--policy-name=new", f"--policy-document={document}")
        assert pulls(f"{NEW}:1.0", "new")
