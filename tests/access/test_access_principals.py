"""Users, groups, roles and sessions of IAM, and the effect of their policies in ECR."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest
from botocore.exceptions import ClientError

from tests.support.boto import Keys
from tests.support.docker import refusal
from tests.support.iam_principals import ACCOUNT, IamAccount, IamPrincipal, allow, deny, policy, repository_policy, to
from tests.support.images import an_image, put_image

NUMBERS = count()
PULLING = ("BatchGetImage", "GetDownloadUrlForLayer", "BatchCheckLayerAvailability")
PUSHING = ("InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage", "BatchCheckLayerAvailability")
AWS_POLICY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistry"


@pytest.fixture
def app(root):
    """Create a repository with an image, and return its name."""
    name = f"team/app-{next(NUMBERS)}"
    root.ecr.create_repository(repositoryName=name)
    put_image(root.ecr, name, an_image(name), "v1")
    return name


def arn(name):
    return f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{name}"


def may_pull(somebody, name):
    """Return whether a principal may pull an image; both planes must give the same answer."""
    api = True
    try:
        somebody.ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": "v1"}])
    except somebody.ecr.exceptions.ClientError as error:
        api = error.response["Error"]["Code"] != "AccessDeniedException"
    assert (somebody.send("GET", f"/v2/{name}/manifests/v1").status_code == 200) is api
    return api


def denial(call, **request):
    with pytest.raises(ClientError) as refused:
        call(**request)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


# --- Identities ------------------------------------------------------------------------------------------


def test_a_user_may_do_only_what_its_own_policy_allows(iam, app):
    ann = iam.user(allow(*PULLING, on=arn(app)))
    assert may_pull(ann, app)
    assert ann.send("HEAD", f"/v2/{app}/blobs/{an_image(app).layers[0].digest}").status_code == 200
    assert ann.send("GET", f"/v2/{app}/blobs/{an_image(app).layers[0].digest}").status_code == 200
    assert refusal(ann.send("POST", f"/v2/{app}/blobs/uploads/")) == (
        403,
        "DENIED",
        f"User: {ann.arn} is not authorized to perform: ecr:InitiateLayerUpload on resource: {arn(app)} "
        "because no identity-based policy allows the ecr:InitiateLayerUpload action",
    )


def test_a_policy_for_one_repository_does_not_allow_another(iam, app, root):
    other = f"{app}-other"
    root.ecr.create_repository(repositoryName=other)
    assert not may_pull(iam.user(allow(*PULLING, on=arn(app))), other)


def test_a_denied_caller_does_not_learn_whether_a_repository_exists(iam):
    ann = iam.user()
    code, message = denial(ann.ecr.describe_images, repositoryName="nowhere")
    assert (code, "DescribeImages" in message) == ("AccessDeniedException", True)
    assert ann.send("GET", "/v2/nowhere/manifests/v1").status_code == 403


def test_names_are_checked_before_permissions_and_credentials_before_names(iam):
    assert iam.user().send("GET", "/v2/NoName/manifests/v1").json["errors"][0]["code"] == "NAME_INVALID"
    assert iam.user().send("GET", "/v2/NoName/manifests/v1", token="QVdTOng=").status_code == 401


@pytest.mark.parametrize(("kind", "pushes"), [("PullOnly", False), ("ReadOnly", False), ("PowerUser", True)])
def test_policies_of_aws_can_be_attached(iam, app, kind, pushes):
    ann = iam.user()
    iam.client.attach_user_policy(UserName=ann.arn.rpartition("/")[2], PolicyArn=f"{AWS_POLICY}{kind}")
    assert may_pull(ann, app)
    assert (ann.send("POST", f"/v2/{app}/blobs/uploads/").status_code == 202) is pushes


def test_a_managed_policy_counts_in_its_default_version(iam, app):
    ann = iam.user()
    created = iam.client.create_policy(PolicyName=f"pull-{app[-3:]}", PolicyDocument=policy(allow("ListImages")))
    managed = created["Policy"]["Arn"]
    iam.client.attach_user_policy(UserName=ann.arn.rpartition("/")[2], PolicyArn=managed)
    assert not may_pull(ann, app)
    document = policy(allow(*PULLING))
    iam.client.create_policy_version(PolicyArn=managed, PolicyDocument=document, SetAsDefault=True)
    assert may_pull(ann, app)


def test_a_user_has_the_policies_of_its_groups(iam, app):
    ann, group = iam.user(), f"pullers-{app[-3:]}"
    iam.client.create_group(GroupName=group)
    iam.client.put_group_policy(GroupName=group, PolicyName="pull", PolicyDocument=policy(allow(*PULLING)))
    assert not may_pull(ann, app)
    name = ann.arn.rpartition("/")[2]
    iam.client.add_user_to_group(GroupName=group, UserName=name)
    assert may_pull(ann, app)
    iam.client.remove_user_from_group(GroupName=group, UserName=name)
    iam.client.attach_group_policy(GroupName=group, PolicyArn=f"{AWS_POLICY}PullOnly")
    assert not may_pull(ann, app)
    iam.client.add_user_to_group(GroupName=group, UserName=name)
    assert may_pull(ann, app)


def test_a_session_has_the_permissions_of_its_role(iam, app):
    session = iam.session(iam.role(allow(*PULLING, on=arn(app))))
    assert session.arn.startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/role-")
    assert may_pull(session, app)
    code, message = denial(session.ecr.list_images, repositoryName=app)
    assert (code, message.split(" is ")[0]) == ("AccessDeniedException", f"User: {session.arn}")


def test_a_role_with_a_path_is_found(iam, app):
    assert may_pull(iam.session(iam.role(allow(*PULLING), Path="/ci/build/")), app)


def test_sessions_of_one_name_have_their_own_policies_also_in_docker(iam, app):
    role = iam.role(allow(*PULLING))
    narrow = iam.session(role, "ci", Policy=policy(allow("GetAuthorizationToken")))
    wide = iam.session(role, "ci")
    tokens = narrow.log_in(), wide.log_in()
    assert narrow.arn == wide.arn
    assert [wide.send("GET", f"/v2/{app}/manifests/v1", token).status_code for token in tokens] == [403, 200]
    assert [may_pull(narrow, app), may_pull(wide, app)] == [False, True]


def test_a_permissions_boundary_limits_a_role(iam, app):
    boundary = iam.client.create_policy(
        PolicyName=f"limit-{app[-3:]}", PolicyDocument=policy(allow("GetAuthorizationToken", "ListImages"))
    )["Policy"]["Arn"]
    session = iam.session(iam.role(allow("*"), PermissionsBoundary=boundary))
    assert session.ecr.list_images(repositoryName=app)["imageIds"]
    assert not may_pull(session, app)
    assert "no permissions boundary allows" in denial(session.ecr.describe_images, repositoryName=app)[1]


def test_a_deleted_permissions_boundary_denies_everything(iam, app):
    boundary = iam.client.create_policy(PolicyName=f"gone-{app[-3:]}", PolicyDocument=policy(allow("*")))
    role = iam.role(allow("*"), PermissionsBoundary=boundary["Policy"]["Arn"])
    iam.client.delete_policy(PolicyArn=boundary["Policy"]["Arn"])
    session = iam.session(role)
    assert denial(session.ecr.list_images, repositoryName=app)[0] == "AccessDeniedException"


def test_a_policy_that_changes_counts_at_once_for_tokens_too(iam, app):
    ann = iam.user(allow(*PULLING))
    token = ann.log_in()
    assert ann.send("GET", f"/v2/{app}/manifests/v1", token).status_code == 200
    iam.client.put_user_policy(
        UserName=ann.arn.rpartition("/")[2], PolicyName="own", PolicyDocument=policy(allow("ListImages"))
    )
    assert ann.send("GET", f"/v2/{app}/manifests/v1", token).status_code == 403


def test_a_token_of_a_deleted_user_is_refused(iam, app):
    ann = iam.user(allow(*PULLING))
    token, name = ann.log_in(), ann.arn.rpartition("/")[2]
    iam.client.delete_access_key(UserName=name, AccessKeyId=ann.keys.access_key)
    iam.client.delete_user_policy(UserName=name, PolicyName="own")
    iam.client.delete_user(UserName=name)
    assert ann.send("GET", f"/v2/{app}/manifests/v1", token).status_code == 403
    assert denial(ann.ecr.list_images, repositoryName=app)[0] == "UnrecognizedClientException"


def test_an_unreadable_policy_allows_nothing(iam, app):
    # moto checks documents as IAM does; a document that is stored in another way may be invalid.
    from moto.iam.models import iam_backends

    ann = iam.user(allow(*PULLING))
    with iam.emulator._companions.entered():
        iam_backends[ACCOUNT]["aws"].users[ann.arn.rpartition("/")[2]].policies["broken"] = "{"
    assert denial(ann.ecr.list_images, repositoryName=app)[0] == "AccessDeniedException"


# --- Keys ------------------------------------------------------------------------------------------------


def test_an_unknown_access_key_is_refused(emulator, root):
    for keys in (Keys("AKIASTRANGER", "secret"), Keys("test", "test")):
        stranger = IamPrincipal(emulator, "", keys)
        assert denial(stranger.ecr.describe_registry) == (
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        )


def test_a_key_that_was_made_inactive_is_refused(iam):
    ann = iam.user(allow("ListImages"))
    name = ann.arn.rpartition("/")[2]
    iam.client.update_access_key(UserName=name, AccessKeyId=ann.keys.access_key, Status="Inactive")
    assert denial(ann.ecr.get_authorization_token)[0] == "UnrecognizedClientException"


def test_a_session_needs_its_token(emulator, iam):
    keys = iam.session(iam.role(allow("DescribeRegistry"))).keys
    for token in (None, "another"):
        thief = IamPrincipal(emulator, "", Keys(keys.access_key, keys.secret, token))
        assert denial(thief.ecr.describe_registry)[0] == "UnrecognizedClientException"


def test_a_session_ends_by_the_emulators_clock_wherever_that_was_moved(emulator, iam, root):
    role = iam.role(allow("DescribeRegistry"))
    emulator.clock.advance(timedelta(hours=30))
    session = iam.session(role, DurationSeconds=3600)
    emulator.clock.advance(timedelta(minutes=59))
    assert session.ecr.describe_registry()
    token = session.log_in()
    emulator.clock.advance(timedelta(minutes=2))
    assert denial(session.ecr.describe_registry) == (
        "ExpiredTokenException",
        "The security token included in the request is expired",
    )
    assert session.send("GET", "/v2/", token).status_code == 200, "a token outlives the session that asked for it"


def test_twelve_digits_are_the_root_of_that_account(emulator, app):
    stranger = IamAccount(emulator, "999988887777").root()
    stranger.ecr.create_repository(repositoryName="theirs/app")
    code, message = denial(stranger.ecr.list_images, registryId=ACCOUNT, repositoryName=app)
    assert code == "AccessDeniedException"
    assert message.endswith("because no resource-based policy allows the ecr:ListImages action")


# --- Denials ---------------------------------------------------------------------------------------------


def a_denied_user(iam, root, app):
    return iam.user(allow("*"), deny("BatchGetImage", on=arn(app)))


def a_user_of_a_denied_group(iam, root, app):
    ann, group = iam.user(allow("*")), f"denied-{app[-3:]}"
    iam.client.create_group(GroupName=group)
    iam.client.put_group_policy(GroupName=group, PolicyName="no", PolicyDocument=policy(deny("BatchGetImage")))
    iam.client.add_user_to_group(GroupName=group, UserName=ann.arn.rpartition("/")[2])
    return ann


def a_session_of_a_denied_role(iam, root, app):
    return iam.session(iam.role(allow("*"), deny("BatchGetImage")))


def a_session_that_was_denied(iam, root, app):
    return iam.session(iam.role(allow("*")), Policy=policy(allow("*"), deny("BatchGetImage")))


def a_session_within_a_denial(iam, root, app):
    limit = iam.client.create_policy(
        PolicyName=f"deny-{app[-3:]}", PolicyDocument=policy(allow("*"), deny("BatchGetImage"))
    )
    return iam.session(iam.role(allow("*"), PermissionsBoundary=limit["Policy"]["Arn"]))


def root_whom_the_repository_denies(iam, root, app):
    root.ecr.set_repository_policy(repositoryName=app, policyText=repository_policy(to("*", deny("BatchGetImage"))))
    return root


def root_whom_the_registry_denies(iam, root, app):
    root.ecr.put_registry_policy(policyText=policy(to("*", deny("BatchGetImage", on=arn(app)))))
    return root


@pytest.mark.parametrize(
    ("make", "source"),
    [
        (a_denied_user, "an identity-based policy"),
        (a_user_of_a_denied_group, "an identity-based policy"),
        (a_session_of_a_denied_role, "an identity-based policy"),
        (a_session_that_was_denied, "a session policy"),
        (a_session_within_a_denial, "a permissions boundary"),
        (root_whom_the_repository_denies, "a resource-based policy"),
        (root_whom_the_registry_denies, "a resource-based policy"),
    ],
)
def test_a_denial_outweighs_every_permission(iam, root, app, make, source):
    somebody = make(iam, root, app)
    assert not may_pull(somebody, app)
    _, message = denial(somebody.ecr.batch_get_image, repositoryName=app, imageIds=[{"imageTag": "v1"}])
    assert f"with an explicit deny in {source}" in message
    assert somebody.ecr.list_images(repositoryName=app)["imageIds"], "nothing else is denied"


def test_another_spelling_of_an_arn_does_not_bypass_a_denial(iam, app):
    ann = iam.user(allow("*"), deny("TagResource", on=arn(app)))
    tags = [{"Key": "stage", "Value": "beta"}]
    for spelled in (arn(app), arn(app).replace("arn:aws:", "arn:aws-cn:")):
        assert denial(ann.ecr.tag_resource, resourceArn=spelled, tags=tags)[0] == "AccessDeniedException"


def test_the_name_of_a_session_makes_nobody_root(iam, app):
    """IAM accepts no colons in the name of a session; moto does."""
    assert not may_pull(iam.session(iam.role(), ":root"), app)


# --- Conditions ------------------------------------------------------------------------------------------


def when(**keys):
    return {"Condition": {operator: {key: value} for operator, (key, value) in keys.items()}}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (when(IpAddress=("aws:SourceIp", "127.0.0.0/8")), True),
        (when(IpAddress=("aws:SourceIp", "10.0.0.0/8")), False),
        (when(StringEquals=("aws:RequestedRegion", "us-east-1")), True),
        (when(StringEquals=("aws:RequestedRegion", "eu-west-1")), False),
        (when(StringEquals=("ecr:ResourceTag/stage", "beta")), True),
        (when(StringEquals=("aws:ResourceTag/stage", "alpha")), False),
        (when(Bool=("aws:SecureTransport", "false")), True),
        (when(Bool=("aws:SecureTransport", "true")), False),
        (when(StringEquals=("aws:PrincipalTag/team", "blue")), True),
        (when(StringEquals=("aws:PrincipalTag/team", "red")), False),
        (when(StringEquals=("aws:ResourceAccount", "${aws:PrincipalAccount}")), True),
        (when(DateLessThan=("aws:CurrentTime", "2020-01-01T00:00:00Z")), False),
    ],
)
def test_conditions_see_the_request_the_repository_and_the_caller(iam, root, app, condition, holds):
    root.ecr.tag_resource(resourceArn=arn(app), tags=[{"Key": "stage", "Value": "beta"}])
    ann = iam.user(allow(*PULLING, **condition))
    iam.client.tag_user(UserName=ann.arn.rpartition("/")[2], Tags=[{"Key": "team", "Value": "blue"}])
    assert may_pull(ann, app) is holds


def test_a_policy_may_contain_the_users_own_name(iam, root):
    ann = iam.user(allow("CreateRepository", on="arn:aws:ecr:*:*:repository/${aws:username}/*"))
    name = ann.arn.rpartition("/")[2]
    assert ann.ecr.create_repository(repositoryName=f"{name}/app")
    assert denial(ann.ecr.create_repository, repositoryName="bob/app")[0] == "AccessDeniedException"


def test_a_condition_can_require_tags_in_a_request(iam):
    condition = when(StringEquals=("aws:RequestTag/team", "blue"))
    ann = iam.user(allow("CreateRepository", "TagResource", **condition))
    blue, red = ([{"Key": "team", "Value": value}] for value in ("blue", "red"))
    assert denial(ann.ecr.create_repository, repositoryName="tags/red", tags=red)[0] == "AccessDeniedException"
    assert ann.ecr.create_repository(repositoryName="tags/blue", tags=blue)
