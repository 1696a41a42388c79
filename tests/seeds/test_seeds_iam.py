"""Users, groups, roles and policies of IAM in seeds, and access keys that tests know before."""

import boto3
import pytest
from botocore.exceptions import ClientError

from ecr_emulator import EcrEmulator
from ecr_emulator.seeds.errors import SeedError

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SEED = f"""
account = "123456789012"
region = "eu-west-1"

[[iam.policies]]
name = "push"
policy = {{Version = "2012-10-17", Statement = [{{Effect = "Allow", Action = "ecr:*", Resource = "*"}}]}}

[[iam.groups]]
name = "developers"
policies = ["arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"]

[[iam.roles]]
name = "deploy"
description = "Deploys"
max_session_duration = 7200
policies = ["push"]
tags = {{ team = "web" }}
[iam.roles.trust_policy]
Version = "2012-10-17"
Statement = [{{Effect = "Allow", Principal = {{AWS = "*"}}, Action = "sts:AssumeRole"}}]

[[iam.users]]
name = "ci"
groups = ["developers"]
policies = ["push"]
permissions_boundary = "arn:aws:iam::aws:policy/AdministratorAccess"
tags = {{ team = "web", stage = "test" }}
access_keys = [{{ id = "{KEY}", secret = "{SECRET}" }}]
[iam.users.inline_policies]
keeps = '{{"Version": "2012-10-17", "Statement": [{{"Effect": "Deny", "Action": "ecr:Delete*", "Resource": "*"}}]}}'
"""


@pytest.fixture
def emulator():
    with EcrEmulator(iam="enforce", verify_signatures=True) as emulator:
        yield emulator


def counts(seeded):
    return seeded.created, seeded.changed, seeded.unchanged


def client_with(emulator, service, key, secret, **more):
    keys = {"aws_access_key_id": key, "aws_secret_access_key": secret, **more}
    return boto3.client(service, "eu-west-1", endpoint_url=emulator.endpoint_url, **keys)


def test_a_seeded_user_works_with_its_known_key(emulator, seed):
    emulator.seed(seed(SEED))
    identity = client_with(emulator, "sts", KEY, SECRET).get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == ("123456789012", "arn:aws:iam::123456789012:user/ci")
    ecr = client_with(emulator, "ecr", KEY, SECRET)
    ecr.create_repository(repositoryName="team/app")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        ecr.delete_repository(repositoryName="team/app")
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        client_with(emulator, "ecr", KEY, "another").describe_repositories()


def test_a_seeded_role_can_be_assumed(emulator, seed):
    emulator.seed(
        seed(SEED.replace('policies = ["push"]\npermissions', 'policies = ["push", "assume"]\npermissions') + ASSUME)
    )
    sts = client_with(emulator, "sts", KEY, SECRET)
    role = "arn:aws:iam::123456789012:role/deploy"
    keys = sts.assume_role(RoleArn=role, RoleSessionName="one", DurationSeconds=7200)["Credentials"]
    session = client_with(
        emulator, "ecr", keys["AccessKeyId"], keys["SecretAccessKey"], aws_session_token=keys["SessionToken"]
    )
    session.create_repository(repositoryName="team/app")


ASSUME = """
[[iam.policies]]
name = "assume"
policy = {Version = "2012-10-17", Statement = [{Effect = "Allow", Action = "sts:AssumeRole", Resource = "*"}]}
"""


def test_everything_is_as_the_seed_says(emulator, seed):
    emulator.seed(seed(SEED))
    iam = emulator.client("iam", account="123456789012")
    role = iam.get_role(RoleName="deploy")["Role"]
    assert (role["Description"], role["MaxSessionDuration"], role["Tags"]) == (
        "Deploys",
        7200,
        [{"Key": "team", "Value": "web"}],
    )
    user = iam.get_user(UserName="ci")["User"]
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"] == "arn:aws:iam::aws:policy/AdministratorAccess"
    assert {tag["Key"]: tag["Value"] for tag in user["Tags"]} == {"team": "web", "stage": "test"}
    assert [each["GroupName"] for each in iam.list_groups_for_user(UserName="ci")["Groups"]] == ["developers"]
    assert iam.list_user_policies(UserName="ci")["PolicyNames"] == ["keeps"]
    assert [each["AccessKeyId"] for each in iam.list_access_keys(UserName="ci")["AccessKeyMetadata"]] == [KEY]


def test_a_seed_that_is_applied_again_changes_nothing(emulator, seed):
    assert counts(emulator.seed(seed(SEED))) == (4, 0, 0)
    assert counts(emulator.seed(seed(SEED))) == (0, 0, 4)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('Action = "ecr:*"', 'Action = "ecr:Get*"'),
        ('policies = ["arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"]', 'policies = ["push"]'),
        ('Principal = {AWS = "*"}', 'Principal = {AWS = "123456789012"}'),
        ('description = "Deploys"', 'description = "Deploys more"'),
        ("max_session_duration = 7200", "max_session_duration = 3600"),
        ('tags = { team = "web" }', 'tags = { team = "db" }'),
        ("policy/AdministratorAccess", "policy/PowerUserAccess"),
        ('stage = "test"', 'stage = "live"'),
        (SECRET, "another"),
        ('"Action": "ecr:Delete*"', '"Action": "ecr:Put*"'),
    ],
)
def test_what_differs_is_changed(emulator, seed, before, after):
    assert before in SEED
    emulator.seed(seed(SEED))
    assert counts(emulator.seed(seed(SEED.replace(before, after)))) == (0, 1, 3)
    assert counts(emulator.seed(seed(SEED.replace(before, after)))) == (0, 0, 4)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (KEY, "AKIA-1", "line 29: iam.users[0].access_keys[0].id must be 16 to 128 letters"),
        ("secret =", "secrets =", "iam.users[0].access_keys[0].secrets is no key of a seed; did you mean secret?"),
        (
            "max_session_duration = 7200",
            "max_session_duration = 60",
            "line 16: iam.roles[0].max_session_duration must be a",
        ),
        ('groups = ["developers"]', 'groups = ["nobody"]', "line 23: iam.users[0]: NoSuchEntity: "),
        ('policies = ["push"]\ntags', 'policies = ["absent"]\ntags', "line 13: iam.roles[0]: NoSuchEntity: "),
        ('"Effect": "Deny"', '"Effect": "Never"', "iam.users[0]: MalformedPolicyDocument: "),
        ("[[iam.users]]", "[[iam.user]]", "iam.user is no key of a seed; did you mean users?"),
    ],
)
def test_errors_name_line_and_key(emulator, seed, before, after, reason):
    assert before in SEED
    with pytest.raises(SeedError) as failed:
        emulator.seed(seed(SEED.replace(before, after)))
    assert reason in str(failed.value)


def test_other_accounts_have_users_too(emulator, seed):
    other = SEED.replace("[[iam.", "[[registries.iam.").replace("[iam.", "[registries.iam.")
    other = other.replace('account = "123456789012"\nregion = "eu-west-1"', '[[registries]]\naccount = "210987654321"')
    emulator.seed(seed(other))
    assert client_with(emulator, "sts", KEY, SECRET).get_caller_identity()["Account"] == "210987654321"
    with pytest.raises(SeedError, match=f"The access key {KEY} belongs to arn:aws:iam::210987654321:user/ci"):
        emulator.seed(seed(SEED))
