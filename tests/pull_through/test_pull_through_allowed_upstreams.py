"""Upstream registries that ECR does not support, but the operator allows."""

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.auth import Bearer
from ecr_emulator.testing.upstream.images import image
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.certificates import Authority
from tests.support.clock import HurriedClock
from tests.support.pull_through import ACCOUNT, CREDENTIAL, Cache, running_cache

ELASTIC = "docker.elastic.co"
INTERNAL = "registry.internal:5000"


def allowing(*hosts, mapped=None):
    settings = Settings(account=ACCOUNT, allow_upstream=hosts, upstream_map=mapped or {})
    return Emulator(settings, HurriedClock())


@pytest.mark.parametrize("url", [ELASTIC, INTERNAL])
@pytest.mark.parametrize("is_private", [False, True])
def test_an_allowed_registry_is_pulled_through_with_a_credential_or_without(upstream, url, is_private):
    app = image()
    upstream.add_image("team/app", app, "v1")
    with allowing(ELASTIC, INTERNAL, mapped={url: upstream.url}) as emulator:
        cache, secret = Cache(emulator), {}
        if is_private:
            upstream.auth = Bearer(CREDENTIAL)
            secret = {"credentialArn": cache.secret()}
        cache.rule("other", url, **secret)
        assert cache.pull("other/team/app", "v1") == app.raw
        (event,) = cache.events()
        assert (event["sync-status"], event["upstream-registry-url"]) == ("SUCCESS", url)
        emulator.reset()


def test_without_being_allowed_it_is_refused_in_the_words_of_ecr_and_the_log_knows_a_way(cache, caplog):
    caplog.set_level("INFO", "ecr_emulator")
    with pytest.raises(cache.ecr.exceptions.UnsupportedUpstreamRegistryException, match=f"URL {ELASTIC} is invalid"):
        cache.rule("other", ELASTIC)
    assert f"ECR does not support the upstream {ELASTIC}; --allow-upstream" in caplog.text


def test_a_mistyped_host_in_the_upstream_map_is_warned_of_at_the_start(caplog):
    mapped = {"qauy.io": "http://127.0.0.1:1", "quay.io": "http://127.0.0.1:1", ELASTIC: "http://127.0.0.1:1"}
    with allowing(ELASTIC, mapped=mapped):
        (warning,) = [each for each in caplog.records if "--upstream-map" in each.message]
    assert warning.levelname == "WARNING"
    assert "no rule can name qauy.io" in warning.message
    assert "Did you mean quay.io?" in warning.message


def test_a_rule_outlives_the_permission_to_make_more(upstream, tmp_path):
    upstream.add_image("team/app", image(), "v1")
    with running_cache(upstream, tmp_path, allow_upstream=(ELASTIC,)) as cache:
        cache.rule("other", ELASTIC)
    with running_cache(upstream, tmp_path) as cache:
        (rule,) = cache.ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
        assert (rule["upstreamRegistryUrl"], rule.get("upstreamRegistry")) == (ELASTIC, None)
        cache.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="other")


def test_it_is_reached_by_https_unless_it_is_mapped(upstream):
    """A host with plain HTTP must be in the upstream map, so that no request goes there by mistake."""
    upstream.add_image("team/app", image(), "v1")
    url = f"localhost:{upstream.port}"
    with allowing(url) as emulator:
        cache = Cache(emulator)
        cache.rule("other", url)
        answer = cache.manifest("other/team/app", "v1")
        assert (answer.status_code, answer.json["errors"][0]["code"]) == (503, "UNKNOWN")
        assert url in answer.json["errors"][0]["message"]
        assert upstream.requests == []


def test_it_may_be_inside_the_network_of_the_operator(tmp_path, monkeypatch):
    """The operator named the host, so it is asked though its address is private."""
    authority, app = Authority(tmp_path), image()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
    with ScriptedUpstream(Bearer(CREDENTIAL), tls=authority.server("127.0.0.1")) as internal:
        internal.add_image("team/app", app, "v1")
        url = f"127.0.0.1:{internal.port}"
        with allowing(url) as emulator:
            cache = Cache(emulator)
            cache.rule("other", url, credentialArn=cache.secret())
            assert cache.pull("other/team/app", "v1") == app.raw
            emulator.reset()
