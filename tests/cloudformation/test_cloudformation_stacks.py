"""Stacks beside each other: accounts and Regions, nested stacks, exports, stack sets, and protection."""

import pytest

from tests.support.stacks import Stacks, refusal, repository, template

NAMED = template({"Repo": repository(RepositoryName="app")})


def put_template(aws, body, key="child"):
    """Put a template into a bucket, and return its URL."""
    bucket = f"templates-{aws.account}-{aws.region}"
    here = {"LocationConstraint": aws.region}
    aws.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=here)
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body.encode())
    return f"https://{bucket}.s3.amazonaws.com/{key}"


def nested(url, **parameters):
    return {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url, "Parameters": parameters}}


def test_accounts_and_regions_have_their_own_stacks(emulator, account):
    there = Stacks(emulator, account.account, "eu-west-1")
    others = Stacks(emulator, str(int(account.account) + 500))
    for each in (account, there, others):
        each.create("s", NAMED)
        assert each.repositories() == ["app"]
    uri = there.repository("app")["repositoryArn"]
    assert uri == f"arn:aws:ecr:eu-west-1:{account.account}:repository/app"
    account.delete("s")
    assert account.repositories() == []
    assert there.repositories() == others.repositories() == ["app"]


def test_a_stack_that_exists_is_refused(aws):
    aws.create("s", NAMED)
    with pytest.raises(aws.cloudformation.exceptions.AlreadyExistsException):
        aws.cloudformation.create_stack(StackName="s", TemplateBody=NAMED)


def test_a_template_in_a_bucket(aws):
    aws.cloudformation.create_stack(StackName="s", TemplateURL=put_template(aws, NAMED))
    aws.wait("stack_create_complete", "s")
    assert aws.repositories() == ["app"]


def test_a_nested_stack_has_parameters_and_outputs(aws):
    child = template(
        {"Repo": repository(RepositoryName={"Ref": "Name"})},
        Parameters={"Name": {"Type": "String"}},
        Outputs={"Arn": {"Value": {"Fn::GetAtt": ["Repo", "Arn"]}}},
    )
    url = put_template(aws, child)
    outputs = {"Arn": {"Value": {"Fn::GetAtt": ["Child", "Outputs.Arn"]}}}
    aws.create("s", template({"Child": nested(url, Name="app")}, Outputs=outputs))
    assert aws.outputs("s")["Arn"] == aws.repository("app")["repositoryArn"]
    child_id = aws.physical_id("s", "Child")
    assert aws.stack(child_id)["ParentId"] == aws.stack("s")["StackId"]
    aws.update("s", template({"Child": nested(url, Name="other")}, Outputs=outputs))
    assert aws.repositories() == ["other"]
    assert aws.physical_id("s", "Child") == child_id
    aws.delete("s")
    assert aws.repositories() == []
    assert aws.cloudformation.describe_stacks()["Stacks"] == []


def test_a_nested_stack_that_fails_takes_its_parent_with_it(aws):
    aws.ecr.create_repository(repositoryName="app")
    reason = aws.fail_to_create("s", template({"Repo": repository(), "Child": nested(put_template(aws, NAMED))}))
    assert reason.startswith("Embedded stack arn:aws:cloudformation:")
    assert "was not successfully created" in reason
    assert aws.stack("s")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert aws.repositories() == ["app"]


def test_an_unknown_type_in_a_nested_stack_fails_the_parent(aws):
    url = put_template(aws, template({"R": {"Type": "AWS::Foo::Bar"}}))
    assert "Unrecognized resource types: [AWS::Foo::Bar]" in aws.fail_to_create("s", template({"Child": nested(url)}))


