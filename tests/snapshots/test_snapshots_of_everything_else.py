"""Snapshots of what is no image: the time, companions, and what is remembered of upstreams."""

import boto3
import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.auth import Bearer
from ecr_emulator.testing.upstream.faults import answers
from ecr_emulator.testing.upstream.images import image
from tests.support.boto import Keys, client_of
from tests.support.pull_through import running_cache

NAME = "quay/team/app"
TRUST = """{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
]}"""


@pytest.fixture
def cache(upstream):
    with running_cache(upstream) as cache:
        yield cache


def value(secrets, name):
    return secrets.get_secret_value(SecretId=name)["SecretString"]


def test_the_clock_goes_back(client):
    before = client.http.get("/_ecr/clock").json
    snapshot = client.emulator.snapshots.take()
    client.http.post("/_ecr/clock", json={"advance": "7d"})
    client.emulator.snapshots.restore(snapshot)
    assert client.http.get("/_ecr/clock").json == before


@pytest.mark.parametrize("is_used_before", [True, False], ids=["moto was used before", "moto was not used before"])
def test_companions_go_back(client, is_used_before):
    secrets, s3 = client_of(client.emulator, "secretsmanager"), client_of(client.emulator, "s3")
    if is_used_before:
        secrets.create_secret(Name="kept", SecretString="one")
        s3.create_bucket(Bucket="artifacts")
        s3.put_object(Bucket="artifacts", Key="kept", Body=b"one")
    snapshot = client.emulator.snapshots.take()
    for _ in range(2):
        secrets.create_secret(Name="new", SecretString="two")
        if is_used_before:
            secrets.put_secret_value(SecretId="kept", SecretString="two")
            s3.delete_object(Bucket="artifacts", Key="kept")
        client.emulator.snapshots.restore(snapshot)
        names = [each["Name"] for each in secrets.list_secrets()["SecretList"]]
        assert names == (["kept"] if is_used_before else [])
        if is_used_before:
            assert value(secrets, "kept") == "one"
            assert s3.get_object(Bucket="artifacts", Key="kept")["Body"].read() == b"one"


