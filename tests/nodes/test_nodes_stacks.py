"""Stacks of one node with resources that all nodes share."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.support.boto import client_of
from tests.support.nodes import ACCOUNT

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def of(emulator, service):
    return client_of(emulator, service, account=ACCOUNT)


def allow(action):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def template(action, description):
    """Return a template with a resource of each shared service; ``action`` is what its policies allow."""
    return json.dumps(
        {
            "Resources": {
                "Role": {
                    "Type": "AWS::IAM::Role",
                    "Properties": {
                        "RoleName": "deploy",
                        "Description": description,
                        "AssumeRolePolicyDocument": TRUST,
                        "Policies": [{"PolicyName": "inline", "PolicyDocument": allow(action)}],
                    },
                },
                "Managed": {
                    "Type": "AWS::IAM::ManagedPolicy",
                    "Properties": {
                        "ManagedPolicyName": "managed",
                        "PolicyDocument": allow(action),
                        "Roles": [{"Ref": "Role"}],
                    },
                },
                "User": {"Type": "AWS::IAM::User", "Properties": {"UserName": "ci", "Path": f"/{description}/"}},
                "Inline": {
                    "Type": "AWS::IAM::Policy",
                    "Properties": {
                        "PolicyName": "of-user",
                        "PolicyDocument": allow(action),
                        "Users": [{"Ref": "User"}],
                    },
                },
                "AccessKey": {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": {"Ref": "User"}}},
                "Key": {
                    "Type": "AWS::KMS::Key",
                    "Properties": {"KeyPolicy": allow("kms:*"), "Description": description},
                },
                "Secret": {
                    "Type": "AWS::SecretsManager::Secret",
                    "Properties": {"Name": "hub", "Description": description, "SecretString": "s"},
                },
                "Repository": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "app"}},
            }
        }
    )


def facts(emulator):
    """Return what a node knows of the resources."""
    iam, kms, secrets = (of(emulator, service) for service in ("iam", "kms", "secretsmanager"))
    arn = f"arn:aws:iam::{ACCOUNT}:policy/managed"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    keys = [kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"] for each in kms.list_keys()["Keys"]]
    return {
        "description": iam.get_role(RoleName="deploy")["Role"]["Description"],
        "inline": iam.get_role_policy(RoleName="deploy", PolicyName="inline")["PolicyDocument"],
        "attached": iam.list_attached_role_policies(RoleName="deploy")["AttachedPolicies"],
        "managed": iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"],
        "path": iam.get_user(UserName="ci")["User"]["Path"],
        "of user": iam.get_user_policy(UserName="ci", PolicyName="of-user")["PolicyDocument"],
        "keys of user": len(iam.list_access_keys(UserName="ci")["AccessKeyMetadata"]),
        "keys": sorted(key["Description"] for key in keys if key["KeyState"] == "Enabled"),
        "secret": secrets.describe_secret(SecretId="hub")["Description"],
    }


def test_a_stack_changes_what_all_nodes_have_although_others_change_iam_meanwhile(nodes):
    first, second = nodes.emulators
    stacks = of(first, "cloudformation")
    stacks.create_stack(StackName="s", TemplateBody=template("s3:Get*", "one"), Capabilities=["CAPABILITY_NAMED_IAM"])
    assert stacks.describe_stacks()["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE", failures(stacks)
    made = facts(second)
    assert (made["description"], made["path"], made["inline"]) == ("one", "/one/", allow("s3:Get*"))
    change_everything_else(second, 1)
    stacks.update_stack(StackName="s", TemplateBody=template("s3:Put*", "two"), Capabilities=["CAPABILITY_NAMED_IAM"])
    assert stacks.describe_stacks()["Stacks"][0]["StackStatus"] == "UPDATE_COMPLETE", failures(stacks)
    assert facts(first) == facts(second)
    changed = facts(second)
    assert (changed["description"], changed["path"], changed["secret"]) == ("two", "/two/", "two")
    assert changed["inline"] == changed["managed"] == changed["of user"] == allow("s3:Put*")
    assert len(changed["attached"]) == changed["keys of user"] == 1
    assert changed["keys"] == ["other-1", "two"]
    change_everything_else(second, 2)
    stacks.delete_stack(StackName="s")
    assert stacks.list_stacks()["StackSummaries"][0]["StackStatus"] == "DELETE_COMPLETE", failures(stacks)
    for emulator in (first, second):
        assert sorted(user["UserName"] for user in of(emulator, "iam").list_users()["Users"]) == ["other-1", "other-2"]
        assert of(emulator, "iam").list_policies(Scope="Local")["Policies"] == []
        with pytest.raises(ClientError, match="NoSuchEntity"):
            of(emulator, "iam").get_role(RoleName="deploy")
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            of(emulator, "secretsmanager").describe_secret(SecretId="hub")


def change_everything_else(emulator, number):
    of(emulator, "iam").create_user(UserName=f"other-{number}")
    of(emulator, "kms").create_key(Description=f"other-{number}")
    of(emulator, "secretsmanager").create_secret(Name=f"other-{number}")


def failures(stacks):
    return [
        (event["LogicalResourceId"], event.get("ResourceStatusReason"))
        for event in stacks.describe_stack_events(StackName="s")["StackEvents"]
        if "FAILED" in event["ResourceStatus"]
    ]
