"""Companions belong to their emulator: two in one process, and one beside moto's own ``mock_aws``."""

import subprocess
import sys
import textwrap
import threading

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.base_backend import BackendDict
from werkzeug.test import Client

from ecr_emulator.emulator import Emulator
from ecr_emulator.serving.threaded import ThreadedServer
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import image
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.boto import client_at, client_of

ACCOUNT = "123456789012"
"""Also the account of ``mock_aws``, so that account ids do not separate the two states."""


@pytest.fixture
def other():
    with Emulator() as running:
        yield running


def of(emulator, service):
    return client_of(emulator, service, account=ACCOUNT)


def mocked(service):
    """Return a client of ``mock_aws``."""
    return boto3.client(service, region_name="us-east-1", config=Config(retries={"total_max_attempts": 1}))


def populate(client, what):
    """Create a resource in each of several services, with fixed names; ``client`` returns the client of a service."""
    client("secretsmanager").create_secret(Name="name", SecretString=what)
    client("s3").create_bucket(Bucket="bucket")
    client("s3").put_object(Bucket="bucket", Key="key", Body=what.encode() * 100)
    queue = client("sqs").create_queue(QueueName="queue")["QueueUrl"]
    client("sqs").send_message(QueueUrl=queue, MessageBody=what)
    client("iam").create_user(UserName=what)
    client("ssm").put_parameter(Name="name", Value=what, Type="String")
    client("dynamodb").create_table(
        TableName=what,
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def contents(client):
    """Return the resources of all services, in the order of ``NOTHING``."""
    secrets = [client("secretsmanager").get_secret_value(SecretId=each["Name"])["SecretString"]
               for each in client("secretsmanager").list_secrets()["SecretList"]]  # fmt: skip
    objects = [client("s3").get_object(Bucket=each["Name"], Key="key")["Body"].read()[-1:].decode()
               for each in client("s3").list_buckets()["Buckets"]]  # fmt: skip
    queues = len(client("sqs").list_queues().get("QueueUrls", []))
    users = [user["UserName"] for user in client("iam").list_users()["Users"]]
    parameters = [each["Name"] for each in client("ssm").describe_parameters()["Parameters"]]
    return secrets, objects, queues, users, parameters, client("dynamodb").list_tables()["TableNames"]


NOTHING = ([], [], 0, [], [], [])


def all_of(what):
    return [what], [what[-1:]], 1, [what], ["name"], [what]


# --- Two emulators -----------------------------------------------------------------------------------------


def test_two_emulators_do_not_see_each_other(emulator, other):
    populate(lambda service: of(emulator, service), "one")
    assert contents(lambda service: of(other, service)) == NOTHING
    populate(lambda service: of(other, service), "two")
    assert contents(lambda service: of(emulator, service)) == all_of("one")
    assert contents(lambda service: of(other, service)) == all_of("two")


def test_a_reset_empties_its_own_emulator_only(emulator, other):
    for each, what in ((emulator, "one"), (other, "two")):
        populate(lambda service, each=each: of(each, service), what)
    emulator.reset()
    assert contents(lambda service: of(emulator, service)) == NOTHING
    assert contents(lambda service: of(other, service)) == all_of("two")


def test_closing_an_emulator_leaves_the_other_as_it_was(emulator):
    with Emulator() as other:
        for each, what in ((emulator, "one"), (other, "two")):
            populate(lambda service, each=each: of(each, service), what)
    assert contents(lambda service: of(emulator, service)) == all_of("one")


def test_an_access_key_of_one_emulator_is_unknown_to_the_other(emulator, other):
    iam = client_of(emulator, "iam", account="111122223333")
    iam.create_user(UserName="dev")
    key = iam.create_access_key(UserName="dev")["AccessKey"]["AccessKeyId"]
    assert client_of(emulator, account=key).describe_registry()["registryId"] == "111122223333"
    assert client_of(other, account=key).describe_registry()["registryId"] == "000000000000"


def test_a_secret_of_one_emulator_is_no_credential_in_the_other(emulator, other):
    secret = of(emulator, "secretsmanager").create_secret(Name="ecr-pullthroughcache/hub", SecretString="{}")
    rule = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io", "credentialArn": secret["ARN"]}
    of(other, "secretsmanager").list_secrets()
    with pytest.raises(ClientError, match="SecretNotFoundException"):
        of(other, "ecr").create_pull_through_cache_rule(**rule)
    of(emulator, "ecr").create_pull_through_cache_rule(**rule)
    role = "AWSServiceRoleForECRPullThroughCache"
    assert of(emulator, "iam").get_role(RoleName=role)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        of(other, "iam").get_role(RoleName=role)


def test_concurrent_clients_of_two_emulators_see_only_their_own_state(emulator, other):
    seen = []

    def ask(url, what):
        client = client_at(url, "sns", account=ACCOUNT)
        for number in range(10):
            client.create_topic(Name=f"{what}-{number}")
            seen.extend((what, topic["TopicArn"].split(":")[-1]) for topic in client.list_topics()["Topics"])
        client.close()

    with ThreadedServer(emulator.wsgi) as one, ThreadedServer(other.wsgi) as two:
        threads = [threading.Thread(target=ask, args=(s.url, w)) for s, w in ((one, "one"), (two, "two")) * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(seen) > 200
    assert all(topic.startswith(what) for what, topic in seen)


# --- Beside mock_aws ---------------------------------------------------------------------------------------


def test_an_emulator_keeps_what_it_has_when_mock_aws_begins_and_ends(emulator):
    populate(lambda service: of(emulator, service), "one")
    with mock_aws():
        assert contents(lambda service: of(emulator, service)) == all_of("one")
        assert contents(mocked) == NOTHING
        populate(mocked, "mocked")
    assert contents(lambda service: of(emulator, service)) == all_of("one")


def test_resources_created_within_mock_aws_stay_apart_from_the_emulators(emulator):
    with mock_aws():
        populate(mocked, "mocked")
        assert contents(lambda service: of(emulator, service)) == NOTHING
        populate(lambda service: of(emulator, service), "one")
        assert contents(mocked) == all_of("mocked")
        emulator.reset()
        assert contents(mocked) == all_of("mocked")
        populate(lambda service: of(emulator, service), "two")
    assert contents(lambda service: of(emulator, service)) == all_of("two")


def test_an_emulator_that_comes_and_goes_within_mock_aws_takes_nothing_with_it():
    with mock_aws():
        populate(mocked, "mocked")
        with Emulator() as emulator:
            populate(lambda service: of(emulator, service), "one")
        assert contents(mocked) == all_of("mocked")


def test_an_emulator_goes_on_after_the_mock_aws_in_which_it_was_opened():
    mock = mock_aws()
    mock.start()
    emulator = Emulator()
    populate(lambda service: of(emulator, service), "one")
    mock.stop()
    with emulator:
        assert contents(lambda service: of(emulator, service)) == all_of("one")


def test_decorated_functions_begin_with_nothing_each_time(emulator):
    populate(lambda service: of(emulator, service), "one")

    @mock_aws
    def decorated():
        assert contents(mocked) == NOTHING
        populate(mocked, "mocked")
        with mock_aws():
            assert contents(mocked) == all_of("mocked")

    for _ in range(2):
        decorated()
    assert contents(lambda service: of(emulator, service)) == all_of("one")


def test_mock_aws_and_a_server_answer_side_by_side(emulator):
    with ThreadedServer(emulator.wsgi) as server, mock_aws():
        topics, ecr = (client_at(server.url, service, account=ACCOUNT) for service in ("sns", "ecr"))
        topics.create_topic(Name="ours")
        mocked("sns").create_topic(Name="theirs")
        ecr.create_repository(repositoryName="app")
        assert [each["TopicArn"].split(":")[-1] for each in topics.list_topics()["Topics"]] == ["ours"]
        assert [each["TopicArn"].split(":")[-1] for each in mocked("sns").list_topics()["Topics"]] == ["theirs"]
        assert mocked("ecr").describe_repositories()["repositories"] == []
        for client in (topics, ecr):
            client.close()


def test_mock_aws_does_not_get_the_emulators_managed_policies(emulator):
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert of(emulator, "iam").get_policy(PolicyArn=arn)
    with mock_aws(), pytest.raises(ClientError, match="NoSuchEntity"):
        mocked("iam").get_policy(PolicyArn=arn)


# --- Calls within moto -------------------------------------------------------------------------------------


def test_services_that_call_each_other_stay_within_their_emulator(emulator, other):
    template = '{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "made"}}}}'
    of(emulator, "cloudformation").create_stack(StackName="s", TemplateBody=template)
    assert len(of(emulator, "sqs").list_queues()["QueueUrls"]) == 1
    assert "QueueUrls" not in of(other, "sqs").list_queues()
    arn = of(emulator, "sns").create_topic(Name="t", Tags=[{"Key": "k", "Value": "v"}])["TopicArn"]
    tagged = of(emulator, "resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "k"}])
    assert [each["ResourceARN"] for each in tagged["ResourceTagMappingList"]] == [arn]
    tagged = of(other, "resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "k"}])
    assert tagged["ResourceTagMappingList"] == []


def test_threads_of_moto_work_for_the_emulator_that_started_them(emulator):
    """An export of DynamoDB reads the table and writes the bucket in a thread."""
    dynamodb, s3 = of(emulator, "dynamodb"), of(emulator, "s3")
    s3.create_bucket(Bucket="exports")
    table = dynamodb.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )["TableDescription"]["TableArn"]
    dynamodb.put_item(TableName="t", Item={"k": {"S": "v"}})
    dynamodb.update_continuous_backups(
        TableName="t", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    before = set(threading.enumerate())
    export = dynamodb.export_table_to_point_in_time(TableArn=table, S3Bucket="exports", S3Prefix="p")
    for thread in set(threading.enumerate()) - before:
        thread.join()
    done = dynamodb.describe_export(ExportArn=export["ExportDescription"]["ExportArn"])["ExportDescription"]
    assert (done["ExportStatus"], done["ItemCount"]) == ("COMPLETED", 1)
    assert s3.list_objects_v2(Bucket="exports")["KeyCount"] > 0


def test_code_outside_an_emulator_sees_motos_own_backends(emulator):
    from moto.sns.models import sns_backends

    of(emulator, "sns").create_topic(Name="ours")
    with mock_aws():
        mocked("sns").create_topic(Name="theirs")
        assert [topic.name for topic in sns_backends[ACCOUNT]["us-east-1"].topics.values()] == ["theirs"]
        assert sns_backends in BackendDict._instances
        assert (ACCOUNT in sns_backends, list(sns_backends), len(sns_backends)) == (True, [ACCOUNT], 1)
    assert (list(sns_backends), dict(sns_backends), BackendDict._instances == []) == ([], {}, True)


# --- Order of imports --------------------------------------------------------------------------------------


def in_a_process(code):
    """Run code in a new process, in which moto is not imported yet."""
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(HEAD) + textwrap.dedent(code)], check=True)


HEAD = """
    import os, sys, boto3
    from ecr_emulator.emulator import Emulator
    from tests.support.boto import client_of
    assert "moto" not in sys.modules
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    def names(client):
        return [topic["TopicArn"].split(":")[-1] for topic in client.list_topics()["Topics"]]
"""


@pytest.mark.slow
def test_mock_aws_before_an_emulator_is_opened():
    in_a_process(
        """
        from moto import mock_aws
        with mock_aws():
            boto3.client("sns").create_topic(Name="theirs")
            with Emulator() as emulator:
                client_of(emulator, "sns", account="123456789012").create_topic(Name="ours")
                assert names(client_of(emulator, "sns", account="123456789012")) == ["ours"]
                assert names(boto3.client("sns")) == ["theirs"]
            assert names(boto3.client("sns")) == ["theirs"]
        """
    )


@pytest.mark.slow
def test_mock_aws_when_an_emulator_has_already_imported_moto():
    in_a_process(
        """
        with Emulator() as emulator:
            sns = client_of(emulator, "sns", account="123456789012")
            sns.create_topic(Name="ours")
            from moto import mock_aws
            @mock_aws
            def test():
                assert names(boto3.client("sns")) == []
                boto3.client("sns").create_topic(Name="theirs")
                assert names(sns) == ["ours"]
            test()
            assert names(sns) == ["ours"]
        """
    )


@mock_aws
class TestWithMockAws:
    """Tests as many users write them: moto starts without state for each method."""

    @pytest.mark.parametrize("what", ["one", "two"])
    def test_each_method_begins_with_nothing_and_the_emulator_has_its_own(self, emulator, what):
        assert contents(mocked) == NOTHING
        populate(mocked, what)
        populate(lambda service: of(emulator, service), f"{what}-here")
        assert contents(mocked) == all_of(what)
        assert contents(lambda service: of(emulator, service)) == all_of(f"{what}-here")


def test_a_pull_through_within_mock_aws_reaches_its_upstream_with_its_secret(tmp_path):
    with ScriptedUpstream() as hub, mock_aws():
        hub.add_image("library/app", image(), "v1")
        mapped = {"registry-1.docker.io": hub.url}
        with Emulator(Settings(data_dir=tmp_path, account=ACCOUNT, upstream_map=mapped)) as emulator:
            value = '{"username": "me", "accessToken": "secret"}'
            secret = of(emulator, "secretsmanager").create_secret(Name="ecr-pullthroughcache/hub", SecretString=value)
            of(emulator, "ecr").create_pull_through_cache_rule(
                ecrRepositoryPrefix="hub", upstreamRegistryUrl="registry-1.docker.io", credentialArn=secret["ARN"]
            )
            token = of(emulator, "ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
            pulled = Client(emulator.wsgi).get(
                "/v2/hub/library/app/manifests/v1", headers={"Authorization": f"Basic {token}"}
            )
            assert pulled.status_code == 200
            assert emulator.settle(10)
