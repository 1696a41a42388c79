"""``/_ecr/access``: the answers are those of requests, and each has its reason."""

from itertools import count

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.admin_api import AdminClient
from tests.support.boto import client_of
from tests.support.iam_principals import ACCOUNT, allow, deny, policy, repository_policy, to
from tests.support.images import an_image, put_image

STRANGER = "210987654321"
PULL = ("BatchGetImage", "GetDownloadUrlForLayer")
PUSH = (
    "BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage",
)  # fmt: skip
NUMBERS = count()
NAME = "team/app"


@pytest.fixture
def ecr(emulator):
    return client_of(emulator, "ecr", account=ACCOUNT)


@pytest.fixture
def name(ecr):
    """A repository of its own for each test, with one image."""
    name = f"questions/{next(NUMBERS)}"
    ecr.create_repository(repositoryName=name)
    put_image(ecr, name, an_image(), "v1")
    return name


@pytest.fixture
def ask(emulator, name):
    """Ask whether a principal may pull, or perform another deed."""

    def answered(principal, deed="pull", repository=name, **more):
        query = {"principal": getattr(principal, "arn", principal), "deed": deed, "repository": repository}
        answer = AdminClient(emulator.wsgi).get("/_ecr/access", query_string=query | more)
        assert answer.status_code == 200, answer.json
        return answer.json

    return answered


@pytest.fixture
def refused(emulator, name):
    """Return the error about a question."""

    def error(**query):
        query = {"principal": ACCOUNT, "deed": "pull", "repository": name} | query
        answer = AdminClient(emulator.wsgi).get("/_ecr/access", query_string=query)
        assert answer.status_code == 400
        return answer.json["error"]

    return error


def pulls(principal, name):
    return principal.send("GET", f"/v2/{name}/manifests/v1").status_code == 200


def reasons(answer, *, allowed=False):
    """Return the reasons of what is denied (or allowed), by action."""
    return {
        each["action"].partition(":")[2]: each["reason"] for each in answer["actions"] if each["allowed"] is allowed
    }


@pytest.mark.parametrize(
    "policies",
    [
        ([allow(*PULL)], None, True),
        ([allow("BatchGetImage")], None, False),
        ([], None, False),
        ([], "allow", True),
        ([allow("*")], "deny", False),
        ([allow("*"), deny("BatchGetImage")], "allow", False),
    ],
    ids=["identity", "half", "nothing", "repository", "repository denies", "identity denies"],
)
def test_the_answer_is_that_of_a_pull(ecr, iam, ask, name, policies):
    statements, of_repository, may = policies
    user = iam.user(*statements)
    if of_repository:
        statement = {"allow": allow, "deny": deny}[of_repository](*PULL)
        ecr.set_repository_policy(repositoryName=name, policyText=repository_policy(to(user.arn, statement)))
    answer = ask(user)
    assert (answer["allowed"], answer["enforced"], answer["principal"]) == (may, True, user.arn)
    assert all(each["allowed"] for each in answer["actions"] if each["action"] == "ecr:BatchGetImage") is pulls(
        user, name
    )
    assert may is all(each["allowed"] for each in answer["actions"])


def test_the_reason_names_policy_and_statement(ecr, iam, ask, name):
    user = iam.user(allow("BatchGetImage", Sid="Manifests"))
    statement = to("*", deny("GetDownloadUrlForLayer", Sid="NoLayers"))
    ecr.set_repository_policy(repositoryName=name, policyText=repository_policy(statement))
    answer = ask(user)
    assert reasons(answer, allowed=True)["BatchGetImage"] == (
        "the identity-based policy 'own' allows it in statement 'Manifests'"
    )
    assert reasons(answer) == {
        "GetDownloadUrlForLayer": (
            f"the resource-based policy 'of the repository {name}' denies it in statement 'NoLayers'"
        )
    }


def test_a_push_needs_all_of_its_actions(iam, ask):
    assert ask(iam.user(allow(*PUSH)), "push")["allowed"]
    assert list(reasons(ask(iam.user(allow(*PUSH[1:])), "push"))) == ["BatchCheckLayerAvailability"]
    assert not ask(iam.user(allow(*PUSH)), "delete")["allowed"]
    assert ask(iam.user(allow("ListImages", "Describe*")), "list")["allowed"]


def test_roles_sessions_and_keys_of_sessions_are_principals(iam, ask):
    role = iam.role(allow(*PULL))
    assert ask(role)["allowed"]
    assert ask(iam.session(role))["allowed"]
    narrowed = iam.session(role, Policy=policy(allow("GetAuthorizationToken")))
    by_key = ask(narrowed.keys.access_key)
    assert (by_key["principal"], by_key["allowed"]) == (narrowed.arn, False)
    assert "no session policy allows it" in reasons(by_key)["BatchGetImage"]


