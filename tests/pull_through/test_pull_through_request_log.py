"""The log line of a pull states the rule that covers the repository, its upstream, and what the cache did."""

from functools import lru_cache
from types import SimpleNamespace

import pytest
from werkzeug.test import Client

from ecr_emulator.request_log import RequestLog
from ecr_emulator.testing.upstream.faults import answers
from ecr_emulator.testing.upstream.images import image, multi_arch
from tests.support.boto import client_of
from tests.support.images import put_image
from tests.support.pull_through import ACCOUNT

NAME = "quay/team/app"
OLD, NEW = image("old"), image("new")


@pytest.fixture
def client(cache, upstream, caplog):
    """Return a client of a logged emulator with a rule."""
    caplog.set_level("INFO", "ecr_emulator.requests")
    upstream.add_image("team/app", OLD, "v1")
    cache.rule()
    return Client(RequestLog(cache.emulator.wsgi))


@pytest.fixture
def last_line(caplog):
    """Return a function that returns the facts in the last line of the request log."""
    return lambda: [record.facts for record in caplog.records if record.name == "ecr_emulator.requests"][-1]


@pytest.fixture
def logged(cache, client, last_line):
    """Return a function that pulls from a rule's repository and returns the facts in the log line of the pull."""

    @lru_cache
    def authorization(day):
        data = cache.ecr.get_authorization_token()["authorizationData"][0]
        return f"Basic {data['authorizationToken']}"

    def send(path, method="GET", name=NAME):
        headers = {"Authorization": authorization(cache.emulator.clock.now().date())}
        client.open(f"/v2/{name}/{path}", method=method, base_url="http://localhost:4566", headers=headers).close()
        return last_line()

    return send


@pytest.fixture
def called(client, last_line):
    """Return a function that calls BatchGetImage and returns the facts in the log line of the call."""
    ecr = client_of(SimpleNamespace(wsgi=client.application), "ecr", account=ACCOUNT)

    def call(*tags, name=NAME):
        ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": tag} for tag in tags])
        return last_line()

    return call


def use(facts):
    return {name: facts[name] for name in ("rule", "upstream", "cache")}


def of_quay(outcome):
    return {"rule": "quay", "upstream": "quay.io", "cache": outcome}


def test_a_first_pull_is_a_miss_and_later_ones_are_hits(logged, cache):
    assert use(logged("manifests/v1")) == of_quay("miss")
    cache.settle()
    pulls = [logged("manifests/v1") for _ in range(3)]  # the last is a remembered answer
    assert cache.emulator.remembered_answers.given >= 1
    assert [use(pull) for pull in pulls] == [of_quay("hit")] * 3
    assert use(logged(f"manifests/{OLD.digest}")) == of_quay("hit")


def test_a_pull_that_asks_whether_the_tag_has_moved_is_a_check(logged, cache, upstream):
    logged("manifests/v1")
    cache.settle()
    cache.advance(hours=25)
    assert use(logged("manifests/v1")) == of_quay("check")
    upstream.add_image("team/app", NEW, "v1")
    cache.advance(hours=25)
    facts = logged("manifests/v1")
    assert use(facts) == of_quay("check")
    assert facts["bytes"] == len(NEW.raw)


def test_a_cached_image_whose_check_fails_is_stale(logged, cache, upstream):
    logged("manifests/v1")
    cache.settle()
    cache.advance(hours=25)
    upstream.fail("/manifests/v1", answers(503), count=99)
    facts = logged("manifests/v1")
    assert (use(facts), facts["status"]) == (of_quay("stale"), 200)


def test_a_cached_image_whose_new_image_cannot_be_imported_is_stale(logged, cache, upstream):
    old, new = multi_arch("old"), multi_arch("new")
    upstream.add_image("team/app", old, "v1")
    cache.pull(NAME, "v1")
    cache.settle()
    upstream.add_image("team/app", new, "v1")
    upstream.fail(f"/manifests/{new.images[0].digest}", answers(500), count=99)
    cache.advance(hours=25)
    facts = logged("manifests/v1")
    assert (use(facts), facts["bytes"]) == (of_quay("stale"), len(old.raw))


def test_a_miss_that_fails_states_the_rule_and_the_reason(logged):
    facts = logged("manifests/absent")
    assert (use(facts), facts["status"]) == (of_quay("miss"), 404)
    assert "quay.io" in facts["reason"]


def test_blobs_state_the_use_of_the_cache_too(logged, cache, upstream):
    layer = OLD.layers[0].digest
    cache.pull(NAME, "v1")
    first = use(logged(f"blobs/{layer}"))
    cache.settle()
    assert first["cache"] in {"hit", "miss"}  # the import may have fetched it first
    assert use(logged(f"blobs/{layer}")) == of_quay("hit")
    assert "cache" not in logged(f"blobs/{layer}", "HEAD"), "a HEAD never asks the upstream"


def test_a_pull_of_a_repository_without_a_rule_has_no_use_of_the_cache(logged, cache):
    cache.ecr.create_repository(repositoryName="plain")
    put_image(cache.ecr, "plain", NEW, "v1")
    facts = logged("manifests/v1", name="plain")
    assert facts["status"] == 200
    assert not {"rule", "upstream", "cache"} & facts.keys()


def test_pulls_by_the_api_state_the_use_of_the_cache_too(called, cache, upstream):
    upstream.add_image("team/app", NEW, "v2")
    facts = called("v1")
    assert use(facts) == of_quay("miss")
    assert (facts["operation"], facts["repository"]) == ("BatchGetImage", NAME)
    cache.settle()
    assert use(called("v1", "v1")) == of_quay("hit")
    assert use(called("v1", "v2")) == of_quay("hit,miss")
    assert use(called("absent")) == of_quay("miss")
    cache.advance(hours=25)
    assert use(called("v1")) == of_quay("check")
    cache.ecr.create_repository(repositoryName="plain")
    assert "cache" not in called("v1", name="plain")


def test_the_download_of_a_layer_by_its_signed_url_is_a_pull(client, last_line, cache):
    cache.pull(NAME, "v1")
    cache.settle()
    layer = OLD.layers[0].digest
    url = cache.ecr.get_download_url_for_layer(repositoryName=NAME, layerDigest=layer)["downloadUrl"]
    client.get(url).close()
    facts = last_line()
    assert (facts["status"], facts["repository"], use(facts)) == (200, NAME, of_quay("hit"))
