"""Templates: functions, parameters, conditions, YAML, and templates that are refused."""

import json
import sys

import pytest
from botocore.exceptions import ClientError

from ecr_emulator.companions.cloudformation.resources.schemas import schema_of
from tests.support.stacks import refusal, repository, template

YAML = """
AWSTemplateFormatVersion: 2010-09-09
Description: a repository
Parameters:
  Name: {Type: String, Default: app}
  Stage: {Type: String, AllowedValues: [test, prod]}
  Names: {Type: CommaDelimitedList, Default: "one, two"}
  Count: {Type: Number, Default: 3, MaxValue: 5}
Mappings:
  Stages:
    test: {mutability: MUTABLE}
    prod: {mutability: IMMUTABLE}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsTest: !Not [!Condition IsProd]
Resources:
  Repo:
    Type: AWS::ECR::Repository
    Properties:
      RepositoryName: !Sub "${Name}/${Stage}"
      ImageTagMutability: !FindInMap [Stages, !Ref Stage, mutability]
      ImageScanningConfiguration: !If [IsProd, {ScanOnPush: true}, !Ref AWS::NoValue]
      RepositoryPolicyText:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal: {AWS: !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
            Action: ecr:BatchGetImage
      Tags:
        - {Key: first, Value: !Select [0, !Ref Names]}
        - {Key: all, Value: !Join ["+", !Ref Names]}
        - {Key: count, Value: !Ref Count}
        - !If [IsTest, {Key: only-test, Value: "yes"}, !Ref AWS::NoValue]
  OnlyProd:
    Type: AWS::ECR::Repository
    Condition: IsProd
    Properties: {RepositoryName: !Sub ["${Base}-copy", {Base: !Ref Repo}]}
Outputs:
  Host: {Value: !Select [0, !Split ["/", !GetAtt Repo.RepositoryUri]]}
  Suffix: {Value: !Ref AWS::URLSuffix}
  Region: {Value: !Ref AWS::Region}
  Literal: {Value: !Sub "${!Name}"}
  Encoded: {Value: !Base64 abc}
  Copy: {Value: !Ref OnlyProd, Condition: IsProd}
"""


def parameters(**values):
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]


def test_functions_parameters_and_conditions_of_yaml(aws):
    aws.create("s", YAML, Parameters=parameters(Stage="test"))
    found = aws.repository("app/test")
    assert found["imageTagMutability"] == "MUTABLE"
    tags = aws.ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]
    assert {each["Key"]: each["Value"] for each in tags} == {
        "first": "one",
        "all": "one+two",
        "count": "3",
        "only-test": "yes",
    }
    statement = json.loads(aws.ecr.get_repository_policy(repositoryName="app/test")["policyText"])["Statement"][0]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{aws.account}:root"}
    assert aws.outputs("s") == {
        "Host": found["repositoryUri"].partition("/")[0],
        "Suffix": "amazonaws.com",
        "Region": aws.region,
        "Literal": "${Name}",
        "Encoded": "YWJj",
    }
    assert aws.stack("s")["Description"] == "a repository"
    assert aws.cloudformation.get_template(StackName="s")["TemplateBody"] == YAML


def test_a_condition_that_changes_adds_its_resources(aws):
    aws.create("s", YAML, Parameters=parameters(Stage="test", Name="a"))
    kept = [{"ParameterKey": "Name", "UsePreviousValue": True}]
    aws.cloudformation.update_stack(
        StackName="s", UsePreviousTemplate=True, Parameters=[*kept, *parameters(Stage="prod")]
    )
    assert aws.repositories() == ["a/prod", "a/prod-copy"]
    assert aws.outputs("s")["Copy"] == "a/prod-copy"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "Parameters: [Stage] must have values"),
        ({"Stage": "test", "Other": "x"}, "Parameters: [Other] do not exist in the template"),
        (
            {"Stage": "dev"},
            "Parameter Stage failed to satisfy constraint: must be one of AllowedValues: [test, prod]",
        ),
        ({"Stage": "test", "Count": "many"}, "Parameter Count failed to satisfy constraint: must be a number"),
        (
            {"Stage": "test", "Count": "9"},
            "Parameter Count failed to satisfy constraint: must be a number not greater than 5",
        ),
    ],
    ids=["missing", "unknown", "not-allowed", "no-number", "too-large"],
)
def test_parameters_are_checked(aws, given, sentence):
    arguments = {"StackName": "s", "TemplateBody": YAML, "Parameters": parameters(**given)}
    assert refusal(aws.cloudformation.create_stack, **arguments) == sentence


