"""The other AWS services on the emulator's port: real clients, a real server."""

import http.client
import io
import subprocess
import sys
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from ecr_emulator.serving.threaded import ThreadedServer

ACCOUNT = "123456789012"
SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


@pytest.fixture
def server(emulator):
    with ThreadedServer(emulator.wsgi) as running:
        yield running


@pytest.fixture
def client(server):
    clients = []

    def connect(service, access_key=ACCOUNT):
        session = boto3.Session(access_key, "secret", region_name="us-east-1")
        config = Config(retries={"total_max_attempts": 1})
        clients.append(session.client(service, endpoint_url=server.url, config=config))
        return clients[-1]

    yield connect
    for each in clients:
        each.close()


# --- Accounts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("access_key", "account"), [("AKIAIOSFODNN7EXAMPLE", "000000000000"), (ACCOUNT, ACCOUNT)])
def test_a_caller_has_the_same_account_everywhere(client, access_key, account):
    assert client("sts", access_key).get_caller_identity()["Account"] == account
    repository = client("ecr", access_key).create_repository(repositoryName="app")["repository"]
    assert repository["registryId"] == account
    assert client("sns", access_key).create_topic(Name="t")["TopicArn"] == f"arn:aws:sns:us-east-1:{account}:t"
    assert client("sqs", access_key).create_queue(QueueName="q")["QueueUrl"].endswith(f"/{account}/q")
    assert client("kms", access_key).create_key()["KeyMetadata"]["AWSAccountId"] == account


def test_a_users_access_key_is_the_users_account(client):
    client("iam").create_user(UserName="dev")
    key = client("iam").create_access_key(UserName="dev")["AccessKey"]["AccessKeyId"]
    assert client("ecr", key).create_repository(repositoryName="app")["repository"]["registryId"] == ACCOUNT
    assert client("sts", key).get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/dev"


def test_an_assumed_role_is_in_the_roles_account(client):
    client("iam").create_role(RoleName="ci", AssumeRolePolicyDocument="{}")
    role = f"arn:aws:iam::{ACCOUNT}:role/ci"
    key = client("sts").assume_role(RoleArn=role, RoleSessionName="build")["Credentials"]["AccessKeyId"]
    assert client("ecr", key).create_repository(repositoryName="app")["repository"]["registryId"] == ACCOUNT


def test_a_bucket_belongs_to_its_creators_account(client):
    client("s3").create_bucket(Bucket="theirs")
    assert [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]] == ["theirs"]
    assert client("s3", "AKIA").list_buckets()["Buckets"] == []


# --- Services ----------------------------------------------------------------------------------------------


def test_every_service_answers_on_the_same_port(client):
    queue = client("sqs").create_queue(QueueName="q")["QueueUrl"]
    client("sqs").send_message(QueueUrl=queue, MessageBody="hello")
    assert client("sqs").receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "hello"
    client("events").put_rule(Name="r", EventPattern='{"source": ["aws.ecr"]}')
    assert [rule["Name"] for rule in client("events").list_rules()["Rules"]] == ["r"]
    template = '{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}'
    assert client("cloudformation").create_stack(StackName="s", TemplateBody=template)["StackId"]


def test_buckets_take_objects_in_one_piece_in_parts_and_by_presigned_url(client):
    s3 = client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="v2/whole", Body=b"bytes")
    s3.upload_fileobj(io.BytesIO(b"x" * (9 << 20)), "bucket", "parts")
    url = s3.generate_presigned_url("put_object", {"Bucket": "bucket", "Key": "presigned"})
    with urlopen(Request(url, b"by url", {"Content-Type": "text/plain"}, method="PUT")):
        pass
    assert s3.get_object(Bucket="bucket", Key="v2/whole")["Body"].read() == b"bytes"
    assert s3.head_object(Bucket="bucket", Key="parts")["ContentLength"] == 9 << 20
    assert s3.get_object(Bucket="bucket", Key="presigned")["Body"].read() == b"by url"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ([b"hel", b"lo"], {"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}),
        (
            b"5;chunk-signature=a\r\nhello\r\n0;chunk-signature=b\r\n\r\n",
            {
                "X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                "X-Amz-Decoded-Content-Length": "5",
                "Content-Encoding": "aws-chunked",
            },
        ),
    ],
    ids=["http", "aws"],
)
def test_buckets_take_objects_in_chunks(client, server, body, headers):
    client("s3").create_bucket(Bucket="bucket")
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    chunked = isinstance(body, list)
    headers = headers | {"Authorization": SIGNED} | ({"Transfer-Encoding": "chunked"} if chunked else {})
    connection.request("PUT", "/bucket/key", iter(body) if chunked else body, headers, encode_chunked=chunked)
    assert connection.getresponse().status == 200
    connection.close()
    assert client("s3").get_object(Bucket="bucket", Key="key")["Body"].read() == b"hello"


