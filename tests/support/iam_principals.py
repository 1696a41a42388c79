"""Create principals in IAM, and send requests as they do: with boto3 and as docker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from werkzeug.test import Client, TestResponse

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import LOOPBACK, Keys, client_of

ACCOUNT = "123456789012"
ACCEPT = "application/vnd.oci.image.manifest.v1+json"
EVERYBODY = {"AWS": "*"}


@contextmanager
def enforcing(upstream_url: str = "http://127.0.0.1:9", **more: Any) -> Iterator[Emulator]:
    """Run an emulator that enforces IAM, with an upstream at a URL. ``more`` are settings."""
    settings = Settings(account=ACCOUNT, iam="enforce", upstream_map={"quay.io": upstream_url}, **more)
    with Emulator(settings) as emulator:
        yield emulator


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def repository_policy(*statements: dict[str, Any]) -> str:
    """Return a repository policy. Its statements name no resources: ECR refuses those there."""
    return policy(
        *({name: value for name, value in statement.items() if name != "Resource"} for statement in statements)
    )


def allow(*actions: str, on: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    """Return a statement that allows actions of ECR, or of other services by their full names."""
    return {"Effect": "Allow", "Action": [_full(action) for action in actions], "Resource": on, **more}


def deny(*actions: str, on: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    """Return a statement that denies actions."""
    return allow(*actions, on=on, **more) | {"Effect": "Deny"}


def to(principal: Any, statement: dict[str, Any]) -> dict[str, Any]:
    """Return a statement of a resource-based policy. ``principal`` is ``*``, an ARN, an account or an element."""
    return statement | {
        "Principal": principal if principal == "*" or isinstance(principal, dict) else {"AWS": principal}
    }


def _full(action: str) -> str:
    return action if ":" in action or action == "*" else f"ecr:{action}"


class IamPrincipal:
    """A principal with its access keys, for requests to ECR in one Region."""

    def __init__(self, emulator: Emulator, arn: str, keys: Keys, region: str = "us-east-1") -> None:
        self.emulator = emulator
        self.arn = arn
        self.keys = keys
        self.region = region
        self.ecr = self.client("ecr")
        self._http = Client(emulator.wsgi)

    def client(self, service: str) -> Any:
        """Return a boto3 client for a service."""
        return client_of(self.emulator, service, region=self.region, keys=self.keys)

    def log_in(self) -> str:
        """Return a token for docker, which is valid for 12 hours."""
        return str(self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"])

    def send(self, method: str, path: str, token: str | None = None, **request: Any) -> TestResponse:
        """Send a request of docker's, with a new token unless one is given."""
        headers = {"Authorization": f"Basic {token or self.log_in()}"} | request.pop("headers", {})
        return self._http.open(path, method=method, headers=headers, environ_base=LOOPBACK, **request)


class IamAccount:
    """The IAM of one account, where users and roles are created."""

    def __init__(self, emulator: Emulator, account: str = ACCOUNT) -> None:
        self.emulator = emulator
        self.account = account
        self.client = client_of(emulator, "iam", account=account)
        self._numbers = count()

    def root(self, region: str = "us-east-1") -> IamPrincipal:
        """Return the root user."""
        return IamPrincipal(self.emulator, f"arn:aws:iam::{self.account}:root", Keys(self.account, "any"), region)

    def user(self, *statements: dict[str, Any], region: str = "us-east-1", name: str | None = None) -> IamPrincipal:
        """Create a user that may log in and do what the statements allow."""
        name = name or f"user-{next(self._numbers)}"
        arn = self.client.create_user(UserName=name)["User"]["Arn"]
        document = policy(allow("GetAuthorizationToken"), *statements)
        self.client.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        key = self.client.create_access_key(UserName=name)["AccessKey"]
        return IamPrincipal(self.emulator, arn, Keys(key["AccessKeyId"], key["SecretAccessKey"]), region)

    def role(self, *statements: dict[str, Any], trusts: dict[str, str] = EVERYBODY, **more: Any) -> str:
        """Create a role that everybody may assume unless ``trusts`` says otherwise, and return its ARN."""
        name = f"role-{next(self._numbers)}"
        trust = policy({"Effect": "Allow", "Principal": trusts, "Action": "sts:AssumeRole"})
        arn = self.client.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **more)["Role"]["Arn"]
        document = policy(allow("GetAuthorizationToken"), *statements)
        self.client.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document)
        return str(arn)

    def session(self, role_arn: str, name: str = "session", region: str = "us-east-1", **more: Any) -> IamPrincipal:
        """Assume a role, and return its session."""
        sts = client_of(self.emulator, "sts", account=self.account)
        assumed = sts.assume_role(RoleArn=role_arn, RoleSessionName=name, **more)
        return IamPrincipal(self.emulator, assumed["AssumedRoleUser"]["Arn"], keys_of(assumed), region)

    def session_token(self, user: IamPrincipal, **more: Any) -> IamPrincipal:
        """Return a user, or a root, with the keys of a session token."""
        return IamPrincipal(self.emulator, user.arn, keys_of(user.client("sts").get_session_token(**more)))

    def federated(self, user: IamPrincipal, name: str = "carol", **more: Any) -> IamPrincipal:
        """Return a federated user with the keys that a user, or a root, requests for it."""
        issued = user.client("sts").get_federation_token(Name=name, **more)
        return IamPrincipal(self.emulator, issued["FederatedUser"]["Arn"], keys_of(issued))


def keys_of(issued: dict[str, Any]) -> Keys:
    """Return the keys in an answer of STS."""
    given = issued["Credentials"]
    return Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
