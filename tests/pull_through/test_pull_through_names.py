"""Names of repositories: the rules that cover them, and their names at the upstream."""

import pytest

from ecr_emulator.testing.upstream.images import image
from tests.support.boto import client_of
from tests.support.images import put_image
from tests.support.pull_through import ACCOUNT
from tests.support.refusals import refusal

NAME = "quay/team/app"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/puller"
ECR = "210987654321.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.mark.consideration("S4b")
def test_nothing_is_created_for_a_name_that_the_upstream_does_not_have(cache, upstream):
    cache.rule()
    answer = cache.manifest("quay/no/such", "v1")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    assert cache.repositories() == []
    event = cache.events()[-1]
    assert (event["sync-status"], event["failure-code"]) == ("FAILED", "ImageNotFound")


def test_a_name_outside_every_rule_is_not_pulled_through(cache, upstream):
    cache.rule()
    answer = cache.manifest("quayside/team/app", "v1")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "NAME_UNKNOWN")
    assert upstream.requests == []


def test_a_pushed_tag_that_the_upstream_does_not_have_stays(cache, upstream):
    cache.rule()
    cache.ecr.create_repository(repositoryName=NAME)
    put_image(cache.ecr, NAME, image("mine"), "local")
    assert cache.pull(NAME, "local") == image("mine").raw


@pytest.mark.parametrize(
    ("url", "credential"),
    [
        ("registry-1.docker.io", "credentialArn"),
        ("ghcr.io", "credentialArn"),
        ("registry.gitlab.com", "credentialArn"),
        ("cgr.dev", "credentialArn"),
        ("contoso.azurecr.io", "credentialArn"),
        ("quay.io", None),
        ("public.ecr.aws", None),
        ("registry.k8s.io", None),
        ("210987654321.dkr.ecr.eu-west-1.amazonaws.com", "customRoleArn"),
    ],
)
def test_all_nine_upstreams_can_be_pulled_through(cache, upstream, url, credential):
    app = image()
    upstream.add_image("team/app", app, "v1")
    credentials = {"credentialArn": cache.secret(), "customRoleArn": ROLE}
    cache.rule("up", url, **({credential: credentials[credential]} if credential else {}))
    assert cache.pull("up/team/app", "v1") == app.raw


def asked_for(upstream):
    """Return the names by which manifests were requested from the upstream."""
    return {
        request.path.split("/manifests/")[0].removeprefix("/v2/") for request in upstream.asked(None, "/manifests/")
    }


@pytest.mark.consideration("S4c", "S29")
@pytest.mark.parametrize(
    ("rule", "name", "upstream_name"),
    [
        (("quay", "quay.io"), "quay/a/b", "a/b"),
        (("quay/mirror", "quay.io"), "quay/mirror/a/b/c/d", "a/b/c/d"),
        (("ROOT", "public.ecr.aws"), "nginx/nginx", "nginx/nginx"),
        (("my-app", ECR, "upstream-app"), "my-app/img", "upstream-app/img"),
        (("team-a", ECR, "team-a"), "team-a/img", "team-a/img"),
        (("mirror", ECR, "ROOT"), "mirror/img", "img"),
    ],
)
def test_a_name_below_the_prefix_is_the_upstreams_name(cache, upstream, rule, name, upstream_name):
    prefix, url, *upstream_prefix = rule
    upstream.add_image(upstream_name, image(), "v1")
    more = {"upstreamRepositoryPrefix": upstream_prefix[0], "customRoleArn": ROLE} if upstream_prefix else {}
    cache.rule(prefix, url, **more)
    assert cache.pull(name, "v1") == image().raw
    assert asked_for(upstream) == {upstream_name}
    assert cache.repositories() == [name]


@pytest.mark.consideration("S4c")
def test_chainguards_organization_may_be_part_of_the_rule(cache, upstream):
    upstream.add_image("example.com/chainguard-base", image(), "latest")
    more = {"credentialArn": cache.secret(), "upstreamRepositoryPrefix": "example.com"}
    cache.rule("cg-ecr", "cgr.dev", **more)
    assert cache.pull("cg-ecr/chainguard-base", "latest") == image().raw


