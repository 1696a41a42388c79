"""Private registries of one emulator as each other's upstreams: other Regions, other accounts, chains and circles."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from ecr_emulator.domain import names
from ecr_emulator.emulator import Emulator
from ecr_emulator.services.pull_through.manifests import MANIFESTS_AT_ONCE
from ecr_emulator.serving.threaded import ThreadedServer
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
from tests.support.docker import Docker
from tests.support.faults import answers
from tests.support.full_disk import read_only_disk
from tests.support.images import put_image, put_manifest, upload_layers
from tests.support.pull_through import ACCOUNT, pull, running_cache
from tests.support.upstream_images import artifact, image, index, layer, multi_arch

OTHER_ACCOUNT = "111122223333"
HOME = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/puller"


def host(account=ACCOUNT, region=HOME):
    return f"{account}.dkr.ecr.{region}.amazonaws.com"


class Registry(Docker):
    """One registry of the emulator: its API, and docker logged in to it by its own host name."""

    def __init__(self, cache, account=ACCOUNT, region=HOME):
        self.cache = cache
        self.host = host(account, region)
        super().__init__(cache.emulator, account, region)

    def push_image(self, name, image, tag):
        self.ecr.create_repository(repositoryName=name)
        return put_image(self.ecr, name, image, tag)

    def push_index(self, name, index, tag):
        self.ecr.create_repository(repositoryName=name)
        for child in index.images:
            upload_layers(self.ecr, name, child)
            put_manifest(self.ecr, name, child.raw)
        return put_manifest(self.ecr, name, index.raw, tag)

    def rule(self, prefix, upstream, upstream_prefix=None, **more):
        if upstream_prefix:
            more["upstreamRepositoryPrefix"] = upstream_prefix
        url = upstream.host if isinstance(upstream, Registry) else upstream
        return self.ecr.create_pull_through_cache_rule(ecrRepositoryPrefix=prefix, upstreamRegistryUrl=url, **more)

    def manifest(self, name, reference):
        self.log_in()  # the clock may have moved
        return self.get(f"/v2/{name}/manifests/{reference}", {"Host": self.host})

    def blob(self, name, digest):
        answer = self.get(f"/v2/{name}/blobs/{digest}", {"Host": self.host})
        return self.http.get(answer.headers["Location"]) if answer.status_code == 307 else answer

    def pull(self, name, reference):
        return pull(self, name, reference)

    def referrers(self, name, subject):
        self.log_in()
        answer = self.get(f"/v2/{name}/referrers/{subject.digest}", {"Host": self.host})
        assert answer.status_code == 200
        return [each["digest"] for each in answer.json["manifests"]]

    def names(self):
        return [each["repositoryName"] for each in self.ecr.describe_repositories()["repositories"]]

    def tags(self, name):
        details = self.ecr.describe_images(repositoryName=name)["imageDetails"]
        return {each["imageDigest"]: each.get("imageTags", []) for each in details}

    def detail(self, name, tag):
        return self.ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": tag}])["imageDetails"][0]

    def events(self):
        """The details of this registry's pull through events."""
        self.cache.settle()
        every = self.cache.http.get("/_ecr/events").json["events"]
        kind, whose = "ECR Pull Through Cache Action", (self.host.split(".")[0], self.host.split(".")[3])
        return [
            each["detail"]
            for each in every
            if each["detail-type"] == kind and (each["account"], each["region"]) == whose
        ]


@pytest.fixture
def down(cache):
    """The registry that pulls."""
    return Registry(cache)


@pytest.fixture
def up(cache):
    """The registry that is pulled from: the same account in another Region."""
    return Registry(cache, region="eu-central-1")


def blob_files(cache):
    return sorted(path.name for path in Path(cache.emulator.data_dir, "blobs").rglob("*") if path.is_file())


# --- One registry from another ---------------------------------------------------------------------------


