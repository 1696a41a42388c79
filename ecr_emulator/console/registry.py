"""The settings of a registry: its policy with the question who may do what, its scans and its replication."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from ecr_emulator.console.access_question import asked_question
from ecr_emulator.console.forms import say_done
from ecr_emulator.console.pages import ConsoleRequest, FormRefused, Section, form, page
from ecr_emulator.domain.account_settings import REGISTRY_POLICY_SCOPE
from ecr_emulator.domain.policy_document import REGISTRY_POLICY
from ecr_emulator.ports.ecr_api import EcrCallFailed
from ecr_emulator.services.account_settings import account_setting
from ecr_emulator.services.replication import configuration_of
from ecr_emulator.services.scanning_configuration import scanning_configuration

SECTION = Section("Registry", "console.registry")
MOST_RULES = 10
"""Maximum number of replication rules that are shown, as many as ECR accepts."""


@page("/registry")
def registry(console: ConsoleRequest) -> ResponseReturnValue:
    """Show the settings."""
    return _shown(console)


def _shown(console: ConsoleRequest, typed: str | None = None, error: str | None = None) -> str:
    refusal = console.refusal("ecr:GetRegistryPolicy")
    with console.services.store.reading() as work:
        policy = work.registry_documents.find(console.registry, REGISTRY_POLICY) or ""
        scope = account_setting(work, console.registry, REGISTRY_POLICY_SCOPE)
        replication = configuration_of(work, console.registry)["rules"]
        scanning = scanning_configuration(work, console.registry)
    return console.render(
        "registry.html",
        refusal=refusal,
        refusal_of_settings=console.refusal("ecr:DescribeRegistry"),
        policy=policy if typed is None else typed,
        has_policy=bool(policy),
        scope=scope,
        replication=replication[:MOST_RULES],
        scan_type=scanning["scanType"],
        error=error,
        asked=None if refusal else asked_question(console, request.args.get("repository", "").strip()),
    )


@form("/registry/policy", back="console.registry")
def put_registry_policy(console: ConsoleRequest) -> ResponseReturnValue | None:
    """Set the policy. A policy that ECR refuses stays on the page, with the reason."""
    _check_is_own(console)
    text = request.form.get("policy", "")
    try:
        console.call("PutRegistryPolicy", {"policyText": text})
    except EcrCallFailed as refused:
        return _shown(console, text, refused.message), 400
    say_done("The policy of the registry was saved.")
    return None


@form("/registry/policy/delete", back="console.registry")
def delete_registry_policy(console: ConsoleRequest) -> None:
    """Delete the policy."""
    _check_is_own(console)
    console.call("DeleteRegistryPolicy", {})
    say_done("The policy of the registry was deleted.")


def _check_is_own(console: ConsoleRequest) -> None:
    """Raise ``FormRefused`` in the registry of another account: these calls always concern the caller's own."""
    if console.caller.registry != console.registry:
        raise FormRefused(f"Only account {console.registry.id} can change the policy of its registry.")