def test_a_parameter_of_ssm_and_dynamic_references(aws):
    aws.client("ssm").put_parameter(Name="/name", Value="from-ssm", Type="String")
    aws.client("secretsmanager").create_secret(Name="team", SecretString='{"tag": "secret"}')
    tags = [
        {"Key": "a", "Value": "{{resolve:ssm:/name}}"},
        {"Key": "b", "Value": "{{resolve:secretsmanager:team:SecretString:tag}}"},
    ]
    slot = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/name"}
    body = template({"Repo": repository(RepositoryName={"Ref": "Name"}, Tags=tags)}, Parameters={"Name": slot})
    aws.create("s", body)
    arn = aws.repository("from-ssm")["repositoryArn"]
    found = aws.ecr.list_tags_for_resource(resourceArn=arn)["tags"]
    assert {each["Key"]: each["Value"] for each in found} == {"a": "from-ssm", "b": "secret"}


UNKNOWN = {"Repo": repository(), "R": {"Type": "AWS::Neptune::Unheard"}, "S": {"Type": "AWS::Foo::Bar"}}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            template(UNKNOWN),
            "Template format error: Unrecognized resource types: [AWS::Foo::Bar, AWS::Neptune::Unheard]. "
            "This emulator creates resources of ECR and those that CloudFormation of moto knows.",
        ),
        ("{", "Template format error: JSON not well-formed. (line 1, column 2)"),
        ("Resources:\n  - [", "Template format error: YAML not well-formed. (line 2, column 6)"),
        ("just a text", "Template format error: unsupported structure."),
        (template({}), "Template format error: At least one Resources member must be defined."),
        (template({"Repo": repository()}, Foo=1), "Invalid template property or properties [Foo]"),
        (
            template({"Repo": {"Properties": {}}}),
            "Template format error: [/Resources/Repo] Every Resources object must contain a Type member.",
        ),
        (
            template({"Repo": repository(RepositoryName={"Ref": "Nobody"})}),
            "Template format error: Unresolved resource dependencies [Nobody] in the Resources block of the template",
        ),
        (
            template({"Repo": repository()}, Outputs={"O": {"Value": {"Ref": "Nobody"}}}),
            "Template format error: Unresolved resource dependencies [Nobody] in the Outputs block of the template",
        ),
        (
            template({"Repo": repository(RepositoryName={"Fn::GetAtt": ["Nobody", "Arn"]})}),
            "Template error: instance of Fn::GetAtt references undefined resource Nobody",
        ),
        (
            template({"Repo": repository()}, Outputs={"O": {"Value": {"Fn::GetAtt": ["Repo", "Nothing"]}}}),
            "Template error: resource Repository does not support attribute type Nothing in Fn::GetAtt",
        ),
        (
            template({"A": {**repository(), "DependsOn": "B"}, "B": repository(RepositoryName={"Ref": "A"})}),
            "Circular dependency between resources: [A, B]",
        ),
        (
            template({"Repo": {**repository(), "Condition": "Nobody"}}),
            "Template format error: Unresolved condition dependency Nobody in the template",
        ),
        (template({"Repo": repository()}, Outputs=[]), "Template format error: [/Outputs] must be an object."),
        (
            template({"Repo": repository()}, Mappings={"M": {"a": 1}}),
            "Template format error: [/Mappings/M] must be an object.",
        ),
        (
            template({"Repo": repository()}, Rules={"R": {"Assertions": [{}]}}),
            "Template format error: [/Rules/R] must have Assertions, a list of objects with an Assert.",
        ),
        (
            template({"Repo": {**repository(), "DeletionPolicy": "Keep"}}),
            "Template format error: Unrecognized DeletionPolicy Keep for resource Repo",
        ),
        (
            template({"Repo": {**repository(), "DependsOn": [1]}}),
            "Template format error: [/Resources/Repo/DependsOn] must be a string or a list of strings.",
        ),
        (
            template({"Repo": repository(RepositoryName={"Fn::If": [["No"], "a", "b"]})}),
            "Template format error: Unresolved condition dependency ['No'] in the template",
        ),
        (
            template({"Repo": repository()}, Transform="AWS::Serverless-2016-10-31"),
            "This emulator does not process the transform AWS::Serverless-2016-10-31: process it before.",
        ),
    ],
    ids=lambda value: None,
)
def test_a_template_that_is_not_valid_is_refused_whole(aws, body, sentence):
    assert refusal(aws.cloudformation.create_stack, StackName="s", TemplateBody=body) == sentence
    arguments = {"StackName": "t", "ChangeSetName": "c", "ChangeSetType": "CREATE", "TemplateBody": body}
    assert refusal(aws.cloudformation.create_change_set, **arguments) == sentence
    assert aws.cloudformation.describe_stacks()["Stacks"] == []
    assert aws.repositories() == []


