from datetime import UTC, datetime, timedelta

import pytest

from ecr_emulator.domain.addresses import Addresses, registry_of_host, split_path_style
from ecr_emulator.domain.durations import parse_duration
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import CachedName, PullThroughRule, matching_rule
from ecr_emulator.domain.repository import TagMutability
from ecr_emulator.domain.template import CreationTemplate, matching_template
from ecr_emulator.domain.upstreams import find_upstream_kind
from ecr_emulator.domain.validation_timer import Validation

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REGISTRY = Registry("123456789012", "us-east-1")


@pytest.mark.parametrize(
    ("mode", "matching", "other"),
    [
        ("MUTABLE", False, False),
        ("IMMUTABLE", True, True),
        ("IMMUTABLE_WITH_EXCLUSION", False, True),
        ("MUTABLE_WITH_EXCLUSION", True, False),
    ],
)
def test_a_tag_is_locked_as_its_mode_and_filters_say(mode, matching, other):
    filters = ("latest", "dev-*") if mode.endswith("EXCLUSION") else ()
    mutability = TagMutability(mode, filters)
    assert [mutability.locks(tag) for tag in ("latest", "dev-1")] == [matching, matching]
    assert [mutability.locks(tag) for tag in ("latest-2", "Dev-1", "v1")] == [other, other, other]


def test_a_filter_is_a_wildcard_and_nothing_else():
    mutability = TagMutability("IMMUTABLE_WITH_EXCLUSION", ("v1.*",))
    assert mutability.locks("v1x2")
    assert not mutability.locks("v1.2")


def rule(prefix, upstream_prefix=None):
    return PullThroughRule(REGISTRY, prefix, "quay.io", "quay", NOW, NOW, upstream_prefix=upstream_prefix)


@pytest.mark.parametrize(
    ("prefix", "upstream_prefix", "name", "upstream_name"),
    [
        ("hub", None, "hub/library/nginx", "library/nginx"),
        ("hub", None, "hubble/nginx", None),
        ("hub", None, "hub", None),
        ("hub", "ROOT", "hub/a", "a"),
        ("my-app", "upstream-app", "my-app/image1", "upstream-app/image1"),
        ("ROOT", None, "my-app/image1", "my-app/image1"),
        ("a/b", None, "a/b/c/d", "c/d"),
    ],
)
def test_a_rule_maps_names_below_its_prefix(prefix, upstream_prefix, name, upstream_name):
    assert rule(prefix, upstream_prefix).upstream_name(name) == upstream_name


def test_a_cached_name_is_covered_by_its_rule():
    cached = CachedName(rule("quay", "team"), "quay/app")
    assert (cached.registry, cached.upstream_name) == (cached.rule.registry, "team/app")
    with pytest.raises(ValueError, match="'other/app' is not below the prefix 'quay'"):
        CachedName(rule("quay"), "other/app")


def test_the_longest_prefix_wins_and_root_comes_last():
    rules = [rule("ROOT"), rule("a"), rule("a/b")]
    assert [matching_rule(rules, name).prefix for name in ("a/b/c", "a/x", "z/z")] == ["a/b", "a", "ROOT"]
    assert matching_rule(rules[1:], "z/z") is None


@pytest.mark.consideration("S1b")
@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("registry-1.docker.io", "docker-hub"),
        ("public.ecr.aws", "ecr-public"),
        ("quay.io", "quay"),
        ("registry.k8s.io", "k8s"),
        ("ghcr.io", "github-container-registry"),
        ("registry.gitlab.com", "gitlab-container-registry"),
        ("cgr.dev", "chainguard"),
        ("contoso.azurecr.io", "azure-container-registry"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "ecr"),
    ],
)
def test_the_nine_upstreams_are_known_by_their_url(url, kind):
    assert find_upstream_kind(url).name == kind


@pytest.mark.consideration("S1c")
@pytest.mark.parametrize(
    "url", ["docker.io", "Quay.io", "https://quay.io", "quay.io/org", "azurecr.io", "registry.gitlab.example.com"]
)
def test_other_urls_are_no_upstream(url):
    assert find_upstream_kind(url) is None


