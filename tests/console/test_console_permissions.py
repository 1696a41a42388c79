"""The policies of a repository and of a registry, and the question who may do what."""

import json
import re
from html import unescape

import pytest

from tests.support.boto import client_of
from tests.support.console import ACCOUNT, Browser
from tests.support.iam_principals import IamAccount, allow, enforcing, repository_policy, to

PULL = ("BatchGetImage", "GetDownloadUrlForLayer")
POLICY = repository_policy(to("arn:aws:iam::210987654321:root", allow(*PULL, Sid="Friends")))
STRANGER = "210987654321"


@pytest.fixture
def page(browser, ecr):
    ecr.create_repository(repositoryName="team/app")
    return lambda **query: browser.open("permissions/team/app", **query)


@pytest.fixture(scope="module")
def enforced():
    with enforcing() as running:
        client_of(running, account="123456789012").create_repository(repositoryName="team/app")
        yield running


def test_the_example_where_there_is_no_policy_can_be_saved(page, browser):
    empty = page()
    assert "The repository has no policy." in empty.text
    [example] = re.findall(r'placeholder="([^"]*)"', empty.html.partition("<textarea")[2])
    saved = browser.submit(empty.form("/put"), policy=unescape(example))
    assert "The policy was saved." in saved.text
    assert "The repository has no policy." not in saved.text


def test_a_policy_is_saved_shown_and_deleted(page, browser, ecr):
    saved = browser.submit(page().form("/put"), policy=POLICY)
    assert "The policy was saved." in saved.text
    assert json.loads(saved.form("/put").values["policy"]) == json.loads(POLICY)
    assert json.loads(ecr.get_repository_policy(repositoryName="team/app")["policyText"]) == json.loads(POLICY)
    form = saved.form("/put")
    form.action = form.action.replace("/put", "/delete")
    assert "The policy was deleted." in browser.submit(form).text
    assert "The policy could not" not in page().text
    assert page().form("/put").values["policy"].strip() == ""


def test_a_policy_that_ecr_refuses_stays_on_the_page_with_the_reason(page, browser):
    refused = browser.submit(page().form("/put"), policy="{<script>")
    assert refused.status == 400
    assert "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'" in (
        refused.text
    )
    assert refused.form("/put").values["policy"].strip() == "{<script>"


def test_the_answer_names_the_policy_that_decides(page, browser, ecr):
    asked = browser.submit(page().form("/permissions/team/app"), principal=STRANGER, deed="pull")
    assert f"no arn:aws:iam::{STRANGER}:root may not pull, if IAM were enforced" in asked.text
    ecr.set_repository_policy(repositoryName="team/app", policyText=POLICY)
    asked = page(principal=STRANGER, deed="pull")
    assert f"yes arn:aws:iam::{STRANGER}:root may pull" in asked.text
    assert "the resource-based policy 'of the repository team/app' allows it in statement 'Friends'" in asked.text
    assert asked.form("/permissions/team/app").values["principal"] == STRANGER


def test_a_question_without_a_principal_is_explained(page):
    assert "'<b>ann' is no principal; name the ARN of a user" in page(principal="<b>ann").text
    assert "'fly' must be one of pull, push, list, delete." in page(principal=STRANGER, deed="fly").text


def test_the_policy_of_the_registry_is_saved_asked_and_deleted(browser, ecr):
    ecr.create_repository(repositoryName="team/app")
    page = browser.open("registry")
    assert "Scans basic Replication none Policy decides on all actions scope V2" in page.text
    statement = to(STRANGER, allow(*PULL, Sid="Everywhere", on=f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/*"))
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    saved = browser.submit(page.form("/registry/policy"), policy=text)
    assert "The policy of the registry was saved." in saved.text
    asked = browser.submit(saved.form("/registry"), principal=STRANGER, repository="team/app")
    assert f"of the registry {ACCOUNT} in us-east-1' allows it in statement 'Everywhere'" in asked.text
    assert "must be" not in asked.text
    form = saved.form("/registry/policy")
    form.action += "/delete"
    assert "The policy of the registry was deleted." in browser.submit(form).text
    assert "Invalid registry policy" in browser.submit(page.form("/registry/policy"), policy="{}").text
    assert "'' is not the name of a repository" in browser.open("registry", principal=STRANGER).text


def test_a_caller_sees_and_changes_only_what_it_may(enforced):
    iam = IamAccount(enforced)
    reader = iam.user(allow("GetRepositoryPolicy", "DescribeRepositories"))
    browser = Browser(enforced)
    base = "/_ecr/console/123456789012/us-east-1"
    page = browser.open(f"{base}/permissions/team/app")
    sent = {"access_key": reader.keys.access_key, "secret_key": reader.keys.secret}
    page = browser.submit(page.form("/sign-in"), **sent)
    assert "Policy of the repository" in page.text
    refused = browser.submit(page.form("/put"), policy=POLICY)
    assert "is not authorized to perform: ecr:SetRepositoryPolicy on resource" in refused.text
    registry = browser.open(f"{base}/registry")
    assert "is not authorized to perform: ecr:GetRegistryPolicy" in registry.text
    assert "Policy of the registry" not in registry.text
    asked = browser.open(f"{base}/permissions/team/app", principal=reader.arn, deed="pull")
    assert f"no {reader.arn} may not pull." in asked.text


def test_nobody_changes_the_registry_of_another_account(enforced):
    browser = Browser(enforced)
    base = "/_ecr/console/123456789012/us-east-1"
    page = browser.submit(browser.open(f"{base}/registry").form("/sign-in"), access_key="123456789012")
    form = page.form("/registry/policy")
    form.action = form.action.replace("123456789012", STRANGER)
    refused = browser.submit(form, policy=POLICY)
    assert f"Only account {STRANGER} can change the policy of its registry." in refused.text
