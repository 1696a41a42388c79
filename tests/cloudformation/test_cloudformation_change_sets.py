"""Change sets: what they show, what their execution does, and the import of resources that exist."""

import pytest

from tests.support.stacks import refusal, repository, template

RETAINED = {"DeletionPolicy": "Retain"}


def propose(aws, body, kind="CREATE", name="c", stack="s", **arguments):
    """Create a change set, and return its description."""
    arguments = {"TemplateBody": body, **arguments} if body else arguments
    aws.cloudformation.create_change_set(StackName=stack, ChangeSetName=name, ChangeSetType=kind, **arguments)
    return aws.cloudformation.describe_change_set(StackName=stack, ChangeSetName=name)


def execute(aws, name="c", stack="s", **arguments):
    aws.cloudformation.execute_change_set(StackName=stack, ChangeSetName=name, **arguments)


def shown(change_set):
    """Return action, resource and replacement of the changes."""
    changes = [each["ResourceChange"] for each in change_set["Changes"]]
    return [(each["Action"], each["LogicalResourceId"], each.get("Replacement")) for each in changes]


def test_a_change_set_creates_a_stack_when_it_is_executed(aws):
    found = propose(aws, template({"Repo": repository(RepositoryName="app")}))
    assert (found["Status"], found["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert shown(found) == [("Add", "Repo", None)]
    assert aws.stack("s")["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert aws.repositories() == []
    execute(aws)
    aws.wait("stack_create_complete", "s")
    assert aws.repositories() == ["app"]
    with pytest.raises(aws.cloudformation.exceptions.InvalidChangeSetStatusException, match="EXECUTE_COMPLETE"):
        execute(aws)


def test_a_change_set_shows_how_resources_change(aws):
    before = {
        "Changed": repository(RepositoryName="changed"),
        "Replaced": repository(RepositoryName="replaced"),
        "Removed": repository(RepositoryName="removed"),
        "Same": repository(RepositoryName="same"),
    }
    aws.create("s", template(before))
    after = {
        "Changed": repository(RepositoryName="changed", ImageTagMutability="IMMUTABLE"),
        "Replaced": repository(RepositoryName="replacement"),
        "Same": before["Same"],
        "Added": repository(RepositoryName="added"),
        "Dependent": repository(RepositoryName={"Fn::Sub": "${Added}/x"}),
    }
    found = propose(aws, template(after), "UPDATE")
    assert sorted(shown(found)) == [
        ("Add", "Added", None),
        ("Add", "Dependent", None),
        ("Modify", "Changed", "False"),
        ("Modify", "Replaced", "True"),
        ("Remove", "Removed", None),
    ]
    assert aws.repositories() == ["changed", "removed", "replaced", "same"]
    execute(aws)
    aws.wait("stack_update_complete", "s")
    assert aws.repositories() == ["added", "added/x", "changed", "replacement", "same"]


def test_a_resource_that_refers_to_a_replaced_one_changes_perhaps(aws):
    dependent = repository(RepositoryName={"Fn::Sub": "${Repo}/x"})
    aws.create("s", template({"Repo": repository(RepositoryName="one"), "Dependent": dependent}))
    found = propose(aws, template({"Repo": repository(RepositoryName="two"), "Dependent": dependent}), "UPDATE")
    assert shown(found) == [("Modify", "Repo", "True"), ("Modify", "Dependent", "Conditional")]


def test_a_change_set_without_changes_fails(aws):
    body = template({"Repo": repository(RepositoryName="app")})
    aws.create("s", body)
    found = propose(aws, body, "UPDATE")
    assert (found["Status"], found["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert found["StatusReason"].startswith("The submitted information didn't contain changes.")


def test_a_failed_execution_rolls_back(aws):
    aws.ecr.create_repository(repositoryName="taken")
    propose(aws, template({"Repo": repository(), "Taken": repository(RepositoryName="taken")}))
    execute(aws)
    assert aws.stack("s")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert aws.repositories() == ["taken"]


def test_change_sets_belong_to_their_stacks(aws):
    body = template({"Repo": repository()})
    propose(aws, body, stack="one")
    propose(aws, body, stack="two")
    propose(aws, body, stack="two", name="d")
    summaries = aws.cloudformation.list_change_sets(StackName="two")["Summaries"]
    assert [each["ChangeSetName"] for each in summaries] == ["c", "d"]
    aws.cloudformation.delete_change_set(StackName="two", ChangeSetName="c")
    assert len(aws.cloudformation.list_change_sets(StackName="one")["Summaries"]) == 1
    execute(aws, "d", "two")
    aws.delete("two")
    aws.delete("one")


def test_a_change_set_that_does_not_exist_is_no_obstacle_to_its_deletion(aws):
    aws.create("s", template({"Repo": repository()}))
    aws.cloudformation.delete_change_set(StackName="s", ChangeSetName="none")
    with pytest.raises(aws.cloudformation.exceptions.ChangeSetNotFoundException):
        aws.cloudformation.describe_change_set(StackName="s", ChangeSetName="none")


def test_a_change_set_that_creates_an_existing_stack_is_refused(aws):
    body = template({"Repo": repository()})
    aws.create("s", body)
    arguments = {"StackName": "s", "ChangeSetName": "c", "ChangeSetType": "CREATE", "TemplateBody": body}
    sentence = "Stack [s] already exists and cannot be created again with the changeSet [c]."
    assert refusal(aws.cloudformation.create_change_set, **arguments) == sentence


def to_import(name="Repo", identifier="app"):
    kind = {"ResourceType": "AWS::ECR::Repository", "LogicalResourceId": name}
    return [{**kind, "ResourceIdentifier": {"RepositoryName": identifier}}]


def test_an_import_adopts_a_repository_without_changing_it(aws):
    aws.ecr.create_repository(repositoryName="app", imageTagMutability="IMMUTABLE")
    imported = {**repository(RepositoryName="app", ImageTagMutability="IMMUTABLE"), **RETAINED}
    outputs = {"Uri": {"Value": {"Fn::GetAtt": ["Repo", "RepositoryUri"]}}}
    body = template({"Repo": imported}, Outputs=outputs)
    before = aws.repository("app")
    found = propose(aws, body, "IMPORT", ResourcesToImport=to_import())
    assert shown(found) == [("Import", "Repo", None)]
    execute(aws)
    aws.wait("stack_import_complete", "s")
    assert aws.repository("app") == before
    assert aws.outputs("s") == {"Uri": before["repositoryUri"]}
    assert aws.physical_id("s", "Repo") == "app"
    assert propose(aws, body, "UPDATE", name="again")["Status"] == "FAILED"
    changed = {**imported, "Properties": {"RepositoryName": "app", "ImageTagMutability": "MUTABLE"}}
    aws.update("s", template({"Repo": changed}))
    assert aws.repository("app")["imageTagMutability"] == "MUTABLE"
    assert aws.repository("app")["createdAt"] == before["createdAt"]


def test_an_import_of_a_repository_that_does_not_exist_rolls_back(aws):
    body = template({"Repo": {**repository(RepositoryName="app"), **RETAINED}})
    propose(aws, body, "IMPORT", ResourcesToImport=to_import())
    execute(aws)
    assert aws.stack("s")["StackStatus"] == "IMPORT_ROLLBACK_COMPLETE"
    assert "Resource of type 'AWS::ECR::Repository' with identifier 'app' was not found." in aws.reason("s")


@pytest.mark.parametrize(
    ("resources", "sentence"),
    [
        ({"Repo": repository(RepositoryName="app")}, "Resources [Repo] are missing DeletionPolicy attribute"),
        ({"Other": repository(RepositoryName="app")}, "Resources [Repo] to import do not exist in the template"),
        ({"Repo": {"Type": "AWS::SQS::Queue", **RETAINED}}, "This emulator imports resources of ECR only"),
    ],
    ids=["deletion-policy", "template", "type"],
)
def test_resources_that_cannot_be_imported_are_refused(aws, resources, sentence):
    arguments = {"StackName": "s", "ChangeSetName": "c", "ChangeSetType": "IMPORT"}
    call = aws.cloudformation.create_change_set
    found = refusal(call, TemplateBody=template(resources), ResourcesToImport=to_import(), **arguments)
    assert found.startswith(sentence)