def test_another_region_of_the_account_is_pulled_through_without_a_credential(cache, upstream, down, up):
    app = multi_arch()
    up.push_index("team/app", app, "v1")
    created = down.rule("eu", up)
    assert (created["upstreamRegistry"], created["upstreamRepositoryPrefix"]) == ("ecr", "ROOT")

    assert down.pull("eu/team/app", "v1") == app.raw
    cache.settle()

    assert down.tags("eu/team/app") == {app.digest: ["v1"]} | {child.digest: [] for child in app.images}
    assert upstream.requests == [], "nothing went over the network"


def test_another_account_is_pulled_through_with_a_role(cache, down):
    theirs = Registry(cache, OTHER_ACCOUNT)
    app = image()
    theirs.push_image("team/app", app, "v1")
    down.rule("theirs", theirs, customRoleArn=ROLE)
    assert down.pull("theirs/team/app", "v1") == app.raw


def test_the_bytes_are_not_there_twice(cache, down, up):
    app = multi_arch()
    up.push_index("team/app", app, "v1")
    before = blob_files(cache)
    down.rule("eu", up)
    down.pull("eu/team/app", "v1")
    cache.settle()
    assert blob_files(cache) == before
    assert list(Path(cache.emulator.data_dir, "ingest").iterdir()) == []


def test_a_layer_is_in_the_cache_when_it_is_gone_from_its_source(cache, down, up):
    app = image()
    up.push_image("team/app", app, "v1")
    down.rule("eu", up)
    down.pull("eu/team/app", "v1")
    cache.settle()
    up.ecr.delete_repository(repositoryName="team/app", force=True)
    cache.advance(days=3)
    cache.http.post("/_ecr/gc", json={"grace": "0s"})
    assert down.pull("eu/team/app", "v1") == app.raw


@pytest.mark.parametrize(
    ("prefix", "upstream_prefix", "here_", "there"),
    [
        ("ROOT", None, "my-app/image1", "my-app/image1"),
        ("ROOT", "ROOT", "image1", "image1"),
        ("team-a", "team-a", "team-a/app1", "team-a/app1"),
        ("my-app", "upstream-app", "my-app/image1", "upstream-app/image1"),
        ("my-app", "ROOT", "my-app/team/image1", "team/image1"),
        ("a/b", "c/d/e", "a/b/image1", "c/d/e/image1"),
    ],
)
def test_prefixes_are_mapped_as_the_user_guide_says(down, up, prefix, upstream_prefix, here_, there):
    app = image()
    up.push_image(there, app, "v1")
    down.rule(prefix, up, upstream_prefix)
    assert down.pull(here_, "v1") == app.raw
    assert down.names() == [here_]


def test_a_rule_counts_in_its_own_region_only(cache, up):
    elsewhere = Registry(cache, region="us-west-2")
    up.push_image("team/app", image(), "v1")
    Registry(cache).rule("eu", up)
    assert elsewhere.manifest("eu/team/app", "v1").json["errors"][0]["code"] == "NAME_UNKNOWN"


def test_a_host_that_the_operator_mapped_is_asked_over_the_network(cache, upstream, down):
    mapped = "210987654321.dkr.ecr.eu-west-1.amazonaws.com"
    away, near = image("away"), image("near")
    upstream.add_image("team/app", away, "v1")
    Registry(cache, "210987654321", "eu-west-1").push_image("team/app", near, "v1")
    down.rule("theirs", mapped, customRoleArn=ROLE)
    assert down.pull("theirs/team/app", "v1") == away.raw


