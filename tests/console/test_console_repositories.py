"""Repositories in the console: the list, a new one, settings, and the deletion."""

import re

import pytest

from tests.support.images import an_image, put_image


@pytest.fixture
def names(ecr):
    """Create some repositories, and return their names in order."""
    names = ["data/etl", "team/app", "team/web"]
    for name in names:
        ecr.create_repository(repositoryName=name)
    return names


def shown(page):
    """Return the names of the repositories that a page lists."""
    return [text for address, text in page.links if "/repository/" in address]


def test_a_form_about_a_repository_that_is_gone_says_so_once(browser, ecr):
    ecr.create_repository(repositoryName="gone")
    form = browser.open("settings/gone").form("/mutability")
    ecr.delete_repository(repositoryName="gone")
    page = browser.submit(form, mutability="MUTABLE")
    assert page.status == 404
    assert page.text.count("The repository with name 'gone' does not exist") == 1


def test_the_list_has_each_repository_with_its_numbers(browser, ecr, names):
    put_image(ecr, "team/app", an_image())
    page = browser.open("repositories")
    assert shown(page) == names
    assert re.search(r"team/app 1 1\.1\d kB (?:just now|\d seconds? ago) mutable no", page.text)


def test_the_list_is_filtered_and_ordered(browser, ecr, names):
    put_image(ecr, "team/web", an_image())
    page = browser.submit(browser.open("repositories").form("/repositories"), part="TEAM/")
    assert shown(page) == ["team/app", "team/web"]
    assert shown(browser.open(page.link("Images"))) == ["team/web", "team/app"]
    assert "No repository has “nope” in its name." in browser.open("repositories", part="nope").text


@pytest.mark.parametrize("order", ["name", "images", "size", "created"])
def test_each_repository_is_on_one_of_the_pages(browser, ecr, monkeypatch, order):
    monkeypatch.setattr("ecr_emulator.console.repository_list.PER_PAGE", 2)
    names = {f"app-{number}" for number in range(5)}
    for name in names:
        ecr.create_repository(repositoryName=name)
    page = browser.open("repositories", order=order)
    found = shown(page)
    for _ in range(2):
        page = browser.open(page.link("Next page"))
        found += shown(page)
    assert (len(found), set(found)) == (5, names)
    assert "Next page" not in page.text
    assert shown(browser.open(page.link("First page"))) == found[:2]


@pytest.mark.parametrize("place", [{"after": "x", "after_number": "x"}, {"after": "x", "after_number": "9" * 30}])
def test_a_place_that_is_none_leads_to_the_first_page(browser, names, place):
    assert shown(browser.open("repositories", **place)) == names


def test_a_repository_is_created(browser, ecr):
    form = next(each for each in browser.open("repositories").forms if each.method == "post")
    page = browser.submit(form, repository_name=" team/new ", mutability="IMMUTABLE", scan_on_push="on")
    assert "The repository team/new was created." in page.text
    assert page.path.endswith("/repository/team/new")
    [created] = ecr.describe_repositories()["repositories"]
    assert (created["imageTagMutability"], created["imageScanningConfiguration"]) == ("IMMUTABLE", {"scanOnPush": True})


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("team/app", "The repository with name 'team/app' already exists in the registry with id '000000000000'"),
        ("Team", "Invalid parameter at 'repositoryName' failed to satisfy constraint"),
        ("<script>alert(1)</script>", "Invalid parameter at 'repositoryName' failed to satisfy constraint"),
    ],
)
def test_a_repository_that_cannot_be_created_is_refused_with_the_sentence_of_aws(browser, names, name, reason):
    form = next(each for each in browser.open("repositories").forms if each.method == "post")
    page = browser.submit(form, repository_name=name)
    assert reason in page.text
    assert shown(page) == names


# --- Settings ------------------------------------------------------------------------------------------------------


def test_the_settings_describe_the_repository(browser, ecr, names):
    text = browser.open("settings/team/app").text
    assert "URI localhost:4566/team/app ARN arn:aws:ecr:us-east-1:000000000000:repository/team/app" in text
    assert "Encryption AES256" in text
    assert "this repository is scanned on request." in text


def test_the_tag_mutability_is_changed(browser, ecr, names):
    form = browser.open("settings/team/app").form("/mutability")
    page = browser.submit(form, mutability="IMMUTABLE_WITH_EXCLUSION", filters="latest  dev-*")
    assert "The tag mutability is IMMUTABLE_WITH_EXCLUSION now." in page.text
    assert page.form("/mutability").values["filters"] == "latest dev-*"
    [repository] = ecr.describe_repositories(repositoryNames=["team/app"])["repositories"]
    assert [each["filter"] for each in repository["imageTagMutabilityExclusionFilters"]] == ["latest", "dev-*"]
    refused = browser.submit(form, mutability="MUTABLE", filters="latest")
    assert "MUTABLE takes no filters. Choose MUTABLE_WITH_EXCLUSION, or remove the filters." in refused.text
    assert "Invalid parameter at" in browser.submit(form, mutability="NEVER").text


def test_scan_on_push_is_set_and_unset(browser, ecr, names):
    page = browser.submit(browser.open("settings/team/app").form("/scanning"), scan_on_push="on")
    assert "Each push starts a scan now." in page.text
    assert "this repository is scanned on push." in page.text
    form = page.form("/scanning")
    del form.values["scan_on_push"]
    assert "Pushes start no scans now." in browser.submit(form).text


def test_resource_tags_are_set_and_removed(browser, ecr, names):
    page = browser.submit(browser.open("settings/team/app").form("/tags"), key="stage", value="beta @ 1")
    assert "The resource tag stage was set." in page.text
    assert "stage beta @ 1" in page.text
    arn = "arn:aws:ecr:us-east-1:000000000000:repository/team/app"
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "stage", "Value": "beta @ 1"}]
    page = browser.submit(page.form("/tags"), ("remove", "yes"))
    assert "The resource tag stage was removed." in page.text
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == []


def test_a_repository_is_deleted_if_its_name_is_typed(browser, ecr, names):
    put_image(ecr, "team/app", an_image())
    form = browser.open("settings/team/app").form("/delete")
    assert "To delete it, type its name: team/app" in browser.submit(form, typed_name="team", force="on").text
    assert "cannot be deleted because it still contains images" in browser.submit(form, typed_name="team/app").text
    page = browser.submit(form, typed_name="team/app", force="on")
    assert "The repository team/app was deleted." in page.text
    assert shown(page) == ["data/etl", "team/web"]
    gone = browser.open("settings/team/app")
    assert gone.status == 404
    assert "The repository with name 'team/app' does not exist in the registry with id '000000000000'" in gone.text
