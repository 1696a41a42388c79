"""Companions on two nodes: what one node changes in IAM, STS, Secrets Manager and KMS, the other knows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from werkzeug.test import Client

from tests.support.boto import client_of
from tests.support.iam_principals import ACCOUNT, IamAccount, allow

OTHER = "210987654321"


@pytest.fixture
def two(start_nodes):
    return start_nodes(2, iam="enforce").emulators


def of(emulator, service):
    return client_of(emulator, service, account=ACCOUNT)


def users(emulator):
    return sorted(user["UserName"] for user in of(emulator, "iam").list_users()["Users"])


def test_a_user_of_one_node_has_its_permissions_on_the_other_until_they_are_taken(two):
    first, second = two
    iam = IamAccount(first)
    iam.root().ecr.create_repository(repositoryName="app")
    ann = iam.user(allow("ListImages"))
    there = client_of(second, keys=ann.keys)
    assert there.list_images(repositoryName="app")["imageIds"] == []
    with pytest.raises(ClientError, match="no identity-based policy allows the ecr:DescribeImages action"):
        there.describe_images(repositoryName="app")
    name = ann.arn.rpartition("/")[2]
    of(second, "iam").delete_user_policy(
        UserName=name, PolicyName=of(second, "iam").list_user_policies(UserName=name)["PolicyNames"][0]
    )
    with pytest.raises(ClientError, match="ecr:ListImages"):
        client_of(first, keys=ann.keys).list_images(repositoryName="app")


def test_a_session_of_one_node_calls_the_other(two):
    first, second = two
    ann = IamAccount(first).user(allow("DescribeRegistry"))
    users(second)  # so that its moto has started before
    keys = client_of(first, "sts", keys=ann.keys).get_session_token()["Credentials"]
    caller = client_of(second, "sts", account=keys["AccessKeyId"])
    assert caller.get_caller_identity()["Arn"] == ann.arn


def test_secrets_and_keys_of_one_node_serve_the_other(two):
    first, second = two
    secrets = of(first, "secretsmanager")
    arn = secrets.create_secret(Name="ecr-pullthroughcache/hub", SecretString='{"username": "a", "accessToken": "b"}')
    rule = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io"}
    of(second, "ecr").create_pull_through_cache_rule(**rule, credentialArn=arn["ARN"])
    key = of(first, "kms").create_key()["KeyMetadata"]["Arn"]
    encryption = {"encryptionType": "KMS", "kmsKey": key}
    of(second, "ecr").create_repository(repositoryName="app", encryptionConfiguration=encryption)
    assert len(of(first, "kms").list_grants(KeyId=key)["Grants"]) == 2
    of(second, "ecr").delete_repository(repositoryName="app")
    assert of(first, "kms").list_grants(KeyId=key)["Grants"] == []
    of(second, "secretsmanager").delete_secret(SecretId=arn["ARN"], ForceDeleteWithoutRecovery=True)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        secrets.get_secret_value(SecretId=arn["ARN"])


def test_roles_and_keys_that_ecr_creates_on_one_node_are_there_on_the_other(two):
    first, second = two
    for emulator in two:
        users(emulator)  # moto has started on both
    of(first, "ecr").create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    role = "AWSServiceRoleForECRPullThroughCache"
    assert of(second, "iam").get_role(RoleName=role)["Role"]["RoleName"] == role
    of(first, "ecr").create_repository(repositoryName="app", encryptionConfiguration={"encryptionType": "KMS"})
    key = of(second, "kms").describe_key(KeyId="alias/aws/ecr")["KeyMetadata"]["Arn"]
    assert len(of(second, "kms").list_grants(KeyId=key)["Grants"]) == 2
    of(second, "ecr").delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    of(second, "iam").delete_service_linked_role(RoleName=role)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        of(first, "iam").get_role(RoleName=role)


def test_changes_at_the_same_time_are_all_kept(two):
    names = [f"user-{number}" for number in range(16)]

    def create(number):
        of(two[number % 2], "iam").create_user(UserName=names[number])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(create, range(len(names))))
    assert users(two[0]) == users(two[1]) == sorted(names)


def test_of_two_nodes_that_create_the_same_user_one_is_refused(two):
    def create(emulator):
        try:
            return of(emulator, "iam").create_user(UserName="ann")["User"]["UserId"]
        except ClientError as refused:
            return refused.response["Error"]["Code"]

    with ThreadPoolExecutor(2) as threads:
        for _ in range(5):
            outcomes = list(threads.map(create, two))
            assert outcomes.count("EntityAlreadyExists") == 1, outcomes
            of(two[0], "iam").delete_user(UserName="ann")


def test_reading_on_one_node_gives_the_other_nothing_to_read(two):
    first, second = two
    IamAccount(first).user(allow("ListImages"))
    assert users(second) == users(first)
    versions = [emulator._parts.kept._known for emulator in two]
    for emulator in two:
        users(emulator)
        of(emulator, "sqs").create_queue(QueueName="q")
        of(emulator, "ecr").describe_registry()
    assert [emulator._parts.kept._known for emulator in two] == versions


def test_a_reset_on_one_node_resets_the_companions_of_the_other(two):
    first, second = two
    of(first, "iam").create_user(UserName="ann")
    assert users(second) == ["ann"]
    second.reset()
    assert users(first) == []
    of(first, "iam").create_user(UserName="ann")
    assert users(second) == ["ann"]


def test_a_snapshot_of_one_node_brings_back_what_the_other_has_changed(two):
    first, second = two
    of(first, "iam").create_user(UserName="ann")
    snapshot = first.snapshots.take()
    of(second, "iam").create_user(UserName="bob")
    first.snapshots.restore(snapshot)
    assert users(second) == ["ann"]
    assert users(first) == ["ann"]


def queues(emulator):
    return of(emulator, "sqs").list_queues().get("QueueUrls", [])


def test_a_reset_on_one_node_resets_what_the_other_has_in_memory(two):
    first, second = two
    for emulator in two:
        of(emulator, "sqs").create_queue(QueueName="q")
        client_of(emulator, "sqs", account=OTHER).create_queue(QueueName="q")
    first.reset(OTHER)
    assert client_of(second, "sqs", account=OTHER).list_queues().get("QueueUrls", []) == []
    assert len(queues(second)) == len(queues(first)) == 1
    first.reset()
    assert queues(second) == queues(first) == []
    of(second, "sqs").create_queue(QueueName="q")
    of(first, "iam").create_user(UserName="ann")
    assert users(second) == ["ann"]
    assert len(queues(second)) == 1


def test_a_saved_state_that_one_node_loads_has_its_users_on_both(two, tmp_path):
    first, second = two
    of(first, "iam").create_user(UserName="ann")
    saved = Client(second.wsgi).get("/_ecr/state").data
    of(first, "iam").create_user(UserName="bob")
    of(second, "sqs").create_queue(QueueName="q")
    assert Client(first.wsgi).put("/_ecr/state", data=saved).status_code == 200
    assert users(first) == users(second) == ["ann"]
    assert queues(second) == []


def test_a_call_of_another_service_that_meets_another_change_fails_and_changes_nothing(two):
    first, second = two
    arn = of(first, "secretsmanager").create_secret(Name="hub", SecretString="s")["ARN"]
    changes = iter([lambda: of(second, "secretsmanager").create_secret(Name="other")])

    def change_elsewhere(*_):
        for change in changes:
            change()

    first._parts.companions.before_each_call(change_elsewhere)
    with pytest.raises(ClientError, match="Another node has changed secrets at the same time"):
        of(first, "resourcegroupstaggingapi").tag_resources(ResourceARNList=[arn], Tags={"team": "web"})
    for emulator in two:
        found = of(emulator, "secretsmanager").list_secrets()["SecretList"]
        assert [(secret["Name"], secret.get("Tags", [])) for secret in found] == [("hub", []), ("other", [])]


def test_an_unstored_change_is_gone_from_memory(two):
    first, second = two
    users(first)
    with pytest.raises(RuntimeError, match="rolled back"):
        create_user_and_fail(first)
    assert users(first) == users(second) == []


def create_user_and_fail(emulator):
    with emulator._store.writing():
        emulator._parts.companions.change(lambda: create_user_in_moto("ann"))
        raise RuntimeError("the unit is rolled back")


def create_user_in_moto(name):
    from moto.iam.models import iam_backends

    iam_backends[ACCOUNT]["aws"].create_user("us-east-1", name)
