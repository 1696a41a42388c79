"""Operations that moto lacks are refused in the protocol of their service."""

import json

import pytest
from botocore.exceptions import ClientError
from werkzeug.test import Client

from tests.support.boto import client_of

ACCOUNT = "123456789012"


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "name"),
    [
        ("signer", "get_signing_platform", {"platformId": "Notation-OCI-SHA384-ECDSA"}, "GetSigningPlatform"),
        ("signer", "list_signing_jobs", {}, "ListSigningJobs"),
        ("signer", "add_profile_permission", {
            "profileName": "profile", "action": "a", "principal": "x", "statementId": "s"}, "AddProfilePermission"),
        ("eks", "list_insights", {"clusterName": "c"}, "ListInsights"),
        ("lambda", "list_capacity_providers", {}, "ListCapacityProviders"),
        ("apigateway", "get_sdk_types", {}, "GetSdkTypes"),
        ("route53", "list_geo_locations", {}, "ListGeoLocations"),
        ("cloudfront", "list_response_headers_policies", {}, "ListResponseHeadersPolicies"),
        ("s3control", "list_jobs", {"AccountId": ACCOUNT}, "ListJobs"),
    ],
)  # fmt: skip
def test_an_operation_that_is_known_by_its_path_is_named(emulator, service, operation, arguments, name):
    client = client_of(emulator, service, account=ACCOUNT)
    with pytest.raises(ClientError) as refused:
        getattr(client, operation)(**arguments)
    error = refused.value.response
    assert (error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]) == (501, "NotImplemented")
    assert error["Error"]["Message"].endswith(f": moto does not have the operation {name}.")


def test_a_path_without_an_operation_is_named_in_the_error(emulator):
    signed = (
        f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/us-east-1/signer/aws4_request, SignedHeaders=host, Signature=0"
    )
    answer = Client(emulator.wsgi).get("/no/such/thing", headers={"Authorization": signed})
    assert answer.status_code == 501
    assert json.loads(answer.data)["message"] == "signer: moto does not have GET /no/such/thing."


def test_a_services_own_not_found_errors_are_kept(emulator):
    signer = client_of(emulator, "signer", account=ACCOUNT)
    signer.put_signing_profile(profileName="profile", platformId="Notation-OCI-SHA384-ECDSA")
    assert signer.get_signing_profile(profileName="profile")["profileName"] == "profile"
    s3 = client_of(emulator, "s3", account=ACCOUNT)
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="page", Body=b"<!doctype html>")
    assert s3.get_object(Bucket="bucket", Key="page")["Body"].read() == b"<!doctype html>"
    for call, arguments, code in (
        (s3.get_object, {"Bucket": "bucket", "Key": "no"}, "NoSuchKey"),
        (s3.head_object, {"Bucket": "bucket", "Key": "no"}, "404"),
        (client_of(emulator, "eks").describe_cluster, {"name": "no"}, "ResourceNotFoundException"),
        (client_of(emulator, "route53").get_hosted_zone, {"Id": "no"}, "NoSuchHostedZone"),
    ):
        with pytest.raises(ClientError) as refused:
            call(**arguments)
        assert refused.value.response["Error"]["Code"] == code