@pytest.mark.parametrize("registry_auth", ["open", "token"])
def test_another_emulator_is_such_a_host_if_it_is_open(tmp_path, upstream, registry_auth):
    """Over the network ECR asks in a role, which nobody here can take on: without a token, it is told nothing."""
    there, app = names.Registry(OTHER_ACCOUNT, "eu-west-1"), image()
    settings = Settings(account=there.id, region=there.region, registry_auth=registry_auth)
    with Emulator(settings) as other, ThreadedServer(other.wsgi) as server:
        ecr = client_of(other, account=there.id, region=there.region)
        ecr.create_repository(repositoryName="team/app")
        put_image(ecr, "team/app", app, "v1")
        with running_cache(upstream, tmp_path, mapped={there.host: server.url}) as cache:
            down = Registry(cache)
            down.rule("theirs", there.host, customRoleArn=ROLE)
            if registry_auth == "open":
                assert down.pull("theirs/team/app", "v1") == app.raw
            else:
                assert down.manifest("theirs/team/app", "v1").status_code == 404
                assert "without a credential" in down.events()[-1]["failure-reason"]


def test_offline_a_private_registry_still_answers(upstream, tmp_path):
    app = image()
    with running_cache(upstream, tmp_path, offline=True) as cache:
        down, up = Registry(cache), Registry(cache, region="eu-central-1")
        up.push_image("team/app", app, "v1")
        down.rule("eu", up)
        assert down.pull("eu/team/app", "v1") == app.raw


def test_a_rule_for_a_private_registry_is_valid(down, up):
    down.rule("eu", up)
    assert down.ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="eu")["isValid"]


def test_the_source_sees_that_it_was_pulled_from(down, up):
    up.push_image("team/app", image(), "v1")
    down.rule("eu", up)
    assert "lastRecordedPullTime" not in up.detail("team/app", "v1")
    down.pull("eu/team/app", "v1")
    assert "lastRecordedPullTime" in up.detail("team/app", "v1")


def test_the_role_of_a_rule_may_be_excluded_from_pull_times(down, up):
    up.push_image("team/app", image(), "v1")
    up.ecr.register_pull_time_update_exclusion(principalArn=ROLE)
    down.rule("eu", up, customRoleArn=ROLE)
    down.pull("eu/team/app", "v1")
    assert "lastRecordedPullTime" not in up.detail("team/app", "v1")


@pytest.mark.parametrize(("name", "tag"), [("team/none", "v1"), ("team/app", "none")])
def test_what_the_other_registry_does_not_have_is_not_found_and_creates_nothing(down, up, name, tag):
    up.push_image("team/app", image(), "v1")
    down.rule("eu", up)
    answer = down.manifest(f"eu/{name}", tag)
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    assert down.names() == []
    (event,) = down.events()
    assert (event["sync-status"], event["failure-code"]) == ("FAILED", "ImageNotFound")
    assert up.host in event["failure-reason"]


def test_the_api_pulls_from_a_private_registry_too(down, up):
    app = image()
    up.push_image("team/app", app, "v1")
    down.rule("eu", up)
    (pulled,) = down.ecr.batch_get_image(repositoryName="eu/team/app", imageIds=[{"imageTag": "v1"}])["images"]
    assert pulled["imageManifest"].encode() == app.raw


def test_signatures_in_the_other_registry_are_listed_and_pulled(cache, down, up):
    app = image()
    signature = artifact(app)
    up.push_image("team/app", app, "v1")
    put_image(up.ecr, "team/app", signature)
    down.rule("eu", up)
    down.pull("eu/team/app", "v1")
    cache.settle()
    assert down.referrers("eu/team/app", app) == [signature.digest]
    assert down.pull("eu/team/app", signature.digest) == signature.raw
    _delete_repository(up)
    cache.advance(hours=25)
    assert down.referrers("eu/team/app", app) == [signature.digest]


# --- As time passes --------------------------------------------------------------------------------------


def test_a_tag_is_checked_again_after_a_day_and_moves_with_its_source(cache, down, up):
    old, new = image("old"), image("new")
    up.push_image("team/app", old, "v1")
    down.rule("eu", up)
    down.pull("eu/team/app", "v1")
    cache.settle()

    put_image(up.ecr, "team/app", new, "v1")
    cache.advance(hours=23, minutes=59)
    assert down.pull("eu/team/app", "v1") == old.raw
    cache.advance(minutes=2)
    assert down.pull("eu/team/app", "v1") == new.raw
    cache.settle()
    assert down.tags("eu/team/app") == {old.digest: [], new.digest: ["v1"]}


