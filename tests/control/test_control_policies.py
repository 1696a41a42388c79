"""Policies of repositories and registries through boto3."""

from __future__ import annotations

import json

import pytest

from tests.support.refusals import refusal

ACCOUNT = "000000000000"
OTHER = "111122223333"
REPOSITORIES = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/*"

PUBLIC_PULL = {
    "Version": "2008-10-17",
    "Statement": [
        {
            "Sid": "allow public pull",
            "Effect": "Allow",
            "Principal": "*",
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        }
    ],
}
PRINTED = """{
  "Version" : "2008-10-17",
  "Statement" : [ {
    "Sid" : "allow public pull",
    "Effect" : "Allow",
    "Principal" : "*",
    "Action" : [ "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer" ]
  } ]
}"""
REPLICATION = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"AWS": OTHER},
        "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
        "Resource": REPOSITORIES,
    },
}
REPLICATION_PRINTED = f"""{{
  "Version" : "2012-10-17",
  "Statement" : [ {{
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "arn:aws:iam::{OTHER}:root"
    }},
    "Action" : [ "ecr:CreateRepository", "ecr:ReplicateImage" ],
    "Resource" : "{REPOSITORIES}"
  }} ]
}}"""
TERRAFORM = {
    "Statement": [
        {
            "Action": ["ecr:BatchGetImage"],
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": ["o-1"]}},
            "Effect": "Allow",
            "Principal": {"AWS": [OTHER]},
            "Sid": "",
        }
    ]
}
TERRAFORM_PRINTED = f"""{{
  "Version" : "2008-10-17",
  "Statement" : [ {{
    "Sid" : "",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "arn:aws:iam::{OTHER}:root"
    }},
    "Action" : "ecr:BatchGetImage",
    "Condition" : {{
      "StringEquals" : {{
        "aws:PrincipalOrgID" : "o-1"
      }}
    }}
  }} ]
}}"""


def denial(**elements):
    return {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "ecr:*"} | elements]}


def set_policy(ecr, policy, name="web", **more):
    return ecr.set_repository_policy(repositoryName=name, policyText=json.dumps(policy), **more)


def invalid(member, rule):
    return "InvalidParameterException", f"Invalid parameter at '{member}' failed to satisfy constraint: '{rule}'"


def no_repository(name="web", account=ACCOUNT):
    return (
        "RepositoryNotFoundException",
        f"The repository with name '{name}' does not exist in the registry with id '{account}'",
    )


def no_policy(account=ACCOUNT):
    return (
        "RepositoryPolicyNotFoundException",
        f"Repository policy does not exist for the repository with name 'web' in the registry with id '{account}'",
    )


def no_registry_policy(account=ACCOUNT):
    return (
        "RegistryPolicyNotFoundException",
        f"Registry policy does not exist in the registry with id '{account}'",
    )


def without_metadata(answer):
    """Return an answer without its HTTP metadata."""
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


@pytest.fixture
def web(ecr):
    ecr.create_repository(repositoryName="web")


@pytest.mark.usefixtures("web")
class TestRepositoryPolicy:
    def test_it_is_answered_as_ecr_prints_it(self, ecr):
        expected = {"registryId": ACCOUNT, "repositoryName": "web", "policyText": PRINTED}
        assert without_metadata(set_policy(ecr, PUBLIC_PULL)) == expected
        assert without_metadata(ecr.get_repository_policy(repositoryName="web")) == expected

    def test_it_is_replaced_by_another(self, ecr):
        set_policy(ecr, PUBLIC_PULL)
        other = set_policy(ecr, TERRAFORM)["policyText"]
        assert ecr.get_repository_policy(repositoryName="web")["policyText"] == other == TERRAFORM_PRINTED
        assert ecr.delete_repository_policy(repositoryName="web")["policyText"] == TERRAFORM_PRINTED

    @pytest.mark.parametrize("element", ["Resource", "NotResource"])
    def test_it_names_no_resource(self, ecr, element):
        set_policy(ecr, PUBLIC_PULL)
        text = json.dumps({"Statement": [PUBLIC_PULL["Statement"][0] | {element: "*"}]})
        assert refusal(ecr.set_repository_policy, repositoryName="web", policyText=text, force=True) == invalid(
            "PolicyText", "Invalid repository policy provided"
        )
        assert ecr.get_repository_policy(repositoryName="web")["policyText"] == PRINTED

    def test_its_deletion_answers_what_it_was(self, ecr):
        policy = without_metadata(set_policy(ecr, PUBLIC_PULL))
        assert without_metadata(ecr.delete_repository_policy(repositoryName="web", registryId=ACCOUNT)) == policy
        assert refusal(ecr.get_repository_policy, repositoryName="web") == no_policy()
        assert refusal(ecr.delete_repository_policy, repositoryName="web") == no_policy()

    def test_it_goes_with_its_repository(self, ecr):
        set_policy(ecr, PUBLIC_PULL)
        ecr.delete_repository(repositoryName="web")
        ecr.create_repository(repositoryName="web")
        assert refusal(ecr.get_repository_policy, repositoryName="web") == no_policy()

    def test_it_needs_a_repository(self, ecr):
        request = {"repositoryName": "shop"}
        assert refusal(ecr.get_repository_policy, **request) == no_repository("shop")
        assert refusal(ecr.delete_repository_policy, **request) == no_repository("shop")
        assert refusal(ecr.set_repository_policy, **request, policyText=json.dumps(PUBLIC_PULL)) == no_repository(
            "shop"
        )

    @pytest.mark.parametrize("text", ["", "no json", "[]", "{}", '{"Statement": []}', '"\ud800"', "[" * 5000])
    def test_a_bad_one_changes_nothing(self, ecr, text):
        set_policy(ecr, PUBLIC_PULL)
        assert refusal(ecr.set_repository_policy, repositoryName="web", policyText=text) == invalid(
            "PolicyText", "Invalid repository policy provided"
        )
        assert ecr.get_repository_policy(repositoryName="web")["policyText"] == PRINTED

    def test_it_may_be_of_10240_characters(self, ecr):
        text = json.dumps(PUBLIC_PULL).ljust(10_240)
        assert ecr.set_repository_policy(repositoryName="web", policyText=text)["policyText"] == PRINTED
        assert refusal(ecr.set_repository_policy, repositoryName="web", policyText=f"{text} ") == invalid(
            "policyText", "Member must have length less than or equal to 10240"
        )

    def test_it_must_be_given(self, ecr):
        assert refusal(ecr.set_repository_policy, repositoryName="web") == invalid(
            "policyText", "Member must not be null"
        )

    def test_one_that_locks_its_author_out_needs_force(self, ecr):
        locked = denial(Principal={"AWS": ACCOUNT}, Action=["ecr:Set*"])
        code, message = refusal(
            ecr.set_repository_policy, repositoryName="web", policyText=json.dumps(locked), force=False
        )
        assert code == "InvalidParameterException"
        assert "use force" in message
        assert refusal(ecr.get_repository_policy, repositoryName="web") == no_policy()
        set_policy(ecr, locked, force=True)
        assert f"arn:aws:iam::{ACCOUNT}:root" in ecr.get_repository_policy(repositoryName="web")["policyText"]

    def test_one_that_locks_others_out_needs_no_force(self, ecr):
        set_policy(ecr, denial(Principal={"AWS": OTHER}))
        set_policy(ecr, denial(Action="ecr:BatchGetImage"))

    def test_each_account_and_region_has_its_own(self, ecr, ecr_of):
        set_policy(ecr, PUBLIC_PULL)
        stranger, overseas = ecr_of(OTHER), ecr_of(region="eu-west-1")
        assert refusal(stranger.get_repository_policy, repositoryName="web") == no_repository(account=OTHER)
        stranger.create_repository(repositoryName="web")
        overseas.create_repository(repositoryName="web")
        assert refusal(stranger.get_repository_policy, repositoryName="web") == no_policy(OTHER)
        assert refusal(overseas.get_repository_policy, repositoryName="web") == no_policy()
        addressed = without_metadata(stranger.get_repository_policy(repositoryName="web", registryId=ACCOUNT))
        assert addressed == {"registryId": ACCOUNT, "repositoryName": "web", "policyText": PRINTED}

    def test_accounts_are_named_in_the_partition_of_the_region(self, ecr_of):
        ecr = ecr_of(region="cn-north-1")
        ecr.create_repository(repositoryName="web")
        policy = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": [OTHER]}, "Action": "ecr:*"}]}
        assert f'"AWS" : "arn:aws-cn:iam::{OTHER}:root"\n' in set_policy(ecr, policy)["policyText"]


class TestRegistryPolicy:
    def test_it_is_answered_as_ecr_prints_it(self, ecr):
        expected = {"registryId": ACCOUNT, "policyText": REPLICATION_PRINTED}
        assert without_metadata(ecr.put_registry_policy(policyText=json.dumps(REPLICATION))) == expected
        assert without_metadata(ecr.get_registry_policy()) == expected

    def test_it_is_replaced_by_another(self, ecr):
        ecr.put_registry_policy(policyText=json.dumps(REPLICATION))
        changed = REPLICATION_PRINTED.replace("ecr:ReplicateImage", "ecr:BatchImportUpstreamImage")
        ecr.put_registry_policy(policyText=changed)
        assert ecr.get_registry_policy()["policyText"] == changed

    def test_its_deletion_answers_what_it_was(self, ecr):
        policy = without_metadata(ecr.put_registry_policy(policyText=json.dumps(REPLICATION)))
        assert without_metadata(ecr.delete_registry_policy()) == policy
        assert refusal(ecr.get_registry_policy) == no_registry_policy()
        assert refusal(ecr.delete_registry_policy) == no_registry_policy()

    def test_it_outlives_repositories(self, ecr):
        ecr.put_registry_policy(policyText=json.dumps(REPLICATION))
        ecr.create_repository(repositoryName="web")
        ecr.delete_repository(repositoryName="web")
        assert ecr.get_registry_policy()["policyText"] == REPLICATION_PRINTED

    @pytest.mark.parametrize("text", ["", "no json", "{}", json.dumps(PUBLIC_PULL)])
    def test_a_bad_one_changes_nothing(self, ecr, text):
        ecr.put_registry_policy(policyText=json.dumps(REPLICATION))
        assert refusal(ecr.put_registry_policy, policyText=text) == invalid(
            "PolicyText", "Invalid registry policy provided"
        )
        assert ecr.get_registry_policy()["policyText"] == REPLICATION_PRINTED

    def test_it_may_be_of_10240_characters(self, ecr):
        text = json.dumps(REPLICATION).ljust(10_240)
        assert ecr.put_registry_policy(policyText=text)["policyText"] == REPLICATION_PRINTED
        assert refusal(ecr.put_registry_policy, policyText=f"{text} ") == invalid(
            "policyText", "Member must have length less than or equal to 10240"
        )

    def test_it_must_be_given(self, ecr):
        assert refusal(ecr.put_registry_policy) == invalid("policyText", "Member must not be null")

    def test_each_account_and_region_has_its_own(self, ecr, ecr_of):
        ecr.put_registry_policy(policyText=json.dumps(REPLICATION))
        assert refusal(ecr_of(OTHER).get_registry_policy) == no_registry_policy(OTHER)
        overseas = ecr_of(region="eu-west-1")
        assert refusal(overseas.delete_registry_policy) == no_registry_policy()
        overseas.put_registry_policy(policyText=REPLICATION_PRINTED.replace("us-east-1", "eu-west-1"))
        assert ecr.get_registry_policy()["policyText"] == REPLICATION_PRINTED
