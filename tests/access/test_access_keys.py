"""The permissions on KMS keys that creating and deleting a repository need."""

import pytest
from botocore.exceptions import ClientError

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
