"""The pages of the pull through cache: rules with their upstreams, templates, cached tags, and the forms."""

import re

import pytest

from ecr_emulator.testing.upstream.faults import answers, with_headers
from ecr_emulator.testing.upstream.images import image
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.admin_api import ClosingClient
from tests.support.console import REGION, Browser
from tests.support.iam_principals import IamAccount, allow
from tests.support.images import put_image
from tests.support.pull_through import ACCOUNT, running_cache

APP, NEWER = image("app"), image("newer")
NAME = "quay/team/app"
PREFIX = f"/_ecr/console/{ACCOUNT}/{REGION}/pull-through"


@pytest.fixture
def upstream():
    with ScriptedUpstream() as registry:
        registry.add_image("team/app", APP, "v1")
        yield registry


@pytest.fixture
def cache(upstream):
    with running_cache(upstream) as cache:
        cache.http = ClosingClient(cache.emulator.wsgi)
        yield cache


@pytest.fixture
def browser(cache):
    return Browser(cache.emulator)


@pytest.fixture
def show(browser):
    """Open a page of the section."""
    return lambda path="", **query: browser.open(PREFIX + path, **query)


def test_a_registry_without_rules_says_so(show):
    assert "This registry has no pull through cache rules." in show().text
    assert "This registry has no repository creation templates." in show("/templates").text


def test_a_rule_shows_its_upstream_its_pulls_and_their_cost(cache, upstream, show):
    cache.rule()
    assert "quay.io asked at" in show().text
    assert "not asked yet No pull has asked it so far." in show().text
    headers = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "57;w=21600"}
    upstream.fail("/manifests/v1", with_headers(**headers))
    for _ in range(2):
        cache.pull(NAME, "v1")
    cache.settle()
    text = show().text
    assert "healthy" in text
    assert "57 of 100 in 6 h" in text
    requests = len(upstream.requests)
    assert f"{requests} requests" in text
    assert re.search(r"\d hits, \d miss", text)


@pytest.mark.parametrize(
    ("status", "word", "sentence"),
    [
        (403, "refusing", "It refuses the credential or the image."),
        (429, "refusing", "The rate limit is used up; it is asked again"),
        (500, "failing", "Its last answer was a failure."),
    ],
)
def test_the_state_of_an_upstream_is_told_in_words(cache, upstream, show, status, word, sentence):
    cache.rule()
    upstream.fail("", answers(status), count=99)
    cache.manifest(NAME, "v1")
    text = show().text
    assert f"{word} {sentence}" in text
    assert f"answered {status}" in text


def test_an_upstream_that_keeps_failing_rests(cache, upstream, show):
    cache.rule()
    upstream.fail("", answers(500), count=99)
    for number in range(5):
        cache.manifest(NAME, f"v{number}")
    assert "resting It failed several times in a row and is not asked for a while; it is asked again in" in show().text


def test_what_an_upstream_says_is_escaped(cache, upstream, show):
    cache.rule()
    body = b'{"errors": [{"code": "DENIED", "message": "<script>alert(1)</script>"}]}'
    upstream.fail("", answers(403, body=body), count=99)
    cache.manifest(NAME, "v1")
    for page in (show(), show("/rule/quay")):
        assert "<script>alert" not in page.html
        assert "403" in page.text


def test_the_history_has_pictures_with_text_alternatives(cache, show):
    cache.rule()
    assert '<svg class="picture"' not in show().html
    cache.manifest(NAME, "v1")
    cache.settle()
    cache.advance(hours=25)
    cache.manifest(NAME, "v1")
    for page in (show(), show("/rule/quay")):
        assert 'role="img"' in page.html
        assert "UTC: hits 0, checks 1, stale answers 0, misses 1.</desc>" in page.html


def test_templates_show_the_repositories_that_they_would_match(cache, show):
    create = cache.ecr.create_repository_creation_template
    create(prefix="quay", appliedFor=["PULL_THROUGH_CACHE"], description="<b>cached</b>")
    create(prefix="quay/team", appliedFor=["PULL_THROUGH_CACHE", "REPLICATION"])
    create(prefix="ROOT", appliedFor=["REPLICATION"])
    for name in ("quay/team/app", "quay/other", "alone"):
        cache.ecr.create_repository(repositoryName=name)
    page = show("/templates")
    assert "quay <b>cached</b> pull through cache mutable, AES256 quay/other" in page.text
    assert "<b>cached" not in page.html
    assert "pull through cache, replication mutable, AES256 quay/team/app" in page.text
    assert "ROOT replication mutable, AES256 alone, quay/other" in page.text


