"""Signing profiles of a stack, with which its signing configuration lets ECR sign."""

from __future__ import annotations

import pytest

from tests.support.images import an_image, put_image
from tests.support.stacks import repository, template

NOTATION = "Notation-OCI-SHA384-ECDSA"
ATTRIBUTES = ("Arn", "ProfileName", "ProfileVersion", "ProfileVersionArn")


def profile(**properties):
    return {"Type": "AWS::Signer::SigningProfile", "Properties": {"PlatformId": NOTATION, **properties}}


def stack(**properties):
    rule = {"SigningProfileArn": {"Fn::GetAtt": ["Profile", "Arn"]}}
    configuration = {"Type": "AWS::ECR::SigningConfiguration", "Properties": {"Rules": [rule]}}
    told = {name: {"Value": {"Fn::GetAtt": ["Profile", name]}} for name in ATTRIBUTES}
    resources = {"Profile": profile(**properties), "Signing": configuration, "Repo": repository(RepositoryName="app")}
    return template(resources, Outputs=told | {"Ref": {"Value": {"Ref": "Profile"}}})


def test_a_stack_lets_ecr_sign_with_its_profile(aws):
    aws.create("my-stack", stack(Tags=[{"Key": "team", "Value": "a"}]))
    told = aws.outputs("my-stack")
    described = aws.client("signer").get_signing_profile(profileName=told["ProfileName"])
    assert (told["Ref"], told["Arn"]) == (described["arn"], described["arn"])
    assert (told["ProfileVersion"], told["ProfileVersionArn"]) == (
        described["profileVersion"],
        described["profileVersionArn"],
    )
    assert told["ProfileName"].startswith("my_stack_Profile_")
    assert described["tags"] == {"team": "a"}
    digest = put_image(aws.ecr, "app", an_image(), "v1")
    answer = aws.ecr.describe_image_signing_status(repositoryName="app", imageId={"imageDigest": digest})
    assert answer["signingStatuses"] == [{"signingProfileArn": told["Arn"], "status": "COMPLETE"}]


def test_a_change_of_tags_keeps_the_profile_and_a_change_of_its_period_replaces_it(aws):
    aws.create("s", stack())
    before = aws.outputs("s")
    aws.update("s", stack(Tags=[{"Key": "team", "Value": "b"}]))
    signer = aws.client("signer")
    assert aws.outputs("s") == before
    assert signer.get_signing_profile(profileName=before["ProfileName"])["tags"] == {"team": "b"}
    aws.update("s", stack(SignatureValidityPeriod={"Type": "DAYS", "Value": 30}))
    after = aws.outputs("s")
    assert after["Arn"] != before["Arn"]
    assert signer.get_signing_profile(profileName=before["ProfileName"])["status"] == "Canceled"
    aws.delete("s")
    assert signer.get_signing_profile(profileName=after["ProfileName"])["status"] == "Canceled"


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"PlatformId": "Notation"}, "The platform 'Notation' does not exist"),
        ({"ProfileName": "a-b"}, "The profile name 'a-b' must have"),
    ],
)
def test_a_wrong_profile_fails_the_stack(aws, properties, reason):
    assert reason in aws.fail_to_create("s", stack(**properties))
