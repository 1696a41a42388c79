"""The table of services that know of ECR: each row is as the page says, after a restart and without extras."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
from tests.support.images import an_image, put_image

ACCOUNT = "123456789012"
PAGE = Path(__file__).parents[2] / "docs" / "other-services.md"
REPOSITORY = "AWS::ECR::Repository"
URI = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/team/app:v1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/run"
TEMPLATE = json.dumps({"Resources": {"App": {"Type": "AWS::ECR::Repository"}}})
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def rows():
    table = PAGE.read_text(encoding="utf-8").partition("## Services that know of ECR\n")[2].partition("\n\n## ")[0]
    cells = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")][2:]
    return {re.search(r"\(`([a-z]+)`\)", row[0])[1]: (row[2], row[3]) for row in cells}


def create_all(client):
    """Create something in each service of the table."""
    client("ecr").create_repository(repositoryName="team/app", tags=[{"Key": "team", "Value": "a"}])
    put_image(client("ecr"), "team/app", an_image(), "v1")
    client("secretsmanager").create_secret(Name="kept", SecretString="one")
    client("iam").create_role(RoleName="run", AssumeRolePolicyDocument=TRUST)
    client("kms").create_key()
    client("signer").put_signing_profile(profileName="kept", platformId="Notation-OCI-SHA384-ECDSA")
    client("events").put_rule(Name="kept", EventPattern='{"source": ["aws.ecr"]}')
    client("lambda").create_function(FunctionName="kept", Role=ROLE, PackageType="Image", Code={"ImageUri": URI})
    client("cloudformation").create_stack(StackName="kept", TemplateBody=TEMPLATE)


FOUND = {
    "secretsmanager": lambda client: client.list_secrets()["SecretList"],
    "iam": lambda client: [role for role in client.list_roles()["Roles"] if role["RoleName"] == "run"],
    "signer": lambda client: client.list_signing_profiles()["profiles"],
    "kms": lambda client: client.list_keys()["Keys"],
    "events": lambda client: client.list_rules()["Rules"],
    "lambda": lambda client: client.list_functions()["Functions"],
    "cloudformation": lambda client: client.list_stacks()["StackSummaries"],
    "config": lambda client: client.list_discovered_resources(resourceType=REPOSITORY)["resourceIdentifiers"],
    "resourcegroupstaggingapi": lambda client: client.get_resources()["ResourceTagMappingList"],
}
"""Functions that list what was created, by service. The sessions of STS are looked up by their keys."""


def test_what_is_kept_over_a_restart_is_as_the_page_says(tmp_path):
    def client(service, **keys):
        return client_of(emulator, service, account=ACCOUNT, **keys)

    with Emulator(Settings(data_dir=tmp_path, account=ACCOUNT)) as emulator:
        create_all(client)
        issued = client("sts").assume_role(RoleArn=ROLE, RoleSessionName="kept")["Credentials"]
        assert all(find(client(service)) for service, find in FOUND.items())
    with Emulator(Settings(data_dir=tmp_path, account=ACCOUNT)) as emulator:
        kept = {service for service, find in FOUND.items() if find(client(service))}
        if emulator.services.access is None and emulator._parts.identities.find_key(issued["AccessKeyId"]):
            kept.add("sts")
    assert kept == {service for service, (_, after) in rows().items() if after.startswith("kept")}


@pytest.mark.slow  # a process of its own, which imports everything
def test_services_without_an_extra_need_none():
    code = """
import sys
for module in ("antlr4", "aws_xray_sdk", "cfnlint", "docker", "graphql", "joserfc", "jsonpath_ng",
               "openapi_spec_validator", "py_partiql_parser", "pyparsing"):
    sys.modules[module] = None
from tests.companions import test_companions_other_services as tests
from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
with Emulator(Settings(account=tests.ACCOUNT)) as emulator:
    def client(service):
        return tests.client_of(emulator, service, account=tests.ACCOUNT)
    try:
        tests.create_all(client)
    except tests.ClientError as refused:
        print(refused.operation_name, refused)
    for service, find in tests.FOUND.items():
        if service != "cloudformation":
            assert find(client(service)), service
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("CreateStack ")
    assert "ecr-emulator[cloudformation]" in done.stdout
    assert {service for service, (extra, _) in rows().items() if not extra.startswith("none")} == {"cloudformation"}


# --- Services that do not know of ECR --------------------------------------------------------------------


@pytest.fixture
def client(emulator):
    return lambda service: client_of(emulator, service, account=ACCOUNT)


def refused(operation, **members):
    with pytest.raises(ClientError) as error:
        operation(**members)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_config_lists_repositories(emulator, client):
    for name in ("team/b", "team/a", "team/c"):
        client("ecr").create_repository(repositoryName=name)
    config = client("config")

    def listed(**filters):
        pages = config.get_paginator("list_discovered_resources").paginate(
            resourceType="AWS::ECR::Repository", **filters
        )
        return [[each["resourceId"] for each in page["resourceIdentifiers"]] for page in pages]

    assert listed() == [["team/a", "team/b", "team/c"]]
    assert listed(limit=2) == [["team/a", "team/b"], ["team/c"]]
    assert listed(limit=3) == [["team/a", "team/b", "team/c"]]
    assert listed(resourceIds=["team/c", "team/none"]) == [["team/c"]]
    assert listed(resourceName="team/b") == [["team/b"]]
    elsewhere = client_of(emulator, "config", account=ACCOUNT, region="eu-west-1")
    assert elsewhere.list_discovered_resources(resourceType="AWS::ECR::Repository")["resourceIdentifiers"] == []


def test_config_says_that_it_has_no_configuration_of_ecr(client):
    client("ecr").create_repository(repositoryName="team/app")
    config = client("config")
    kind, key = "AWS::ECR::Repository", {"resourceType": "AWS::ECR::Repository", "resourceId": "team/app"}
    for operation, members in (
        (config.list_discovered_resources, {"resourceType": "AWS::ECR::RegistryPolicy"}),
        (config.get_resource_config_history, key),
        (config.batch_get_resource_config, {"resourceKeys": [key]}),
        (config.select_resource_config, {"Expression": f"SELECT resourceId WHERE resourceType = '{kind}'"}),
    ):
        code, sentence = refused(operation, **members)
        assert code == "NotImplemented"
        assert "has no configuration of ECR's resources" in sentence
    assert config.list_discovered_resources(resourceType="AWS::S3::Bucket")["resourceIdentifiers"] == []


def test_inspector_says_that_it_does_not_know_findings(client):
    code, sentence = refused(client("inspector2").list_findings)
    assert code == "NotImplemented"
    assert "DescribeImageScanFindings" in sentence


@pytest.mark.parametrize(
    ("service", "operation", "members"),
    [
        ("cloudcontrol", "list_resources", {"TypeName": "AWS::ECR::Repository"}),
        ("accessanalyzer", "list_analyzers", {}),
        ("ecr-public", "describe_repositories", {}),
        ("cloudtrail", "lookup_events", {}),
    ],
)
def test_services_and_operations_that_moto_lacks_are_refused(client, service, operation, members):
    assert refused(getattr(client(service), operation), **members)[0] == "NotImplemented"