def test_an_allowed_host_is_an_upstream_without_a_name():
    allowed = ("docker.elastic.co", "quay.io")
    other = find_upstream_kind("docker.elastic.co", allowed)
    assert (other.name, other.takes_secret, other.needs_secret) == ("", True, False)
    assert find_upstream_kind("quay.io", allowed).name == "quay"
    assert find_upstream_kind("docker.elastic.co:443", allowed) is None


def test_a_tag_is_checked_once_a_day():
    validation = Validation(NOW)
    assert not validation.is_due(NOW + timedelta(hours=23, minutes=59))
    assert validation.is_due(NOW + timedelta(hours=24))


def test_failed_checks_are_spaced_out():
    day = NOW + timedelta(hours=24)
    validation = Validation(NOW, attempted_at=day, failures=3)
    assert not validation.is_due(day + timedelta(minutes=3))
    assert validation.is_due(day + timedelta(minutes=4))
    assert Validation(NOW, attempted_at=day, failures=99).is_due(day + timedelta(hours=1))


def template(prefix, *reasons):
    return CreationTemplate(REGISTRY, prefix, reasons or ("PULL_THROUGH_CACHE",), NOW, NOW)


def test_the_template_with_the_longest_prefix_applies_and_its_prefix_ends_in_a_slash():
    templates = [template("ROOT"), template("prod"), template("prod/team")]
    chosen = [
        matching_template(templates, name, "PULL_THROUGH_CACHE").prefix
        for name in ("prod/team/x", "prod/y", "production/x", "z/y")
    ]
    assert chosen == ["prod/team", "prod", "ROOT", "ROOT"]


def test_a_template_for_another_reason_does_not_apply():
    templates = [template("ROOT", "PULL_THROUGH_CACHE"), template("prod", "REPLICATION")]
    assert matching_template(templates, "prod/x", "PULL_THROUGH_CACHE").prefix == "ROOT"
    assert matching_template(templates[1:], "prod/x", "PULL_THROUGH_CACHE") is None


@pytest.mark.parametrize(
    "host",
    [
        "123456789012.dkr.ecr.us-east-1.amazonaws.com",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com:4566",
        "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
        "123456789012.dkr-ecr.us-east-1.on.aws",
        "123456789012.dkr.ecr.us-east-1.localhost:4566",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com.",
        "123456789012.dkr.ecr.us-east-1.localhost.:4566",
    ],
)
def test_a_host_names_its_registry(host):
    assert registry_of_host(host) == REGISTRY


def test_a_plain_host_names_no_registry():
    assert registry_of_host("localhost:4566") is None


def test_a_path_names_its_registry():
    assert split_path_style("123456789012/us-east-1/team/app") == (REGISTRY, "team/app")
    assert split_path_style("team/app") is None


@pytest.mark.parametrize(
    ("style", "uri"),
    [
        ("localhost", "localhost:4566/team/app"),
        ("subdomain", "123456789012.dkr.ecr.us-east-1.localhost:4566/team/app"),
        ("aws", "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app"),
        ("path", "localhost:4566/123456789012/us-east-1/team/app"),
    ],
)
def test_a_repository_uri_comes_in_four_styles(style, uri):
    assert Addresses(style).repository_uri(REGISTRY, "team/app", "localhost:4566", REGISTRY) == uri


def test_a_public_host_replaces_the_one_the_client_used():
    addresses = Addresses(public_host="ecr:80")
    assert addresses.repository_uri(REGISTRY, "app", "localhost:4566", REGISTRY) == "ecr:80/app"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("24h", 86400), ("1d12h", 129600)]
)
def test_durations_are_parsed(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "x", "-1", "1y", "1h2", "h", "²"])
def test_other_texts_are_no_duration(text):
    with pytest.raises(ValueError, match="write seconds"):
        parse_duration(text)
