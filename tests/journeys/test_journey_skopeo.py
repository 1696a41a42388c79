"""Pull through with real programs: distribution as upstream, skopeo as client, the AWS CLI to log in and to inspect."""

import pytest

from tests.support.clients import Aws, Skopeo
from tests.support.docker_hub import CACHED, create_rule, publish
from tests.support.layouts import Layout, multi_architecture_image
from tests.support.processes import serving

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


@pytest.fixture
def aws(served):
    return Aws(served)


@pytest.fixture
def skopeo(tmp_path):
    folder = tmp_path / "skopeo"
    folder.mkdir()
    return Skopeo(folder)


@pytest.fixture
def image(tmp_path, distribution):
    layout = multi_architecture_image(tmp_path / "image", seed=1)
    publish(distribution, layout)
    return layout


def pull(skopeo, served, folder, reference=":1.0", *options):
    layout = Layout(folder)
    skopeo.pull_into(layout, f"{served.host}/{CACHED}{reference}", *options)
    return layout


def test_an_image_is_pulled_through_the_cache_cold_warm_and_without_its_upstream(
    distribution, served, aws, skopeo, image, tmp_path
):
    create_rule(served)
    skopeo.login(served.host, aws.password())

    cold = pull(skopeo, served, tmp_path / "cold", ":1.0", "--all")
    assert (cold.blobs(), cold.top()) == (image.blobs(), image.top())

    images = aws.json("ecr", "describe-images", "--repository-name", CACHED)["imageDetails"]
    assert len(images) == 3
    assert [each["imageDigest"] for each in images if each.get("imageTags") == ["1.0"]] == [image.top()]

    asked = distribution.requests()
    fetched = [path for method, path in asked if method == "GET"]
    assert len(fetched) == len(set(fetched)) == len(image.blobs()), "everything is fetched from the upstream once"

    warm = pull(skopeo, served, tmp_path / "warm", ":1.0", "--all")
    one = pull(skopeo, served, tmp_path / "one", f"@{image.top()}", "--all")
    single = pull(skopeo, served, tmp_path / "single")
    assert warm.blobs() == one.blobs() == image.blobs()
    assert single.blobs() < image.blobs()
    assert distribution.requests() == asked, "a warm pull asks the upstream nothing"

    distribution.stop()
    served.advance("25h")
    skopeo.login(served.host, aws.password())
    stale = pull(skopeo, served, tmp_path / "stale", ":1.0", "--all")
    assert (stale.blobs(), stale.top()) == (image.blobs(), image.top())


def test_a_tag_that_moves_upstream_moves_after_a_day(distribution, served, aws, skopeo, image, tmp_path):
    create_rule(served)
    skopeo.login(served.host, aws.password())
    assert pull(skopeo, served, tmp_path / "first", ":1.0", "--all").top() == image.top()

    changed = multi_architecture_image(tmp_path / "changed", seed=2)
    publish(distribution, changed)
    assert pull(skopeo, served, tmp_path / "same-day", ":1.0", "--all").top() == image.top()

    served.advance("24h")
    skopeo.login(served.host, aws.password())
    assert pull(skopeo, served, tmp_path / "next-day", ":1.0", "--all").top() == changed.top()
    images = aws.json("ecr", "describe-images", "--repository-name", CACHED)["imageDetails"]
    assert {each["imageDigest"]: each.get("imageTags") for each in images if "imageTags" in each} == {
        changed.top(): ["1.0"]
    }
    assert image.top() in {each["imageDigest"] for each in images}


def test_an_image_pushed_with_skopeo_is_the_one_the_api_shows(served, aws, skopeo, tmp_path):
    aws.json("ecr", "create-repository", "--repository-name", "team/app")
    skopeo.login(served.host, aws.password())
    image = multi_architecture_image(tmp_path / "mine", seed=3)
    skopeo.push(image, f"{served.host}/team/app:v1", "--all")
    listed = aws.json("ecr", "list-images", "--repository-name", "team/app", "--filter", "tagStatus=TAGGED")
    assert listed["imageIds"] == [{"imageDigest": image.top(), "imageTag": "v1"}]


def test_state_survives_a_restart(distribution, served, aws, skopeo, image, tmp_path):
    create_rule(served)
    skopeo.login(served.host, aws.password())
    pull(skopeo, served, tmp_path / "before", ":1.0", "--all")
    assert served.stop() == 0

    with serving(tmp_path, "--port", "0", "--data-dir", str(tmp_path / "state")) as again:
        aws = Aws(again)
        skopeo.login(again.host, aws.password())
        assert pull(skopeo, again, tmp_path / "after", ":1.0", "--all").top() == image.top()
        secrets = aws.json("secretsmanager", "list-secrets")["SecretList"]
        assert [secret["Name"] for secret in secrets] == ["ecr-pullthroughcache/docker-hub"]
        assert again.stop() == 0
