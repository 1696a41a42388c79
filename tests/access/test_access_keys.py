"""The permissions on KMS keys that creating and deleting a repository need."""

import pytest
from botocore.exceptions import ClientError

from tests.support.docker import refusal
from tests.support.iam_principals import allow, deny

CREATOR = ("CreateRepository", "DeleteRepository")
ON_KEY = ("kms:DescribeKey", "kms:CreateGrant", "kms:RetireGrant")


@pytest.fixture
def kms(root):
    return root.client("kms")


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]["Arn"]


def refused(operation, **members):
    with pytest.raises(ClientError) as error:
        operation(**members)
    answer = error.value.response
    return answer["Error"]["Code"], answer.get("kmsError"), answer["Error"]["Message"]


def encrypted(name, key=None):
    named = {"kmsKey": key} if key else {}
    return {"repositoryName": name, "encryptionConfiguration": {"encryptionType": "KMS", **named}}


@pytest.mark.parametrize("missing", ON_KEY)
def test_a_customer_managed_key_needs_three_permissions(iam, kms, key, missing):
    name = f"keys/{missing[4:].lower()}"
    others = [action for action in ON_KEY if action != missing]
    ann = iam.user(allow(*CREATOR), allow(*others, on=key))
    code, error, sentence = refused(ann.ecr.create_repository, **encrypted(name, key))
    assert (code, error) == ("KmsException", "AccessDeniedException")
    assert missing in sentence
    assert key in sentence
    assert kms.list_grants(KeyId=key)["Grants"] == []
    ben = iam.user(allow(*CREATOR), allow(*ON_KEY, on=key))
    ben.ecr.create_repository(**encrypted(name, key))
    ben.ecr.delete_repository(repositoryName=name)


def test_everybody_may_use_the_key_that_aws_manages(iam):
    ann = iam.user(allow("CreateRepository"))
    ann.ecr.create_repository(**encrypted("keys/managed"))


def test_a_repository_is_deleted_even_if_its_grants_may_not_be_retired(iam, root, kms, key):
    root.ecr.create_repository(**encrypted("keys/deleted", key))
    ann = iam.user(allow(*CREATOR), allow("kms:*"), deny("kms:RetireGrant", on=key))
    code, error, sentence = refused(ann.ecr.delete_repository, repositoryName="keys/deleted")
    assert (code, error) == ("KmsException", "AccessDeniedException")
    assert sentence == (
        f"The repository [keys/deleted] has been deleted successfully but the grants created by the kmsKey [{key}] "
        "failed to be retired"
    )
    assert refused(root.ecr.delete_repository, repositoryName="keys/deleted")[0] == "RepositoryNotFoundException"
    assert len(kms.list_grants(KeyId=key)["Grants"]) == 2


def test_a_repository_without_a_key_needs_no_permission_on_keys(iam):
    ann = iam.user(allow(*CREATOR))
    ann.ecr.create_repository(repositoryName="keys/none")
    ann.ecr.delete_repository(repositoryName="keys/none")


# --- Creation templates ----------------------------------------------------------------------------------


def template(root, iam, name, *statements, **settings):
    role = iam.role(*statements, trusts={"Service": "ecr.amazonaws.com"})
    root.ecr.create_repository_creation_template(
        prefix=name, appliedFor=["CREATE_ON_PUSH"], customRoleArn=role, **settings
    )


def begin(root, name):
    return root.send("POST", f"/v2/{name}/blobs/uploads/").status_code


def test_the_role_of_a_template_needs_the_permissions_on_its_key(iam, root, kms, key):
    settings = {"encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": key}}
    template(root, iam, "half", allow("CreateRepository"), allow(*ON_KEY[:2], on=key), **settings)
    status, code, sentence = refusal(root.send("POST", "/v2/half/app/blobs/uploads/"))
    assert (status, code) == (403, "DENIED")
    assert "kms:RetireGrant" in sentence
    assert kms.list_grants(KeyId=key)["Grants"] == []
    template(root, iam, "whole", allow("CreateRepository"), allow(*ON_KEY, on=key), **settings)
    assert begin(root, "whole/app") == 202
    assert len(kms.list_grants(KeyId=key)["Grants"]) == 2


def test_the_role_of_a_template_needs_the_permission_to_tag(iam, root):
    tags = {"resourceTags": [{"Key": "a", "Value": "b"}]}
    template(root, iam, "untagged", allow("CreateRepository"), **tags)
    status, code, sentence = refusal(root.send("POST", "/v2/untagged/app/blobs/uploads/"))
    assert (status, code) == (403, "DENIED")
    assert "ecr:TagResource" in sentence
    template(root, iam, "tagged", allow("CreateRepository", "TagResource"), **tags)
    assert begin(root, "tagged/app") == 202


def test_the_role_of_a_template_must_trust_ecr(iam, root):
    role = iam.role(allow("CreateRepository", "TagResource"), trusts={"Service": "lambda.amazonaws.com"})
    root.ecr.create_repository_creation_template(
        prefix="untrusted",
        appliedFor=["CREATE_ON_PUSH"],
        customRoleArn=role,
        resourceTags=[{"Key": "a", "Value": "b"}],
    )
    assert refusal(root.send("POST", "/v2/untrusted/app/blobs/uploads/"))[:2] == (403, "DENIED")