def test_a_rule_lists_the_repositories_that_it_covers(cache, upstream, show, browser):
    cache.rule()
    cache.rule(prefix="quay/team", url="public.ecr.aws")
    upstream.add_image("app", APP, "v1")
    upstream.add_image("other", APP, "v1")
    cache.pull("quay/team/app", "v1")
    cache.pull("quay/other", "v1")
    cache.settle()
    page = show("/rule/quay")
    assert "quay/other other" in page.text
    assert "quay/team/app" not in page.text
    assert "team/app" not in browser.open(page.link("quay/other")).text
    assert "quay/team/app app" in show("/rule/quay/team").text
    assert show("/rule/none").status == 404


def test_the_next_check_of_each_tag_is_shown(cache, upstream, show):
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    text = show(f"/repository/{NAME}").text
    assert "v1" in text
    assert "just now in 1 day" in text
    cache.advance(hours=25)
    assert "at the next pull" in show(f"/repository/{NAME}").text
    upstream.fail("/manifests/v1", answers(503), count=99)
    cache.manifest(NAME, "v1")
    text = show(f"/repository/{NAME}").text
    assert "1 failed check since, the last" in text
    assert "answered 503" in text


def test_a_pushed_tag_was_never_checked(cache, show):
    cache.rule()
    cache.ecr.create_repository(repositoryName=NAME)
    put_image(cache.ecr, NAME, APP, "mine")
    assert "mine" in show(f"/repository/{NAME}").text
    assert "pushed here, not checked at the next pull" in show(f"/repository/{NAME}").text


def test_a_button_refreshes_a_tag(cache, upstream, show, browser):
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    page = show(f"/repository/{NAME}")
    refresh = page.form("/refresh")
    assert refresh.buttons[:2] == [("", ""), ("tag", "v1")]
    assert "quay/team/app:v1 unchanged." in browser.submit(refresh, ("tag", "v1")).text
    upstream.add_image("team/app", NEWER, "v1")
    moved = browser.submit(refresh, ("tag", "v1")).text
    assert "quay/team/app:v1 updat" in moved
    cache.settle()
    upstream.fail("/manifests/v1", answers(503), count=99)
    assert "answered 503" in browser.submit(refresh).text


def test_a_button_imports_a_tag(cache, show, browser):
    cache.rule()
    cache.manifest(NAME, "v1")
    cache.settle()
    page = show(f"/repository/{NAME}")
    form = page.form("/refresh")
    form.action = form.action.replace("/refresh", "/import")
    assert "quay/team/app:v1 is here: 0 B were new." in browser.submit(form, ("tag", "v1")).text


def test_an_image_is_imported_by_its_name(cache, show, browser):
    cache.rule()
    form = show().form("/import")
    done = browser.submit(form, image=f"localhost:4566/{NAME}:v1")
    assert "quay/team/app:v1 is here" in done.text
    assert list(cache.images(NAME)) == [APP.digest]
    for typed, reason in [
        ("Quay/App", "'Quay/App' is not a repository name; an image is written like docker-hub/library/nginx:1.27."),
        ("quay/team/app:none", "quay/team/app:none was not imported: "),
        ("elsewhere/app", "The repository with name 'elsewhere/app' does not exist"),
        (f"210987654321.dkr.ecr.us-east-1.amazonaws.com/{NAME}", "This is an image of another registry"),
    ]:
        assert reason in browser.submit(form, image=typed).text


def test_a_button_validates_a_rule(cache, upstream, show, browser):
    cache.rule()
    form = show("/rule/quay").form("/validate")
    assert "The upstream of quay answers and accepts the credential." in browser.submit(form).text
    upstream.stop()
    assert "The rule quay is not valid: " in browser.submit(form).text


def test_forms_need_their_token(cache, show, browser):
    cache.rule()
    for form in (show().form("/import"), show("/rule/quay").form("/validate")):
        assert browser.submit(form, form_token="forged", image="quay/team/app:v1").status == 403
    assert cache.repositories() == []


def test_a_caller_without_the_permission_neither_imports_nor_refreshes(upstream, tmp_path):
    with running_cache(upstream, tmp_path / "state", iam="enforce") as cache:
        cache.rule()
        cache.ecr.create_repository(repositoryName=NAME)
        reader = IamAccount(cache.emulator).user(
            allow("DescribePullThroughCacheRules", "DescribeImages", "BatchGetImage", "DescribeRepositories")
        )
        browser = Browser(cache.emulator)
        sign_in = browser.open(PREFIX).form("/sign-in")
        page = browser.submit(sign_in, access_key=reader.keys.access_key, secret_key=reader.keys.secret)
        denied = "is not authorized to perform: ecr:BatchImportUpstreamImage"
        assert denied in browser.submit(page.form("/import"), image=f"{NAME}:v1").text
        put_image(cache.ecr, NAME, APP, "mine")
        tags = browser.open(f"{PREFIX}/repository/{NAME}")
        assert denied in browser.submit(tags.form("/refresh")).text
        assert "is not authorized to perform: ecr:DescribeRepositoryCreationTemplates" in (
            browser.open(f"{PREFIX}/templates").text
        )
        assert len(upstream.requests) == 0
