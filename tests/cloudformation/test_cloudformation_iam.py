"""Users, roles and managed policies of IAM that a stack creates, with all their properties."""

import json

import pytest
from botocore.exceptions import ClientError

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import Keys, client_of
from tests.support.stacks import template

READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
PULL_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
NONE = "arn:aws:iam::aws:policy/none"
EVERYBODY = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
TRUST = {"Version": "2012-10-17", "Statement": [EVERYBODY]}
TAGS = [{"Key": "team", "Value": "red"}]


@pytest.fixture
def aws(account):
    """Return clients of an account of its own, because IAM has no Regions."""
    return account


def document(*actions):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}


def inline(name, *actions):
    return {"PolicyName": name, "PolicyDocument": document(*actions)}


def role(**properties):
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST, **properties}}


def user(**properties):
    return {"Type": "AWS::IAM::User", "Properties": properties}


def managed(**properties):
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}


@pytest.fixture
def iam(aws):
    return aws.client("iam")


def attached_to_role(iam, name="r"):
    return {each["PolicyArn"] for each in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]}


def attached_to_user(iam, name="u"):
    return {each["PolicyArn"] for each in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]}


def test_a_role_has_its_policies_and_its_boundary(aws, iam):
    properties = {"ManagedPolicyArns": [READ_ONLY, PULL_ONLY], "Policies": [inline("own", "ecr:ListImages")]}
    aws.create("s", template({"R": role(RoleName="r", PermissionsBoundary=READ_ONLY, Tags=TAGS, **properties)}))
    assert attached_to_role(iam) == {READ_ONLY, PULL_ONLY}
    assert iam.get_role_policy(RoleName="r", PolicyName="own")["PolicyDocument"] == document("ecr:ListImages")
    told = iam.get_role(RoleName="r")["Role"]
    assert told["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
    assert told["Tags"] == TAGS


def test_a_changed_role_keeps_what_others_gave_it(aws, iam):
    properties = {
        "ManagedPolicyArns": [READ_ONLY],
        "Policies": [inline("own", "ecr:ListImages"), inline("gone", "s3:*")],
    }
    aws.create("s", template({"R": role(RoleName="r", Description="one", **properties)}))
    role_id = iam.get_role(RoleName="r")["Role"]["RoleId"]
    iam.put_role_policy(RoleName="r", PolicyName="by-hand", PolicyDocument=json.dumps(document("s3:*")))
    properties = {"ManagedPolicyArns": [PULL_ONLY], "Policies": [inline("own", "ecr:DescribeImages")]}
    more = {"Description": "two", "MaxSessionDuration": 7200, "PermissionsBoundary": PULL_ONLY}
    aws.update("s", template({"R": role(RoleName="r", **more, **properties)}))
    assert attached_to_role(iam) == {PULL_ONLY}
    assert set(iam.list_role_policies(RoleName="r")["PolicyNames"]) == {"own", "by-hand"}
    assert iam.get_role_policy(RoleName="r", PolicyName="own")["PolicyDocument"] == document("ecr:DescribeImages")
    told = iam.get_role(RoleName="r")["Role"]
    assert (told["Description"], told["MaxSessionDuration"], told["RoleId"]) == ("two", 7200, role_id)
    assert told["PermissionsBoundary"]["PermissionsBoundaryArn"] == PULL_ONLY


def test_a_user_has_everything_in_its_template(aws, iam):
    iam.create_group(GroupName="devs")
    properties = {"ManagedPolicyArns": [READ_ONLY], "Policies": [inline("own", "ecr:ListImages")], "Groups": ["devs"]}
    more = {"PermissionsBoundary": READ_ONLY, "Tags": TAGS, "Path": "/staff/", "LoginProfile": {"Password": "word"}}
    aws.create("s", template({"U": user(UserName="u", **properties, **more)}))
    told = iam.get_user(UserName="u")["User"]
    assert told["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
    assert (told["Tags"], told["Path"]) == (TAGS, "/staff/")
    assert attached_to_user(iam) == {READ_ONLY}
    assert [each["GroupName"] for each in iam.list_groups_for_user(UserName="u")["Groups"]] == ["devs"]
    assert iam.get_login_profile(UserName="u")
    aws.update("s", template({"U": user(UserName="u", ManagedPolicyArns=[PULL_ONLY])}))
    told = iam.get_user(UserName="u")["User"]
    assert "PermissionsBoundary" not in told
    assert (told.get("Tags"), told["Path"]) == (None, "/")
    assert attached_to_user(iam) == {PULL_ONLY}
    assert iam.list_groups_for_user(UserName="u")["Groups"] == []
    assert iam.list_user_policies(UserName="u")["PolicyNames"] == []


def test_a_managed_policy_gets_a_new_version_and_goes_with_its_stack(aws, iam):
    holders = {"R": role(RoleName="r"), "U": user(UserName="u")}
    attached = {"Roles": [{"Ref": "R"}], "Users": [{"Ref": "U"}]}
    for number, action in enumerate(["ListImages", "a", "b", "c", "d", "DescribeImages"]):
        policy = managed(ManagedPolicyName="p", PolicyDocument=document(f"ecr:{action}"), **attached)
        (aws.update if number else aws.create)("s", template({**holders, "P": policy}))
    arn = aws.physical_id("s", "P")
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    told = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
    assert told["Document"] == document("ecr:DescribeImages")
    assert len(iam.list_policy_versions(PolicyArn=arn)["Versions"]) == 5
    assert attached_to_role(iam) == attached_to_user(iam) == {arn}
    without = managed(ManagedPolicyName="p", PolicyDocument=document("ecr:DescribeImages"), Roles=[{"Ref": "R"}])
    aws.update("s", template({**holders, "P": without}))
    assert (attached_to_role(iam), attached_to_user(iam)) == ({arn}, set())
    aws.delete("s")
    assert iam.list_policies(Scope="Local")["Policies"] == []
    aws.create("s", template({**holders, "P": without}))


@pytest.mark.parametrize("entity", [role(RoleName="x"), user(UserName="x")])
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"PermissionsBoundary": NONE}, f"Scope ARN: {NONE} does not exist"),
        (
            {"ManagedPolicyArns": [READ_ONLY, "arn:aws:iam::aws:policy/none"]},
            "arn:aws:iam::aws:policy/none does not exist",
        ),
        ({"Policies": [{"PolicyName": "p", "PolicyDocument": {}}]}, "Syntax errors in policy"),
    ],
)
def test_a_property_that_fails_rolls_back(aws, iam, entity, wrong, reason):
    broken = {**entity, "Properties": entity["Properties"] | wrong}
    assert reason in aws.fail_to_create("s", template({"X": broken}))
    assert iam.list_roles()["Roles"] == iam.list_users()["Users"] == []
    aws.delete("s")
    aws.create("s", template({"X": entity}))


