"""CloudFormation refuses templates with resources of ECR, which it would not create."""

import json

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.support.boto import client_of

ACCOUNT = "123456789012"
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q"}}
REPOSITORY = {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "app"}}
TYPES = [
    "AWS::ECR::PublicRepository",
    "AWS::ECR::PullThroughCacheRule",
    "AWS::ECR::PullTimeUpdateExclusion",
    "AWS::ECR::RegistryPolicy",
    "AWS::ECR::RegistryScanningConfiguration",
    "AWS::ECR::ReplicationConfiguration",
    "AWS::ECR::Repository",
    "AWS::ECR::RepositoryCreationTemplate",
    "AWS::ECR::SigningConfiguration",
]


def of(*resources, **more):
    """Return a template with these resources, in JSON."""
    return json.dumps({"Resources": {f"R{number}": each for number, each in enumerate(resources)}} | more)


WITH_QUEUE, WITH_REPOSITORY = of(QUEUE), of(QUEUE, REPOSITORY)
CONDITIONAL = of(QUEUE, REPOSITORY | {"Condition": "No"}, Conditions={"No": {"Fn::Equals": ["a", "b"]}})
LANGUAGE_EXTENSIONS = of(
    Resources={"Fn::ForEach::Repos": ["Name", ["a", "b"], {"Repo${Name}": REPOSITORY}]},
    Transform="AWS::LanguageExtensions",
)
YAML = """
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Name: {Type: String, Default: app}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {TopicName: !Sub "${Name}-topic"}
  Repo:
    Type: AWS::ECR::Repository
    Properties:
      RepositoryName: !Ref Name
      RepositoryPolicyText: !Transform {Name: AWS::Include, Parameters: {Location: s3://nowhere/policy}}
      Tags: [{Key: k, Value: !Select [0, !Split [",", "a,b"]]}]
Outputs:
  Uri: {Value: !GetAtt Repo.RepositoryUri}
"""
ALIASES = """
Resources:
  One: &repository {Type: 'AWS::ECR::Repository'}
  Two: *repository
  Three:
    <<: *repository
    Properties: {RepositoryName: three}
"""


@pytest.fixture
def aws(emulator):
    return lambda service: client_of(emulator, service, account=ACCOUNT)


@pytest.fixture
def cloudformation(aws):
    return aws("cloudformation")


def put_template(aws, text, key="template"):
    """Put a template into a bucket, and return its URL."""
    aws("s3").create_bucket(Bucket="templates")
    aws("s3").put_object(Bucket="templates", Key=key, Body=text.encode())
    return f"https://templates.s3.amazonaws.com/{key}"


def nested(url, **more):
    return {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url} | more}


def assert_refused(call, *types, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response
    assert (error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]) == (400, "ValidationError")
    assert error["Error"]["Message"] == (
        f"Template format error: Unrecognized resource types: [{', '.join(types or ['AWS::ECR::Repository'])}]. "
        "This emulator does not create resources of ECR by CloudFormation; create them with the ECR API."
    )


def assert_nothing_is_made(aws):
    assert aws("cloudformation").describe_stacks()["Stacks"] == []
    assert "QueueUrls" not in aws("sqs").list_queues()
    assert aws("ecr").describe_repositories()["repositories"] == []


@pytest.mark.parametrize(
    "template",
    [WITH_REPOSITORY, CONDITIONAL, LANGUAGE_EXTENSIONS, YAML, ALIASES],
    ids=["json", "condition", "for-each", "yaml", "aliases"],
)
def test_a_template_with_a_repository_is_refused_whole(aws, cloudformation, template):
    assert_refused(cloudformation.create_stack, StackName="s", TemplateBody=template)
    assert_refused(cloudformation.validate_template, TemplateBody=template)
    assert_refused(
        cloudformation.create_change_set,
        StackName="t",
        ChangeSetName="c",
        ChangeSetType="CREATE",
        TemplateBody=template,
    )
    assert_refused(cloudformation.create_stack_set, StackSetName="s", TemplateBody=template)
    assert_nothing_is_made(aws)
    assert cloudformation.list_stack_sets()["Summaries"] == []


def test_every_type_of_ecr_is_named(cloudformation):
    template = of(*({"Type": each} for each in reversed(TYPES)), QUEUE)
    assert_refused(cloudformation.create_stack, *TYPES, StackName="s", TemplateBody=template)