def _delete_tag(up):
    up.ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])


def _delete_repository(up):
    up.ecr.delete_repository(repositoryName="team/app", force=True)


def _archive(up):
    digest = image().digest
    up.ecr.update_image_storage_class(
        repositoryName="team/app", imageId={"imageDigest": digest}, targetStorageClass="ARCHIVE"
    )


@pytest.mark.parametrize("happens", [_delete_tag, _delete_repository, _archive])
def test_what_is_gone_from_the_source_is_served_from_the_cache(cache, down, up, happens):
    app = image()
    up.push_image("team/app", app, "v1")
    down.rule("eu", up)
    down.pull("eu/team/app", "v1")
    cache.settle()
    happens(up)
    cache.advance(hours=25)
    assert down.pull("eu/team/app", "v1") == app.raw
    assert down.events()[-1]["failure-code"] == "ImageNotFound"


def test_an_archived_image_cannot_be_pulled_through(down, up):
    up.push_image("team/app", image(), "v1")
    _archive(up)
    down.rule("eu", up)
    assert down.manifest("eu/team/app", "v1").status_code == 404
    assert down.names() == []


# --- Chains ----------------------------------------------------------------------------------------------


def test_the_other_registry_imports_what_it_does_not_have_yet(cache, upstream, down, up):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    up.rule("quay", "quay.io")
    down.rule("eu", up)

    assert down.pull("eu/quay/team/app", "v1") == app.raw
    cache.settle()

    assert (
        set(down.tags("eu/quay/team/app"))
        == set(up.tags("quay/team/app"))
        == {
            app.digest,
            *(child.digest for child in app.images),
        }
    )
    for method, path in {(request.method, request.path) for request in upstream.requests}:
        assert upstream.count(method, path) == 1, f"{method} {path} was sent once"
    assert [event["sync-status"] for event in down.events() + up.events()] == ["SUCCESS", "SUCCESS"]
    upstream.stop()
    assert up.pull("quay/team/app", "v1") == app.raw
    assert down.pull("eu/quay/team/app", "v1") == app.raw


def test_many_clients_of_both_ends_cost_the_far_end_one_request_for_each_part(cache, upstream, down, up):
    large = image("large", layer("large", 2_000_000))
    app = index(large, image("small"))
    upstream.add_image("team/app", app, "v1")
    up.rule("quay", "quay.io")
    down.rule("eu", up)
    with ThreadPoolExecutor(16) as clients:
        pulls = [
            clients.submit(registry.pull, f"{prefix}/team/app", "v1")
            for _ in range(8)
            for registry, prefix in ((down, "eu/quay"), (up, "quay"))
        ]
        assert {pull.result(20) for pull in pulls} == {app.raw}
    cache.settle()
    for method, path in {(request.method, request.path) for request in upstream.requests}:
        assert upstream.count(method, path) == 1, f"{method} {path} was sent once"


def test_signatures_come_through_a_chain(cache, upstream, down, up):
    app = image()
    signature = artifact(app)
    upstream.add_image("team/app", app, "v1")
    upstream.add_image("team/app", signature)
    up.rule("quay", "quay.io")
    down.rule("eu", up)
    down.pull("eu/quay/team/app", "v1")
    cache.settle()
    assert down.referrers("eu/quay/team/app", app) == [signature.digest]
    assert up.referrers("quay/team/app", app) == [signature.digest]
    assert upstream.count("GET", "/referrers/") == 1