# --- Limits of moto ----------------------------------------------------------------------------------------


def refusal_of(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response
    return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"], error["Error"]["Message"]


def test_moto_looks_for_the_service_of_a_host_once(client, monkeypatch):
    client("iam").list_users()
    monkeypatch.setattr("moto.backends.list_of_moto_modules", None)
    assert client("iam").list_users()["Users"] == []


def test_a_service_that_moto_lacks_is_named(client):
    status, code, message = refusal_of(client("wellarchitected").list_workloads)
    assert (status, code) == (501, "NotImplemented")
    assert message.startswith("wellarchitected is not emulated")
    status, code, message = refusal_of(client("importexport").list_jobs)
    assert (status, code) == (501, "NotImplemented")


def test_an_action_that_moto_lacks_is_named(client):
    status, code, message = refusal_of(
        client("iam").generate_service_last_accessed_details, Arn="arn:aws:iam::1:user/u"
    )
    assert (status, code) == (501, "NotImplemented")
    assert "generate_service_last_accessed_details" in message


def test_a_service_whose_extra_is_missing_names_it():
    in_process(
        """
for module in ("aws_xray_sdk", "graphql", "openapi_spec_validator", "py_partiql_parser"):
    sys.modules[module] = None

def refusal_of(service, operation, **arguments):
    try:
        getattr(client_of(emulator, service), operation)(**arguments)
    except ClientError as refused:
        assert refused.response["ResponseMetadata"]["HTTPStatusCode"] == 501, refused
        return refused.response["Error"]["Message"]

def sentence(service, package, extra):
    return f"{service} needs the package {package}, which is not installed: pip install 'ecr-emulator[{extra}]'."

missing = refusal_of("xray", "get_trace_summaries", StartTime=0, EndTime=1)
assert missing == sentence("xray", "aws_xray_sdk", "companions"), missing
missing = refusal_of("cloudformation", "describe_stacks")
assert missing == sentence("cloudformation", "openapi_spec_validator", "cloudformation"), missing
missing = refusal_of("dynamodb", "execute_statement", Statement="SELECT * FROM t")
assert missing == sentence("dynamodb", "py_partiql_parser", "companions"), missing

appsync = client_of(emulator, "appsync")
api = appsync.create_graphql_api(name="a", authenticationType="API_KEY")["graphqlApi"]["apiId"]
missing = refusal_of("appsync", "start_schema_creation", apiId=api, definition=b"type Query { a: String }")
assert missing == sentence("appsync", "graphql", "companions"), missing
"""
    )


# --- On first use ------------------------------------------------------------------------------------------


def in_process(code):
    """Run code with an emulator in a new process, in which moto is not imported yet."""
    head = """
import sys
from botocore.exceptions import ClientError
from ecr_emulator.emulator import Emulator
assert not sys.modules.keys() & {"moto", "boto3"}
from tests.support.boto import client_of
with Emulator() as emulator:
"""
    body = "".join(f"    {line}\n" for line in code.strip().splitlines())
    subprocess.run([sys.executable, "-W", "error", "-c", head + body], check=True)


def test_moto_is_imported_when_a_companion_is_first_used():
    in_process(
        """
client_of(emulator, "ecr").create_repository(repositoryName="app")
client_of(emulator, "ecr").create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
emulator.reset()
assert "moto" not in sys.modules
client_of(emulator, "sts").get_caller_identity()
assert "moto" in sys.modules
"""
    )


def test_a_signed_request_below_v2_is_for_api_gateway_and_an_unsigned_one_for_the_registry(client, server):
    gateway = client("apigatewayv2")
    made = gateway.create_api(Name="pets", ProtocolType="HTTP")
    assert [api["ApiId"] for api in gateway.get_apis()["Items"]] == [made["ApiId"]]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/v2/apis/tags/list")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Docker-Distribution-Api-Version"]) == (401, "registry/2.0")
    connection.close()
