"""An entity of every kind in IAM, and everything that IAM tells about them."""

from __future__ import annotations

from typing import Any

from tests.support.iam_principals import allow, policy
from tests.support.saml import assertion

TAGS = [{"Key": "team", "Value": "red"}, {"Key": "empty", "Value": ""}]
TRUST = policy({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"


def create_everything(iam: Any, certificate: str) -> None:
    """Create entities that refer to each other. ``certificate`` is one in the format PEM."""
    own = _create_policies(iam)
    _create_user(iam, own, certificate)
    _create_group_and_roles(iam, own)
    _create_account(iam, certificate)


def everything(iam: Any) -> dict[str, Any]:
    """Return what IAM tells, by operation."""
    own = next(each["Arn"] for each in iam.list_policies(Scope="Local")["Policies"] if each["PolicyName"] == "own")
    requests: list[tuple[str, dict[str, Any]]] = [
        ("list_users", {}),
        ("get_user", {"UserName": "ann"}),
        ("list_access_keys", {"UserName": "ann"}),
        ("get_login_profile", {"UserName": "ann"}),
        ("list_ssh_public_keys", {"UserName": "ann"}),
        ("list_signing_certificates", {"UserName": "ann"}),
        ("list_mfa_devices", {"UserName": "ann"}),
        ("list_virtual_mfa_devices", {}),
        ("list_groups_for_user", {"UserName": "ann"}),
        ("get_policy", {"PolicyArn": own}),
        ("list_policy_versions", {"PolicyArn": own}),
        ("get_group", {"GroupName": "devs"}),
        ("get_role", {"RoleName": "deployer"}),
        ("list_role_tags", {"RoleName": "deployer"}),
        ("list_instance_profiles_for_role", {"RoleName": "deployer"}),
        ("get_account_authorization_details", {"Filter": ["User", "Role", "Group", "LocalManagedPolicy"]}),
        ("get_account_password_policy", {}),
        ("list_account_aliases", {}),
        ("list_saml_providers", {}),
        ("list_open_id_connect_providers", {}),
        ("list_server_certificates", {}),
        ("get_server_certificate", {"ServerCertificateName": "tls"}),
    ]
    told = {name: _told(getattr(iam, name)(**request)) for name, request in requests}
    of_aws = iam.get_policy(PolicyArn=READ_ONLY)["Policy"]
    return told | {"attachments of AWS's policy": of_aws["AttachmentCount"]}


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def _create_policies(iam: Any) -> str:
    created = iam.create_policy(
        PolicyName="own", Path="/teams/", PolicyDocument=policy(allow("*")), Description="d", Tags=TAGS
    )
    arn = str(created["Policy"]["Arn"])
    for action in ("ListImages", "DescribeImages"):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(allow(action)), SetAsDefault=action[0] == "L")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    return arn


def _create_user(iam: Any, own: str, certificate: str) -> None:
    iam.create_user(UserName="ann", Path="/staff/", Tags=TAGS, PermissionsBoundary=READ_ONLY)
    iam.create_user(UserName="bob")
    iam.put_user_policy(
        UserName="ann", PolicyName="inline", PolicyDocument=policy(allow("*", on="arn:aws:ecr:*:*:repository/ü"))
    )
    for arn in (own, READ_ONLY):
        iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    for status in ("Active", "Inactive"):
        key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
        iam.update_access_key(UserName="ann", AccessKeyId=key, Status=status)
    iam.create_login_profile(UserName="ann", Password="secret word", PasswordResetRequired=True)
    iam.upload_ssh_public_key(UserName="ann", SSHPublicKeyBody="ssh-rsa AAAA ann")
    iam.upload_signing_certificate(UserName="ann", CertificateBody=certificate)
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    iam.create_virtual_mfa_device(VirtualMFADeviceName="spare")
    for serial in (device, "hardware-token"):
        iam.enable_mfa_device(
            UserName="ann", SerialNumber=serial, AuthenticationCode1="123456", AuthenticationCode2="654321"
        )


def _create_group_and_roles(iam: Any, own: str) -> None:
    iam.create_group(GroupName="devs", Path="/teams/")
    iam.put_group_policy(GroupName="devs", PolicyName="inline", PolicyDocument=policy(allow("ListImages")))
    iam.attach_group_policy(GroupName="devs", PolicyArn=own)
    iam.add_user_to_group(GroupName="devs", UserName="ann")
    iam.create_role(
        RoleName="deployer",
        Path="/ci/",
        AssumeRolePolicyDocument=TRUST,
        Description="d",
        MaxSessionDuration=7200,
        PermissionsBoundary=own,
        Tags=TAGS,
    )
    iam.put_role_policy(RoleName="deployer", PolicyName="inline", PolicyDocument=policy(allow("ListImages")))
    iam.attach_role_policy(RoleName="deployer", PolicyArn=READ_ONLY)
    iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")
    iam.create_instance_profile(InstanceProfileName="machines", Path="/ci/", Tags=TAGS)
    iam.add_role_to_instance_profile(InstanceProfileName="machines", RoleName="deployer")


def _create_account(iam: Any, certificate: str) -> None:
    iam.create_account_alias(AccountAlias="company")
    iam.update_account_password_policy(MinimumPasswordLength=12, RequireSymbols=True, MaxPasswordAge=90)
    iam.create_saml_provider(Name="corp", SAMLMetadataDocument=assertion("r", "p") * 8)
    iam.create_open_id_connect_provider(
        Url="https://token.example/path", ThumbprintList=["a" * 40], ClientIDList=["sts.amazonaws.com"], Tags=TAGS
    )
    iam.upload_server_certificate(
        ServerCertificateName="tls", Path="/web/", CertificateBody=certificate, PrivateKey="key"
    )