@pytest.mark.consideration("S4c")
def test_the_longest_prefix_of_overlapping_rules_decides_and_root_takes_the_rest(cache, upstream):
    cache.rule("ROOT", "public.ecr.aws")
    cache.rule("quay", "quay.io")
    cache.rule("quay/team", "registry.k8s.io")
    for name, upstream_name in (("quay/team/app", "app"), ("quay/other/app", "other/app"), ("x/app", "x/app")):
        upstream.requests.clear()
        upstream.add_image(upstream_name, image(upstream_name), "v1")
        assert cache.pull(name, "v1") == image(upstream_name).raw
        assert asked_for(upstream) == {upstream_name}
    cache.settle()
    urls = {event["repository-name"]: event["upstream-registry-url"] for event in cache.events()}
    assert urls == {"quay/team/app": "registry.k8s.io", "quay/other/app": "quay.io", "x/app": "public.ecr.aws"}


@pytest.mark.parametrize("name", ["quay", "quayside/app", "qua/app"])
def test_a_prefix_ends_at_a_slash_and_leaves_something_to_ask_for(cache, upstream, name):
    cache.rule()
    assert cache.manifest(name, "v1").status_code == 404
    assert upstream.requests == []


@pytest.mark.consideration("S4a")
def test_a_repository_that_was_there_before_the_rule_pulls_through_and_keeps_its_settings(cache, upstream):
    cache.ecr.create_repository(
        repositoryName=NAME, imageTagMutability="IMMUTABLE", tags=[{"Key": "made", "Value": "by hand"}]
    )
    put_image(cache.ecr, NAME, image("mine"), "mine")
    upstream.add_image("team/app", image(), "v1")
    cache.rule()
    assert cache.pull(NAME, "v1") == image().raw
    cache.settle()
    assert cache.images(NAME) == {image("mine").digest: ["mine"], image().digest: ["v1"]}
    (repository,) = cache.ecr.describe_repositories()["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    tags = cache.ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
    assert tags == [{"Key": "made", "Value": "by hand"}]


@pytest.mark.consideration("S19c")
def test_a_cached_image_that_is_deleted_is_pulled_anew(cache, upstream):
    upstream.add_image("team/app", image(), "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    cache.ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])
    upstream.requests.clear()
    assert cache.pull(NAME, "v1") == image().raw
    assert [(request.method, request.path) for request in upstream.asked(None, "/manifests/")] == [
        ("GET", "/v2/team/app/manifests/v1")
    ]
    cache.settle()
    cache.ecr.delete_repository(repositoryName=NAME, force=True)
    assert cache.pull(NAME, "v1") == image().raw


@pytest.mark.consideration("S30")
def test_a_rule_counts_in_its_own_registry_only(cache, upstream):
    upstream.add_image("team/app", image(), "v1")
    cache.rule()
    for account, region in ((ACCOUNT, "us-west-2"), ("210987654321", "us-east-1")):
        ecr = client_of(cache.emulator, account=account, region=region)
        assert ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"] == []
        code, _ = refusal(ecr.batch_get_image, repositoryName=NAME, imageIds=[{"imageTag": "v1"}])
        assert code == "RepositoryNotFoundException"
        host = f"{account}.dkr.ecr.{region}.localhost"
        answer = cache.get(f"/v2/{NAME}/manifests/v1", Host=host)
        assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "NAME_UNKNOWN")
    assert upstream.requests == []


@pytest.mark.consideration("S29")
@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("localhost:4566", ""),
        (f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com", ""),
        (f"{ACCOUNT}.dkr-ecr.us-east-1.on.aws", ""),
        (f"{ACCOUNT}.dkr.ecr.us-east-1.localhost:4566", ""),
        ("localhost:4566", f"{ACCOUNT}/us-east-1/"),
    ],
)
def test_a_cached_image_is_addressed_by_registry_prefix_and_upstream_path(cache, upstream, host, path):
    upstream.add_image("team/app", image(), "v1")
    cache.rule()
    assert cache.get(f"/v2/{path}{NAME}/manifests/v1", Host=host).data == image().raw
    cache.settle()
    assert cache.images(NAME) == {image().digest: ["v1"]}


@pytest.mark.consideration("S4b")
@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_nothing_is_created_when_the_upstream_refuses(cache, upstream, status):
    upstream.fail("/manifests/", status=status, count=99)
    cache.rule()
    assert cache.manifest(NAME, "v1").status_code >= 400
    assert cache.repositories() == []


def test_tags_are_listed_as_far_as_they_are_cached(cache, upstream):
    upstream.add_image("team/app", image(), "v1")
    upstream.add_image("team/app", image(), "v2")
    cache.rule()
    assert cache.get(f"/v2/{NAME}/tags/list").status_code == 404
    cache.pull(NAME, "v1")
    assert cache.get(f"/v2/{NAME}/tags/list").json["tags"] == ["v1"]
    assert upstream.count(None, "/tags/") == 0