def test_every_registry_of_a_chain_checks_once_a_day(cache, upstream, down, up):
    upstream.add_image("team/app", image("old"), "v1")
    up.rule("quay", "quay.io")
    down.rule("eu", up)
    down.pull("eu/quay/team/app", "v1")
    cache.settle()
    asked = len(upstream.requests)

    new = image("new")
    upstream.add_image("team/app", new, "v1")
    cache.advance(hours=25)
    assert down.pull("eu/quay/team/app", "v1") == new.raw
    cache.settle()
    assert upstream.count("HEAD", "/manifests/v1") == 1
    assert len(upstream.requests) == asked + 2 + len(new.blobs), "HEAD, the new manifest, its blobs"
    assert up.tags("quay/team/app")[new.digest] == ["v1"]


@pytest.mark.parametrize(
    ("status", "expected", "code"),
    [(404, 404, "MANIFEST_UNKNOWN"), (429, 429, "TOOMANYREQUESTS"), (403, 403, "DENIED"), (503, 503, "UNKNOWN")],
)
def test_what_the_far_end_of_a_chain_says_is_heard_at_this_one(upstream, down, up, status, expected, code):
    upstream.fail("/manifests/", answers(status, Retry_After="3600"), times=99)
    up.rule("quay", "quay.io")
    down.rule("eu", up)
    answer = down.manifest("eu/quay/team/app", "v1")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (expected, code)
    assert down.names() == up.names() == []
    reasons = [event["failure-reason"] for event in down.events() + up.events()]
    assert len(reasons) == 2
    assert reasons[0] == reasons[1]


def test_a_failing_upstream_behind_a_private_registry_leaves_everything_served(cache, upstream, down, up):
    app = image()
    upstream.add_image("team/app", app, "v1")
    up.rule("quay", "quay.io")
    down.rule("eu", up)
    down.pull("eu/quay/team/app", "v1")
    cache.settle()
    upstream.fail(lambda request: True, answers(403), times=99)
    cache.advance(days=2)
    assert down.pull("eu/quay/team/app", "v1") == app.raw


def test_a_blob_that_nobody_has_yet_comes_from_the_far_end(cache, upstream, down, up):
    """The other registry's own import failed half way; what it lacks is fetched for both."""
    app = image(1, layer("large", 300_000))
    upstream.add_image("team/app", app, "v1")
    upstream.fail("/blobs/", answers(404))
    up.rule("quay", "quay.io")
    up.manifest("quay/team/app", "v1")
    cache.settle()
    upstream.heal()
    cache.advance(seconds=5)  # for as long it is not asked again
    down.rule("eu", up)
    assert down.pull("eu/quay/team/app", "v1") == app.raw
    cache.settle()
    asked = len(upstream.requests)
    assert up.pull("quay/team/app", "v1") == app.raw
    assert len(upstream.requests) == asked


def test_a_disk_that_cannot_be_written_stops_no_pull_through_a_chain(cache, upstream, down, up):
    app = image(1, layer("large", 300_000))
    upstream.add_image("team/app", app, "v1")
    up.rule("quay", "quay.io")
    down.rule("eu", up)
    down.log_in()
    with read_only_disk(cache.emulator):
        assert down.get("/v2/eu/quay/team/app/manifests/v1", {"Host": down.host}).data == app.raw
        assert [down.blob("eu/quay/team/app", blob.digest).data for blob in app.blobs] == [
            each.raw for each in app.blobs
        ]
        cache.settle()
    assert down.names() == up.names() == []


def test_a_chain_of_four_registries_works_and_one_of_five_does_not(cache, upstream, down):
    app = image()
    upstream.add_image("team/app", app, "v1")
    chain = [
        down,
        *(Registry(cache, region=region) for region in ("eu-west-2", "eu-west-3", "ap-south-1", "sa-east-1")),
    ]
    for near, far in pairwise(chain):
        near.rule("ROOT", far)
    chain[-1].rule("ROOT", "quay.io")

    answer = down.manifest("team/app", "v1")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    assert "too many registries" in down.events()[-1]["failure-reason"]
    assert upstream.requests == []

    assert chain[1].pull("team/app", "v1") == app.raw
    assert down.pull("team/app", "v1") == app.raw, "what is near enough is found"


