"""Bucket policies of S3: statements with a condition are kept, but not applied."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.support.boto import client_of

SECURE = {"Bool": {"aws:SecureTransport": "false"}}


def denial(**more):
    return {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/*", **more}


@pytest.fixture
def s3(emulator):
    client = client_of(emulator, "s3", account="123456789012")
    client.create_bucket(Bucket="bucket")
    return client


@pytest.mark.parametrize("many", [True, False], ids=["list", "single"])
def test_a_denial_with_a_condition_denies_nothing(s3, many):
    statement = denial(Condition=SECURE)
    policy = {"Version": "2012-10-17", "Statement": [statement] if many else statement}
    s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps(policy))
    s3.put_object(Bucket="bucket", Key="k", Body=b"x")
    assert json.loads(s3.get_bucket_policy(Bucket="bucket")["Policy"]) == policy


def test_a_denial_without_a_condition_denies(s3):
    policy = {"Version": "2012-10-17", "Statement": [denial(Condition=SECURE), denial()]}
    s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps(policy))
    with pytest.raises(ClientError, match="403"):
        s3.put_object(Bucket="bucket", Key="k", Body=b"x")


def test_a_bucket_with_a_policy_is_part_of_snapshots(emulator, s3):
    s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps({"Version": "2012-10-17", "Statement": [denial()]}))
    before = emulator.snapshots.take()
    s3.delete_bucket_policy(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="k", Body=b"x")
    emulator.snapshots.restore(before)
    with pytest.raises(ClientError, match="403"):
        s3.put_object(Bucket="bucket", Key="k", Body=b"x")
