"""Permissions in an emulator whose registry is open, and in an emulator that does not enforce IAM."""

from __future__ import annotations

from werkzeug.test import Client

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import Keys
from tests.support.docker import refusal
from tests.support.iam_principals import ACCOUNT, IamAccount, IamPrincipal, deny, enforcing, repository_policy, to
from tests.support.images import an_image, put_image

FOREIGN = "http://999988887777.dkr.ecr.us-east-1.localhost:4566"


def test_in_an_open_registry_a_client_without_a_token_is_root_of_the_emulators_account():
    with enforcing(registry_auth="open") as emulator:
        root, ann = IamAccount(emulator).root(), IamAccount(emulator).user()
        root.ecr.create_repository(repositoryName="team/app")
        put_image(root.ecr, "team/app", an_image(), "v1")
        anonymous = Client(emulator.wsgi)
        assert anonymous.get("/v2/team/app/manifests/v1").status_code == 200
        assert ann.send("GET", "/v2/team/app/manifests/v1").status_code == 403, "a token is still a token"
        assert refusal(anonymous.get("/v2/team/app/manifests/v1", base_url=FOREIGN))[:2] == (403, "DENIED")
        root.ecr.set_repository_policy(
            repositoryName="team/app", policyText=repository_policy(to("*", deny("BatchGetImage")))
        )
        assert anonymous.get("/v2/team/app/manifests/v1").status_code == 403


def test_without_enforcement_policies_are_stored_and_ignored():
    with Emulator(Settings(account=ACCOUNT)) as emulator:
        iam = IamAccount(emulator)
        root, ann = iam.root(), iam.user()
        root.ecr.create_repository(repositoryName="team/app")
        put_image(root.ecr, "team/app", an_image(), "v1")
        root.ecr.set_repository_policy(
            repositoryName="team/app", policyText=repository_policy(to("*", deny("BatchGetImage")))
        )
        assert ann.send("GET", "/v2/team/app/manifests/v1").status_code == 200
        stranger = IamPrincipal(emulator, "", Keys("AKIASTRANGER", "secret"))
        assert stranger.ecr.describe_repositories()["repositories"]
        emulator.reset()


def test_policies_of_aws_are_in_iam_whether_or_not_iam_is_enforced():
    arn = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
    with Emulator(Settings(account=ACCOUNT)) as emulator, enforcing() as another:
        for each in (emulator, another):
            assert IamAccount(each).client.get_policy(PolicyArn=arn)
