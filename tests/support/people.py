"""People in IAM, and how they reach the emulator: with boto3 and as docker does."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from werkzeug.test import Client, TestResponse

from ecr_emulator.emulator import Emulator
from tests.support.boto import LOOPBACK, Keys, client_of

ACCOUNT = "123456789012"
ACCEPT = "application/vnd.oci.image.manifest.v1+json"
EVERYBODY = {"AWS": "*"}


def policy(*statements: dict[str, Any]) -> str:
    """A policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def repository_policy(*statements: dict[str, Any]) -> str:
    """A policy of a repository: its statements name no resources, which ECR refuses there."""
    return policy(
        *({name: value for name, value in statement.items() if name != "Resource"} for statement in statements)
    )


def allow(*actions: str, on: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    """A statement that allows actions of ECR, or others by their full name."""
    return {"Effect": "Allow", "Action": [_full(action) for action in actions], "Resource": on, **more}


def deny(*actions: str, on: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    """A statement that denies actions."""
    return allow(*actions, on=on, **more) | {"Effect": "Deny"}


def to(principal: Any, statement: dict[str, Any]) -> dict[str, Any]:
    """A statement of a resource's policy; ``*`` is everybody, an ARN or account one principal of AWS."""
    return statement | {
        "Principal": principal if principal == "*" or isinstance(principal, dict) else {"AWS": principal}
    }


def _full(action: str) -> str:
    return action if ":" in action or action == "*" else f"ecr:{action}"


class Somebody:
    """A principal with its keys, as it uses ECR in one Region."""

    def __init__(self, emulator: Emulator, arn: str, keys: Keys, region: str = "us-east-1") -> None:
        self.emulator = emulator
        self.arn = arn
        self.keys = keys
        self.region = region
        self.ecr = self.client("ecr")
        self._http = Client(emulator.wsgi)

    def client(self, service: str) -> Any:
        """A boto3 client for another service."""
        return client_of(self.emulator, service, region=self.region, keys=self.keys)

    def log_in(self) -> str:
        """A token for docker, good for twelve hours."""
        return str(self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"])

    def send(self, method: str, path: str, token: str | None = None, **request: Any) -> TestResponse:
        """A request of docker's, with a token of this moment unless one is given."""
        headers = {"Authorization": f"Basic {token or self.log_in()}"} | request.pop("headers", {})
        return self._http.open(path, method=method, headers=headers, environ_base=LOOPBACK, **request)


class People:
    """Makes users, groups and roles in the IAM of one account."""

    def __init__(self, emulator: Emulator, account: str = ACCOUNT) -> None:
        self.emulator = emulator
        self.account = account
        self.iam = client_of(emulator, "iam", account=account)
        self._numbers = count()

    def root(self, region: str = "us-east-1") -> Somebody:
        """The account itself."""
        return Somebody(self.emulator, f"arn:aws:iam::{self.account}:root", Keys(self.account, "any"), region)

    def user(self, *statements: dict[str, Any], region: str = "us-east-1", name: str | None = None) -> Somebody:
        """A user that may log in and whatever the statements say."""
        name = name or f"user-{next(self._numbers)}"
        arn = self.iam.create_user(UserName=name)["User"]["Arn"]
        document = policy(allow("GetAuthorizationToken"), *statements)
        self.iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return Somebody(self.emulator, arn, Keys(key["AccessKeyId"], key["SecretAccessKey"]), region)

    def role(self, *statements: dict[str, Any], trusts: dict[str, str] = EVERYBODY, **more: Any) -> str:
        """A role that anybody may assume, or whom it trusts; returns its ARN."""
        name = f"role-{next(self._numbers)}"
        trust = policy({"Effect": "Allow", "Principal": trusts, "Action": "sts:AssumeRole"})
        arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **more)["Role"]["Arn"]
        document = policy(allow("GetAuthorizationToken"), *statements)
        self.iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document)
        return str(arn)

    def session(self, role_arn: str, name: str = "session", region: str = "us-east-1", **more: Any) -> Somebody:
        """Somebody who has assumed a role."""
        sts = client_of(self.emulator, "sts", account=self.account)
        assumed = sts.assume_role(RoleArn=role_arn, RoleSessionName=name, **more)
        given = assumed["Credentials"]
        keys = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        return Somebody(self.emulator, assumed["AssumedRoleUser"]["Arn"], keys, region)