def test_sessions_of_roles_that_were_assumed_before_are_known(client):
    role = client_of(client.emulator, "iam").create_role(RoleName="ci", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    sts = client_of(client.emulator, "sts")
    keys = sts.assume_role(RoleArn=role, RoleSessionName="build")["Credentials"]
    snapshot = client.emulator.snapshots.take()
    client.emulator.reset()
    client.emulator.snapshots.restore(snapshot)
    session = Keys(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    arn = client_of(client.emulator, "sts", keys=session).get_caller_identity()["Arn"]
    assert arn.endswith("assumed-role/ci/build")


@pytest.mark.parametrize("is_used_before", [True, False])
def test_secrets_that_are_kept_on_disk_go_back_there_too(tmp_path, is_used_before):
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        client_of(emulator, "secretsmanager").create_secret(Name="kept", SecretString="one")
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        secrets = client_of(emulator, "secretsmanager")
        if is_used_before:
            assert value(secrets, "kept") == "one"
        snapshot = emulator.snapshots.take()
        secrets.put_secret_value(SecretId="kept", SecretString="two")
        emulator.snapshots.restore(snapshot)
        assert value(secrets, "kept") == "one"
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        assert value(client_of(emulator, "secretsmanager"), "kept") == "one"


def test_an_upstream_that_lacked_an_image_is_asked_anew(cache, upstream):
    cache.rule()
    snapshot = cache.emulator.snapshots.take()
    assert cache.manifest(NAME, "v1").status_code == 404
    upstream.add_image("team/app", image(), "v1")
    assert cache.manifest(NAME, "v1").status_code == 404, "remembered"
    cache.emulator.snapshots.restore(snapshot)
    assert cache.manifest(NAME, "v1").status_code == 200


def test_a_negative_answer_is_remembered_again(upstream):
    with running_cache(upstream, negative_ttl=3600.0) as cache:
        cache.rule()
        assert cache.manifest(NAME, "v1").status_code == 404
        snapshot = cache.emulator.snapshots.take()
        upstream.add_image("team/app", image(), "v1")
        cache.advance(hours=2)
        assert cache.manifest(NAME, "v1").status_code == 200
        cache.emulator.snapshots.restore(snapshot)
        assert cache.manifest(NAME, "v1").status_code == 404


def test_a_rate_limit_is_kept_again(cache, upstream):
    cache.rule()
    upstream.fail("/manifests/v1", answers(429, Retry_After="3600"))
    assert cache.manifest(NAME, "v1").status_code == 429
    snapshot = cache.emulator.snapshots.take()
    upstream.add_image("team/app", image(), "v2")
    cache.advance(hours=2)
    assert cache.manifest(NAME, "v2").status_code == 200
    cache.emulator.snapshots.restore(snapshot)
    assert cache.manifest(NAME, "v2").status_code == 429


def test_a_broken_upstream_is_left_alone_again(cache, upstream):
    cache.rule()
    upstream.fail("/manifests/", answers(503), count=99)
    for number in range(5):
        assert cache.manifest(NAME, f"v{number}").status_code == 503
    snapshot = cache.emulator.snapshots.take()
    upstream.heal()
    upstream.add_image("team/app", image(), "v6")
    cache.advance(seconds=30)
    assert cache.manifest(NAME, "v6").status_code == 200
    cache.emulator.snapshots.restore(snapshot)
    assert "is not asked for 30 seconds" in cache.manifest(NAME, "v6").json["errors"][0]["message"]


def test_tokens_of_upstreams_are_those_of_then(cache, upstream):
    upstream.auth = Bearer(expires_in=3600)
    for tag in ("v1", "v2"):
        upstream.add_image("team/app", image(tag), tag)
    cache.rule()
    snapshot = cache.emulator.snapshots.take()
    for _ in range(2):
        cache.pull(NAME, "v1")
        cache.emulator.snapshots.restore(snapshot)
    assert [request.path for request in upstream.requests].count("/token") == 2


def test_everybody_else_in_the_process_keeps_what_moto_knows(client):
    """moto keeps its state in globals, which ``mock_aws`` of the same suite uses as well."""
    from moto import mock_aws

    snapshot = client.emulator.snapshots.take()
    with mock_aws():
        theirs = boto3.client("secretsmanager", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        theirs.create_secret(Name="theirs", SecretString="one")
        client_of(client.emulator, "secretsmanager").create_secret(Name="ours", SecretString="two")
        client.emulator.snapshots.restore(snapshot)
        assert [each["Name"] for each in theirs.list_secrets()["SecretList"]] == ["theirs"]
    assert client_of(client.emulator, "secretsmanager").list_secrets()["SecretList"] == []


def test_attachments_of_aws_policies_go_back(client):
    iam = client_of(client.emulator, "iam")
    reads = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
    iam.create_user(UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn=reads)
    iam.create_policy(
        PolicyName="own", PolicyDocument=TRUST.replace('"Principal": {"AWS": "*"}, ', '"Resource": "*", ')
    )
    snapshot = client.emulator.snapshots.take()
    for _ in range(2):
        iam.create_user(UserName="bob")
        iam.attach_user_policy(UserName="bob", PolicyArn=reads)
        iam.attach_user_policy(UserName="bob", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        client.emulator.snapshots.restore(snapshot)
        attached = iam.list_policies(Scope="All", OnlyAttached=True)["Policies"]
        assert [(each["Arn"], each["AttachmentCount"]) for each in attached] == [(reads, 1)]
        assert [each["PolicyName"] for each in iam.list_policies(Scope="Local")["Policies"]] == ["own"]
    iam.detach_user_policy(UserName="ann", PolicyArn=reads)
    assert iam.get_policy(PolicyArn=reads)["Policy"]["AttachmentCount"] == 0


def test_a_snapshot_does_not_copy_the_policies_of_aws(client):
    """They are 4 MB in each account, and restoring them would take longer than everything else together."""
    client_of(client.emulator, "iam").create_user(UserName="ann")
    assert len(client.emulator._companions.snapshot().data) < 100_000