def test_exports_are_imported_and_protected(aws):
    outputs = {"Name": {"Value": {"Ref": "Repo"}, "Export": {"Name": {"Fn::Sub": "${AWS::StackName}-name"}}}}
    aws.create("first", template({"Repo": repository(RepositoryName="app")}, Outputs=outputs))
    name = {"Fn::Sub": ["${Name}/x", {"Name": {"Fn::ImportValue": "first-name"}}]}
    aws.create("second", template({"Repo": repository(RepositoryName=name)}))
    assert aws.repositories() == ["app", "app/x"]
    (export,) = aws.cloudformation.list_exports()["Exports"]
    assert (export["Name"], export["Value"]) == ("first-name", "app")
    assert aws.cloudformation.list_imports(ExportName="first-name")["Imports"] == ["second"]
    aws.cloudformation.delete_stack(StackName="first")
    assert aws.stack("first")["StackStatusReason"] == "Export first-name cannot be deleted as it is in use by second"
    aws.delete("second")
    aws.delete("first")
    assert aws.cloudformation.list_exports()["Exports"] == []


def test_an_export_that_exists_or_does_not_fails(aws):
    outputs = {"Name": {"Value": "x", "Export": {"Name": "name"}}}
    aws.create("first", template({"Repo": repository()}, Outputs=outputs))
    aws.cloudformation.create_stack(StackName="second", TemplateBody=template({"Repo": repository()}, Outputs=outputs))
    assert aws.stack("second")["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = aws.fail_to_create("third", template({"Repo": repository(RepositoryName={"Fn::ImportValue": "nothing"})}))
    assert reason == "No export named nothing found."


def test_a_protected_stack_is_not_deleted(aws):
    aws.create("s", NAMED, EnableTerminationProtection=True)
    sentence = refusal(aws.cloudformation.delete_stack, StackName="s")
    assert sentence == "Stack [s] cannot be deleted while TerminationProtection is enabled"
    aws.cloudformation.update_termination_protection(StackName="s", EnableTerminationProtection=False)
    aws.delete("s")


def test_a_deleted_stack_is_found_by_its_identifier(aws):
    stack_id = aws.create("s", NAMED)["StackId"]
    aws.delete("s")
    assert aws.stack(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert refusal(aws.cloudformation.describe_stacks, StackName="s") == "Stack with id s does not exist"
    summaries = aws.cloudformation.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    assert [each["StackId"] for each in summaries] == [stack_id]


def test_events_reach_topics(aws):
    topic = aws.client("sns").create_topic(Name="t")["TopicArn"]
    queue = aws.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    arn = f"arn:aws:sqs:{aws.region}:{aws.account}:q"
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    aws.create("s", NAMED, NotificationARNs=[topic])
    messages = aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert any("CREATE_COMPLETE" in each["Body"] and "AWS::ECR::Repository" in each["Body"] for each in messages)


def test_a_stack_set_makes_repositories_where_its_instances_are(emulator, account):
    regions = ["eu-west-1", "eu-west-2"]
    account.cloudformation.create_stack_set(StackSetName="set", TemplateBody=NAMED)
    account.cloudformation.create_stack_instances(StackSetName="set", Accounts=[account.account], Regions=regions)
    places = [Stacks(emulator, account.account, region) for region in regions]
    assert [each.repositories() for each in places] == [["app"], ["app"]]
    other = template({"Repo": repository(RepositoryName="other")})
    account.cloudformation.update_stack_set(StackSetName="set", TemplateBody=other)
    assert [each.repositories() for each in places] == [["other"], ["other"]]
    target = {"StackSetName": "set", "Accounts": [account.account], "Regions": regions}
    account.cloudformation.delete_stack_instances(**target, RetainStacks=False)
    assert [each.repositories() for each in places] == [[], []]


def test_a_service_managed_stack_set_makes_repositories_in_the_accounts_of_its_units(emulator, account):
    organizations = account.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="unit")["OrganizationalUnit"]["Id"]
    made = organizations.create_account(AccountName="member", Email="member@example.com")["CreateAccountStatus"]
    organizations.move_account(AccountId=made["AccountId"], SourceParentId=root, DestinationParentId=unit)
    create = {"StackSetName": "set", "TemplateBody": NAMED, "PermissionModel": "SERVICE_MANAGED"}
    account.cloudformation.create_stack_set(**create)
    targets = {"OrganizationalUnitIds": [unit]}
    account.cloudformation.create_stack_instances(StackSetName="set", DeploymentTargets=targets, Regions=["us-east-1"])
    assert Stacks(emulator, made["AccountId"]).repositories() == ["app"]
