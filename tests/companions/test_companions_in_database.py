"""Companions of an emulator whose metadata are in PostgreSQL: their documents are there, too."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from ecr_emulator.emulator import Emulator
from ecr_emulator.ports.companion_documents import RESETS
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
from tests.support.certificates import Authority
from tests.support.iam_entities import create_everything, everything
from tests.support.iam_principals import ACCOUNT, IamAccount, allow

psycopg = pytest.importorskip("psycopg")
pytestmark = pytest.mark.journey


@pytest.fixture
def uri(databases):
    return databases()


@pytest.fixture
def opened(uri, tmp_path):
    """Return a function that opens an emulator, each time with a data directory of its own."""
    blobs = tmp_path / "blobs"

    def open_emulator(**more):
        return Emulator(Settings(account=ACCOUNT, database=uri, blobs=blobs, **more))

    return open_emulator


def documents(uri):
    """Return the versions of the documents that keep state."""
    with psycopg.connect(uri) as connection:
        kept = connection.execute("SELECT name, version FROM companion_documents WHERE content IS NOT NULL")
        return {name: version for name, version in kept if name != RESETS}


def users(emulator):
    return [user["UserName"] for user in client_of(emulator, "iam", account=ACCOUNT).list_users()["Users"]]


def test_a_start_elsewhere_changes_nothing_about_iam(opened, tmp_path_factory):
    certificate = Authority(tmp_path_factory.mktemp("certificates")).file.read_text()
    with opened() as emulator:
        iam = client_of(emulator, "iam", account=ACCOUNT)
        create_everything(iam, certificate)
        before = everything(iam)
    with opened() as emulator:
        assert everything(client_of(emulator, "iam", account=ACCOUNT)) == before


def test_permissions_sessions_secrets_and_keys_are_there_after_a_start_elsewhere(opened, uri):
    with opened(iam="enforce") as emulator:
        iam = IamAccount(emulator)
        ann = iam.user(allow("DescribeRegistry", "GetAuthorizationToken"))
        key = client_of(emulator, "kms", account=ACCOUNT).create_key()["KeyMetadata"]["Arn"]
        client_of(emulator, "secretsmanager", account=ACCOUNT).create_secret(Name="hub", SecretString="s")
        iam.root().ecr.create_repository(
            repositoryName="app", encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key}
        )
        session = client_of(emulator, "sts", keys=ann.keys).get_session_token()["Credentials"]
    with opened(iam="enforce") as emulator:
        assert client_of(emulator, keys=ann.keys).describe_registry()["registryId"] == ACCOUNT
        caller = client_of(emulator, "sts", account=session["AccessKeyId"])
        assert caller.get_caller_identity()["Arn"] == ann.arn
        with pytest.raises(ClientError, match="no identity-based policy allows the ecr:DescribeRepositories action"):
            client_of(emulator, keys=ann.keys).describe_repositories()
        found = client_of(emulator, account=ACCOUNT).describe_repositories()["repositories"][0]
        assert found["encryptionConfiguration"]["kmsKey"] == key
        grants = client_of(emulator, "kms", account=ACCOUNT).list_grants(KeyId=key)["Grants"]
        assert len(grants) == 2
        secrets = client_of(emulator, "secretsmanager", account=ACCOUNT)
        assert secrets.get_secret_value(SecretId="hub")["SecretString"] == "s"
        assert sorted(documents(uri)) == ["iam", "kms", "secretsmanager", "sts"]
        emulator.reset()
        assert documents(uri) == {}
    with opened() as emulator:
        assert users(emulator) == []


def test_a_call_that_changes_nothing_writes_nothing(opened, uri):
    with opened() as emulator:
        iam = client_of(emulator, "iam", account=ACCOUNT)
        iam.create_user(UserName="ann")
        before = documents(uri)
        with pytest.raises(ClientError, match="EntityAlreadyExists"):
            iam.create_user(UserName="ann")
        client_of(emulator, "sqs", account=ACCOUNT).create_queue(QueueName="q")
        assert users(emulator) == ["ann"]
        assert documents(uri) == before
    with opened() as emulator:
        assert users(emulator) == ["ann"]
        client_of(emulator, "sqs", account=ACCOUNT).create_queue(QueueName="q")
        assert documents(uri) == before


def test_roles_of_ecr_can_be_deleted(opened):
    with opened() as emulator:
        ecr = client_of(emulator, account=ACCOUNT)
        ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io", upstreamRegistry="quay"
        )
        iam, role = client_of(emulator, "iam", account=ACCOUNT), "AWSServiceRoleForECRPullThroughCache"
        task = iam.delete_service_linked_role(RoleName=role)["DeletionTaskId"]
        assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "FAILED"
        ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
        iam.delete_service_linked_role(RoleName=role)
    with opened() as emulator, pytest.raises(ClientError, match="NoSuchEntity"):
        client_of(emulator, "iam", account=ACCOUNT).get_role(RoleName=role)


def test_snapshots_have_the_documents(opened, uri, tmp_path):
    with opened() as emulator:
        iam = client_of(emulator, "iam", account=ACCOUNT)
        iam.create_user(UserName="ann")
        snapshot = emulator.snapshots.take()
        iam.create_user(UserName="bob")
        emulator.snapshots.restore(snapshot)
        assert users(emulator) == ["ann"]
    with opened() as emulator:
        assert users(emulator) == ["ann"]


def test_a_broken_document_is_named_and_left_alone(opened, uri):
    with opened() as emulator:
        client_of(emulator, "iam", account=ACCOUNT).create_user(UserName="ann")
    with psycopg.connect(uri) as connection:
        connection.execute("UPDATE companion_documents SET content = '[]'")
    with opened() as emulator, pytest.raises(ClientError, match="The document 'iam' in the table companion_documents"):
        users(emulator)
    assert list(documents(uri)) == ["iam"]