def test_strict_registries_ask_each_other_for_the_children_of_what_they_have(upstream, tmp_path):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    with running_cache(upstream, tmp_path, strict=True) as cache:
        down, up = Registry(cache), Registry(cache, region="eu-central-1")
        up.rule("quay", "quay.io")
        down.rule("eu", up)
        assert down.pull("eu/quay/team/app", "v1") == app.raw
        cache.settle()
        assert set(down.tags("eu/quay/team/app")) == {app.digest, *(child.digest for child in app.images)}


# --- Circles ---------------------------------------------------------------------------------------------


@pytest.fixture
def circle(down, up):
    down.rule("ROOT", up)
    up.rule("ROOT", down)
    return down, up


def test_registries_that_ask_each_other_find_nothing_and_say_why(circle):
    down, up = circle
    answer = down.manifest("team/app", "v1")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    assert down.names() == up.names() == []
    for registry in circle:
        (event,) = registry.events()
        assert event["failure-code"] == "ImageNotFound"
        assert "lead in a circle" in event["failure-reason"]


def test_the_reason_of_a_circle_is_in_the_log(circle, caplog):
    circle[0].manifest("team/app", "v1")
    assert "lead in a circle" in caplog.text


def test_what_one_registry_of_a_circle_has_the_other_gets(cache, circle):
    down, up = circle
    app = image()
    up.push_image("team/app", app, "v1")
    assert down.pull("team/app", "v1") == app.raw
    cache.settle()
    cache.advance(days=2)
    assert up.pull("team/app", "v1") == app.raw
    assert down.pull("team/app", "v1") == app.raw


def test_all_registries_of_a_circle_list_the_signatures_of_one(circle):
    down, up = circle
    app = image()
    signature = artifact(app)
    up.push_image("team/app", app, "v1")
    put_image(up.ecr, "team/app", signature)
    assert down.pull("team/app", "v1") == app.raw
    assert down.referrers("team/app", app) == [signature.digest]
    assert up.referrers("team/app", app) == [signature.digest]


def test_a_circle_in_which_the_name_grows_ends_as_well(down, up):
    down.rule("xx", up, "yy")
    up.rule("yy", down, "xx/more")
    answer = down.manifest("xx/app", "v1")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    assert "too many registries" in down.events()[-1]["failure-reason"]


def test_many_pulls_into_both_ends_of_a_circle_end(circle):
    with ThreadPoolExecutor(4 * MANIFESTS_AT_ONCE) as clients:
        pulls = [
            clients.submit(registry.get, f"/v2/team/app{number}/manifests/v1", {"Host": registry.host})
            for number in range(MANIFESTS_AT_ONCE)
            for registry in (*circle, *reversed(circle))
        ]
        assert {pull.result(15).status_code for pull in pulls} == {404}


def test_chains_by_the_dozen_do_not_run_out_of_threads(cache, upstream, down, up):
    count = 3 * MANIFESTS_AT_ONCE
    apps = [image(number) for number in range(count)]
    for number, app in enumerate(apps):
        upstream.add_image(f"team/app{number}", app, "v1")
    up.rule("quay", "quay.io")
    down.rule("eu", up)
    with ThreadPoolExecutor(2 * count) as clients:
        pulls = [
            clients.submit(registry.get, f"/v2/{prefix}/team/app{number}/manifests/v1", {"Host": registry.host})
            for number in range(count)
            for registry, prefix in ((down, "eu/quay"), (up, "quay"))
        ]
        assert [pull.result(15).data for pull in pulls] == [app.raw for app in apps for _ in range(2)]
    cache.settle()
    assert upstream.count("GET", "/manifests/v1") == count