def test_a_template_in_a_bucket_is_refused(aws, cloudformation):
    url = put_template(aws, YAML)
    assert_refused(cloudformation.create_stack, StackName="s", TemplateURL=url)
    assert_refused(cloudformation.validate_template, TemplateURL=url)
    assert_refused(cloudformation.create_stack_set, StackSetName="s", TemplateURL=url)


def test_a_stack_is_not_updated_to_one_with_a_repository(aws, cloudformation):
    cloudformation.create_stack(StackName="s", TemplateBody=WITH_QUEUE)
    assert_refused(cloudformation.update_stack, StackName="s", TemplateBody=WITH_REPOSITORY)
    change = {"StackName": "s", "ChangeSetName": "c", "ChangeSetType": "UPDATE"}
    assert_refused(cloudformation.create_change_set, **change, TemplateBody=WITH_REPOSITORY)
    (stack,) = cloudformation.describe_stacks()["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert cloudformation.get_template(StackName="s")["TemplateBody"] == json.loads(WITH_QUEUE)
    assert len(aws("sqs").list_queues()["QueueUrls"]) == 1


def test_a_stack_set_is_not_updated_to_one_with_a_repository(cloudformation):
    cloudformation.create_stack_set(StackSetName="s", TemplateBody=WITH_QUEUE)
    assert_refused(cloudformation.update_stack_set, StackSetName="s", TemplateBody=WITH_REPOSITORY)


def test_a_nested_stack_with_a_repository_is_refused_with_its_parents(aws, cloudformation):
    url = put_template(aws, WITH_REPOSITORY, "child")
    parent = put_template(aws, of(nested(url)), "parent")
    assert_refused(cloudformation.create_stack, StackName="s", TemplateBody=of(nested(url), QUEUE))
    assert_refused(cloudformation.create_stack, StackName="s", TemplateBody=of(QUEUE, nested(parent)))
    assert_nothing_is_made(aws)


def test_a_nested_stack_whose_address_is_a_parameter_takes_its_parent_with_it(aws, cloudformation):
    url = put_template(aws, of(REPOSITORY))
    template = of(QUEUE, nested({"Ref": "Url"}), Parameters={"Url": {"Type": "String"}})
    parameters = [{"ParameterKey": "Url", "ParameterValue": url}]
    assert_refused(cloudformation.create_stack, StackName="s", TemplateBody=template, Parameters=parameters)
    assert_nothing_is_made(aws)


def test_an_included_snippet_is_checked(aws, cloudformation):
    put_template(aws, json.dumps({"Repo": REPOSITORY}), "snippet")
    include = {"Name": "AWS::Include", "Parameters": {"Location": "s3://templates/snippet"}}
    template = json.dumps({"Resources": {"Fn::Transform": include}})
    assert_refused(cloudformation.create_stack, StackName="s", TemplateBody=template)


def test_a_template_that_nests_itself_comes_to_an_end(aws, cloudformation):
    url = put_template(aws, of(nested("https://templates.s3.amazonaws.com/template"), REPOSITORY))
    assert_refused(cloudformation.create_stack, StackName="s", TemplateURL=url)


def test_stacks_without_resources_of_ecr_are_created(aws, cloudformation):
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "t", "Tags": [{"Type": "AWS::ECR::Repository"}]}}
    url = put_template(aws, of(topic))
    parameters = {"Type": {"Type": "String", "Default": "AWS::ECR::Repository"}}
    template = of(QUEUE, nested(url), Description="does not make AWS::ECR::Repository", Parameters=parameters)
    cloudformation.create_stack(StackName="s", TemplateBody=template)
    assert len(cloudformation.describe_stacks()["Stacks"]) == 2
    assert len(aws("sns").list_topics()["Topics"]) == 1


def test_mock_aws_still_creates_repositories_by_cloudformation(aws, cloudformation):
    import boto3

    assert_refused(cloudformation.create_stack, StackName="s", TemplateBody=WITH_REPOSITORY)
    with mock_aws():
        boto3.client("cloudformation", "us-east-1").create_stack(StackName="s", TemplateBody=WITH_REPOSITORY)
        assert boto3.client("ecr", "us-east-1").describe_repositories()["repositories"]
    assert_nothing_is_made(aws)