def test_an_unknown_type_whose_condition_is_false_is_not_refused(aws):
    resources = {"Repo": repository(RepositoryName="app"), "R": {"Type": "AWS::Foo::Bar", "Condition": "No"}}
    aws.create("s", template(resources, Conditions={"No": {"Fn::Equals": ["a", "b"]}}))
    assert aws.repositories() == ["app"]


def test_an_attribute_of_another_service_that_does_not_exist_fails_and_rolls_back(aws):
    outputs = {"O": {"Value": {"Fn::GetAtt": ["Queue", "Nothing"]}}}
    body = template({"Repo": repository(), "Queue": {"Type": "AWS::SQS::Queue"}}, Outputs=outputs)
    aws.cloudformation.create_stack(StackName="s", TemplateBody=body)
    assert aws.stack("s")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert aws.repositories() == []


def test_an_assertion_of_a_rule_is_checked(aws):
    assertion = {
        "Assert": {"Fn::Not": [{"Fn::Contains": [["1", "2"], {"Ref": "Version"}]}]},
        "AssertDescription": "version 3 is required",
    }
    sections = {"Parameters": {"Version": {"Type": "String"}}, "Rules": {"Recent": {"Assertions": [assertion]}}}
    body = template({"Repo": repository(RepositoryName="app")}, **sections)
    arguments = {"StackName": "s", "TemplateBody": body, "Parameters": parameters(Version="2")}
    sentence = "Template validation error: rule Recent failed: version 3 is required"
    assert refusal(aws.cloudformation.create_stack, **arguments) == sentence
    aws.create("s", body, Parameters=parameters(Version="3"))
    assert aws.repositories() == ["app"]


def test_without_cfn_lint_the_answer_names_the_extra(aws, monkeypatch):
    schema_of.cache_clear()
    monkeypatch.setitem(sys.modules, "cfnlint.schema.manager", None)
    with pytest.raises(ClientError) as refused:
        aws.cloudformation.create_stack(StackName="s", TemplateBody=template({"Repo": repository()}))
    assert "pip install 'ecr-emulator[cloudformation]'" in refused.value.response["Error"]["Message"]
    assert aws.cloudformation.describe_stacks()["Stacks"] == []


def test_a_valid_template_is_described(aws):
    found = aws.cloudformation.validate_template(TemplateBody=YAML)
    assert found["Description"] == "a repository"
    assert {each["ParameterKey"]: each.get("DefaultValue") for each in found["Parameters"]} == {
        "Name": "app",
        "Stage": None,
        "Names": "one, two",
        "Count": "3",
    }
    summary = aws.cloudformation.get_template_summary(TemplateBody=YAML)
    assert summary["ResourceTypes"] == ["AWS::ECR::Repository"]


def test_values_that_must_not_be_shown_are_hidden(aws):
    slot = {"Type": "String", "NoEcho": True}
    body = template({"Repo": repository()}, Parameters={"Secret": slot})
    aws.create("s", body, Parameters=parameters(Secret="hidden"))
    assert aws.stack("s")["Parameters"] == [{"ParameterKey": "Secret", "ParameterValue": "****"}]