def test_the_policies_of_a_role_decide_under_enforcement():
    with Emulator(Settings(account="123456789012", iam="enforce")) as emulator:
        client_of(emulator, account="123456789012").create_repository(repositoryName="app")
        properties = {"ManagedPolicyArns": [READ_ONLY], "PermissionsBoundary": {"Ref": "Limit"}}
        limit = managed(PolicyDocument=document("ecr:ListImages"))
        stack = template({"R": role(RoleName="r", **properties), "Limit": limit})
        client_of(emulator, "cloudformation", account="123456789012").create_stack(StackName="s", TemplateBody=stack)
        sts = client_of(emulator, "sts", account="123456789012")
        given = sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/r", RoleSessionName="session")["Credentials"]
        ecr = client_of(emulator, keys=Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]))
        assert ecr.list_images(repositoryName="app")["imageIds"] == []
        with pytest.raises(ClientError, match="no permissions boundary allows the ecr:DescribeImages action"):
            ecr.describe_images(repositoryName="app")
        with pytest.raises(ClientError, match="no identity-based policy allows the ecr:DeleteRepository action"):
            ecr.delete_repository(repositoryName="app")


def test_roles_survive_a_restart(tmp_path):
    properties = {"RoleName": "r", "ManagedPolicyArns": [READ_ONLY], "Policies": [inline("own", "ecr:ListImages")]}
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        stack = template({"R": role(**properties)})
        client_of(emulator, "cloudformation").create_stack(StackName="s", TemplateBody=stack)
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        iam = client_of(emulator, "iam")
        assert attached_to_role(iam) == {READ_ONLY}
        assert iam.get_role_policy(RoleName="r", PolicyName="own")["PolicyDocument"] == document("ecr:ListImages")
