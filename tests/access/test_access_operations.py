"""Every operation of the API needs exactly its own action: it is denied without it, and succeeds with it alone."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

import pytest

from ecr_emulator.control.model import service_model
from ecr_emulator.control.required_actions import ACTIONS
from ecr_emulator.domain.access.policies import NamedPolicy, Policies
from ecr_emulator.domain.service_linked_roles import ROLES
from ecr_emulator.ports.identities import AccessKey
from tests.support.iam_principals import allow, policy, repository_policy, to
from tests.support.populated_registry import ACCOUNT, NAME, OTHER, REGION, RestorablePlane, populate, post

OPERATIONS = service_model().operation_names
UNDER_WAY = "StopReplicationBackfill"
ANN = f"arn:aws:iam::{ACCOUNT}:user/ann"
KEY = "AKIAANN"
REGISTRY_WIDE = {
    "BatchGetRepositoryScanningConfiguration": NAME,
    "CreateRepository": "fresh/app",
    "DescribeRepositories": "*",
    "StartLifecyclePolicyPreview": OTHER,
}
"""Resources of operations that need another resource than the usual repository."""


@pytest.fixture(scope="module")
def populated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("populated")
    return folder, populate(folder)


@pytest.fixture(scope="module")
def registries(populated, tmp_path_factory):
    """Yield a populated registry whose background work is done, and one whose background work is pending."""
    copies = tmp_path_factory.mktemp("registries")
    with ExitStack() as cleanup:
        yield {
            hours: RestorablePlane(
                populated[0], copies / str(hours), timedelta(hours=hours), cleanup, enforces_iam=True
            )
            for hours in (0, 1)
        }


class Ann:
    """A user who calls one operation with its valid request."""

    def __init__(self, registries, populated, operation):
        self.plane = registries[1 if operation == UNDER_WAY else 0].plane
        registries[1 if operation == UNDER_WAY else 0].restore()
        self.plane.identities.keys[KEY] = AccessKey(ACCOUNT, ANN, "secret")
        self.plane.roles.ensured[:] = [(ACCOUNT, service) for service in ROLES]
        self.operation = operation
        self.shape = service_model().operation_model(operation).input_shape
        self.request = populated[1].valid(self.shape)
        elsewhere = repository_policy(to("111122223333", allow("BatchGetImage")))
        assert post(self.plane, "SetRepositoryPolicy", {"repositoryName": NAME, "policyText": elsewhere})[0] == 200

    def may(self, *statements):
        policies = (NamedPolicy("own", policy(*statements)),) if statements else ()
        self.plane.identities.policies[ANN] = Policies(identity=policies)

    def call(self):
        return post(self.plane, self.operation, self.request, account=KEY)

    @property
    def action(self):
        return ACTIONS.get(self.operation, self.operation)

    @property
    def resource(self):
        names = {"repositoryName", "repositoryNames", "resourceArn"} & self.shape.members.keys()
        if not names:
            return "*"
        return f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{REGISTRY_WIDE.get(self.operation, NAME)}"


@pytest.fixture
def ann(registries, populated, operation):
    return Ann(registries, populated, operation)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_without_a_policy_is_denied_with_the_message_of_aws(ann):
    ann.may()
    status, content = ann.call()
    assert (status, content["__type"]) == (400, "AccessDeniedException")
    assert content["message"] == (
        f"User: {ANN} is not authorized to perform: ecr:{ann.action} on resource: {ann.resource} "
        f"because no identity-based policy allows the ecr:{ann.action} action"
    )


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_succeeds_if_its_action_is_allowed_on_its_resource(ann):
    ann.may(allow(ann.action, on=ann.resource))
    status, content = ann.call()
    assert status == 200, content


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_is_denied_if_every_other_action_is_allowed(ann):
    ann.may({"Effect": "Allow", "NotAction": f"ecr:{ann.action}", "Resource": "*"})
    assert ann.call()[1]["__type"] == "AccessDeniedException"


@pytest.mark.parametrize("operation", ["CreateRepository"])
def test_tags_on_a_new_repository_need_their_own_action(ann):
    ann.request["tags"] = [{"Key": "stage", "Value": "beta"}]
    ann.may(allow("CreateRepository"))
    assert "ecr:TagResource on resource" in ann.call()[1]["message"]
    ann.may(allow("CreateRepository", "TagResource"))
    assert ann.call()[0] == 200


ROLE = f"arn:aws:iam::{ACCOUNT}:role/puller"


@pytest.mark.parametrize(
    ("operation", "more", "service"),
    [
        (
            "CreatePullThroughCacheRule",
            {"upstreamRegistryUrl": "111122223333.dkr.ecr.us-east-1.amazonaws.com"},
            "pullthroughcache.ecr.amazonaws.com",
        ),
        ("CreateRepositoryCreationTemplate", {}, "ecr.amazonaws.com"),
        ("UpdateRepositoryCreationTemplate", {}, "ecr.amazonaws.com"),
    ],
)
def test_a_role_must_be_passed_to_the_service_that_acts_in_it(ann, more, service):
    ann.request |= {"customRoleArn": ROLE} | more
    ann.may(allow(ann.action))
    assert f"iam:PassRole on resource: {ROLE}" in ann.call()[1]["message"]
    passing = {"Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}}
    ann.may(allow(ann.action), allow("iam:PassRole", on=ROLE, **passing))
    assert "iam:PassRole" in ann.call()[1]["message"]
    passing = {"Condition": {"StringEquals": {"iam:PassedToService": service}}}
    ann.may(allow(ann.action), allow("iam:PassRole", on=ROLE, **passing))
    assert ann.call()[0] == 200


@pytest.mark.parametrize(
    ("operation", "more", "service"),
    [
        ("CreatePullThroughCacheRule", {}, "pullthroughcache.ecr.amazonaws.com"),
        ("CreateRepositoryCreationTemplate", {}, "ecr.amazonaws.com"),
        (
            "PutReplicationConfiguration",
            {
                "replicationConfiguration": {
                    "rules": [{"destinations": [{"region": "eu-west-1", "registryId": ACCOUNT}]}]
                }
            },
            "replication.ecr.amazonaws.com",
        ),
        ("PutRegistryScanningConfiguration", {"scanType": "ENHANCED"}, "inspector2.amazonaws.com"),
    ],
)
def test_an_operation_that_creates_a_service_linked_role_needs_permission_for_it(ann, more, service):
    ann.plane.roles.ensured.clear()
    ann.request |= more
    ann.may(allow(ann.action))
    arn = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{service}/{ROLES[service].name}"
    assert f"iam:CreateServiceLinkedRole on resource: {arn}" in ann.call()[1]["message"]
    condition = {"Condition": {"StringLike": {"iam:AWSServiceName": service}}}
    ann.may(allow(ann.action), allow("iam:CreateServiceLinkedRole", on=arn, **condition))
    assert ann.call()[0] == 200
