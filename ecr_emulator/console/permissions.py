"""The permissions of a repository: its policy, and the question who may do what."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from ecr_emulator.console.access_question import asked_question
from ecr_emulator.console.forms import say_done
from ecr_emulator.console.pages import ConsoleRequest, form, page
from ecr_emulator.console.tabs import TABS
from ecr_emulator.ports.ecr_api import EcrCallFailed

EXAMPLE = """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "AllowPull",
      "Effect": "Allow",
      "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
      "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    }
  ]
}"""
"""Shown where there is no policy yet."""


@page("/permissions/<path:name>")
def permissions(console: ConsoleRequest, name: str) -> ResponseReturnValue:
    """Show the policy and the question."""
    return _shown(console, name)


def _shown(console: ConsoleRequest, name: str, typed: str | None = None, error: str | None = None) -> str:
    console.require("ecr:GetRepositoryPolicy", name)
    with console.services.store.reading() as work:
        repository = work.repositories.get(console.registry, name)
    return console.render(
        "permissions.html",
        repository=repository,
        tabs=TABS,
        example=EXAMPLE,
        policy=repository.policy or "" if typed is None else typed,
        error=error,
        asked=asked_question(console, name),
    )


@form("/permissions/<path:name>/put", back="console.permissions")
def put_policy(console: ConsoleRequest, name: str) -> ResponseReturnValue | None:
    """Set the policy. A policy that ECR refuses stays on the page, with the reason."""
    text = request.form.get("policy", "")
    try:
        console.call("SetRepositoryPolicy", console.of_repository(name) | {"policyText": text})
    except EcrCallFailed as refused:
        return _shown(console, name, text, refused.message), 400
    say_done("The policy was saved.")
    return None


@form("/permissions/<path:name>/delete", back="console.permissions")
def delete_policy(console: ConsoleRequest, name: str) -> None:
    """Delete the policy."""
    console.call("DeleteRepositoryPolicy", console.of_repository(name))
    say_done("The policy was deleted.")