def test_a_boundary_limits_a_user(iam, ask):
    user, name = iam.user(allow(*PULL)), f"boundary-{next(NUMBERS)}"
    document = policy(allow("GetAuthorizationToken", "BatchGetImage"))
    boundary = iam.client.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]
    user_name = user.arn.rpartition("/")[2]
    iam.client.put_user_permissions_boundary(UserName=user_name, PermissionsBoundary=boundary)
    assert list(reasons(ask(user))) == ["GetDownloadUrlForLayer"]


def test_another_account_needs_both_sides(ecr, emulator, ask, name):
    assert ask(ACCOUNT)["allowed"]
    denied = ask(STRANGER)
    assert (denied["principal"], denied["allowed"]) == (f"arn:aws:iam::{STRANGER}:root", False)
    ecr.set_repository_policy(repositoryName=name, policyText=repository_policy(to(STRANGER, allow(*PULL))))
    assert ask(STRANGER)["allowed"]


def test_a_pull_through_import_needs_more(ecr, iam, ask):
    prefix = f"cached{next(NUMBERS)}"
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix=prefix, upstreamRegistryUrl="quay.io")
    user = iam.user(allow(*PULL))
    answer = ask(user, repository=f"{prefix}/team/app")
    assert not answer["allowed"]
    assert list(reasons(answer)) == ["BatchImportUpstreamImage", "CreateRepository"]
    ecr.create_repository(repositoryName=f"{prefix}/team/app")
    answer = ask(user, repository=f"{prefix}/team/app")
    assert answer["allowed"]  # of what is here; it cannot import
    assert list(reasons(answer)) == ["BatchImportUpstreamImage"]


def test_a_repository_that_does_not_exist_is_an_obstacle(ecr, ask):
    absent = f"absent{next(NUMBERS)}/app"
    assert ask(ACCOUNT, repository=absent)["obstacle"] == (
        f"The repository {absent} does not exist, and no pull through cache rule covers it"
    )
    answer = ask(ACCOUNT, "push", absent)
    assert answer["obstacle"] == f"The repository {absent} does not exist, and no template creates it on a push"
    assert not answer["allowed"]
    assert ask(ACCOUNT, "delete", absent)["obstacle"] == f"The repository {absent} does not exist"
    ecr.create_repository_creation_template(prefix=absent.partition("/")[0], appliedFor=["CREATE_ON_PUSH"])
    assert ask(ACCOUNT, "push", absent)["allowed"]


def test_conditions_are_those_of_the_client_that_asks(iam, ask):
    user = iam.user(allow(*PULL, Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
    assert not ask(user)["allowed"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"principal": "ann"}, "'ann' is no principal; name the ARN of a user, a role or a session of a role"),
        (
            {"principal": f"arn:aws:iam::{ACCOUNT}:user/nobody"},
            "IAM knows no user 'arn:aws:iam::123456789012:user/nobody'",
        ),
        ({"principal": f"arn:aws:iam::{ACCOUNT}:role/none"}, "IAM knows no role 'arn:aws:iam::123456789012:role/none'"),
        ({"principal": f"arn:aws:sts::{ACCOUNT}:assumed-role/none/x"}, "IAM knows no role"),
        ({"principal": f"arn:aws:sts::{ACCOUNT}:federated-user/carol"}, "name its access key instead"),
        ({"principal": f"arn:aws:iam::{ACCOUNT}:group/all"}, "must be the ARN of a user, a role"),
        ({"principal": "AKIAIOSFODNN7EXAMPLE"}, "IAM and STS know no active access key AKIAIOSFODNN7EXAMPLE"),
        ({"deed": "drink"}, "'drink' must be one of pull, push, list, delete"),
        ({"repository": "Team/App"}, "'Team/App' is not the name of a repository, like team/app"),
        ({"account": "1"}, "account must be 12 digits"),
    ],
)
def test_a_bad_question_is_refused(refused, query, sentence):
    assert sentence in refused(**query)


def test_a_question_without_its_parts_is_refused(emulator):
    answer = AdminClient(emulator.wsgi).get("/_ecr/access?principal=1")
    assert answer.json["error"].startswith("The query lacks deed, repository; it must be like ?principal=arn:aws:iam::")


def test_without_enforcement_the_answer_says_so(tmp_path):
    with Emulator(Settings(account=ACCOUNT)) as open_emulator:
        query = {"principal": ACCOUNT, "deed": "pull", "repository": NAME}
        answer = AdminClient(open_emulator.wsgi).get("/_ecr/access", query_string=query).json
    assert answer["enforced"] is False
