"""The pages of a registry: their addresses, their forms, and what each of them gets.

The address of a page names the account and the Region of its registry. A page is rendered, and a form is performed,
with the permissions of the caller who has signed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from ecr_emulator.console.forms import check_form_token, form_token, say_failed
from ecr_emulator.console.parts import ConsoleParts
from ecr_emulator.console.sessions import current_parts
from ecr_emulator.console.sign_in import find_caller, needs_sign_in
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.names import Registry, is_account_id, is_region
from ecr_emulator.domain.task import Scope
from ecr_emulator.errors import AccessDeniedException, EcrError
from ecr_emulator.ports.ecr_api import EcrCallFailed, ForwardedAccess
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.request_context import request_context
from ecr_emulator.services import Services
from ecr_emulator.services.access import UNLIMITED, Permissions, RequiredAction
from ecr_emulator.services.background import SCANS

blueprint = Blueprint("console", __name__, url_prefix="/_ecr/console/<account>/<region>")
NAMES_OF_REGISTRIES = "An account has twelve digits, and a Region is like eu-west-1."


class Section(NamedTuple):
    """An entry of the navigation: its title, and the endpoint of its first page."""

    title: str
    endpoint: str


class FormRefused(Exception):
    """A form cannot be performed as it was sent. The message is for the user."""


@dataclass(frozen=True)
class ConsoleRequest:
    """A request for a page about a registry, by a caller who is known. ``permissions`` are those of the caller."""

    parts: ConsoleParts
    registry: Registry
    caller: Caller
    permissions: Permissions
    now: datetime

    @property
    def services(self) -> Services:
        """The services of both planes."""
        return self.parts.services

    @property
    def can_sign_out(self) -> bool:
        """Whether the browser has signed in."""
        return needs_sign_in(self.parts)

    @property
    def form_token(self) -> str:
        """The token of the forms on the page."""
        return form_token()

    @property
    def host(self) -> str:
        """The host, with its port, that the browser used."""
        return request.host

    @property
    def scheme(self) -> str:
        """The scheme that the browser used."""
        return request.scheme

    def uri_of(self, repository: str) -> str:
        """Return the URI of a repository, as the API gives it to this caller."""
        addresses = self.services.addresses
        return addresses.repository_uri(self.registry, repository, self.host, self.caller.registry)

    def of_repository(self, name: str) -> dict[str, str]:
        """Return the members of a call that name a repository."""
        return {"registryId": self.registry.id, "repositoryName": name}

    def require(self, action: str, repository: str | None = None) -> None:
        """Raise ``AccessDeniedException`` unless the caller may perform an action, on a repository or on any."""
        resource = "*" if repository is None else self.registry.arn(repository)
        self.permissions.require([RequiredAction(action, resource)])

    def refusal(self, action: str, repository: str | None = None) -> str | None:
        """Return the sentence with which ECR refuses an action to the caller; None if the caller may perform it."""
        try:
            self.require(action, repository)
        except AccessDeniedException as denied:
            return denied.message
        return None

    def call(self, operation: str, members: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer of ECR's API to a call of the caller. Raises ``EcrCallFailed``."""
        return self.parts.api.call(operation, members, ForwardedAccess(self.caller, None, request.environ))

    def render(self, template: str, **values: Any) -> str:
        """Return a page."""
        return render_template(template, console=self, **values)


View = Callable[..., ResponseReturnValue]
FormView = Callable[..., ResponseReturnValue | None]


def page(rule: str) -> Callable[[View], View]:
    """Register a page. Its view gets the request and the variable parts of its address."""

    def register(view: View) -> View:
        def answer(**path: str) -> ResponseReturnValue:
            return view(_console_request(), **path)

        blueprint.add_url_rule(rule, view.__name__, answer, methods=["GET"])
        return view

    return register


def form(rule: str, back: str) -> Callable[[FormView], FormView]:
    """Register what a form does. The view gets the request and the variable parts of its address.

    The browser then goes to the page ``back``, with the same variable parts, unless the view returns another answer. If
    the form cannot be performed, that page shows the reason.
    """

    def register(view: FormView) -> FormView:
        def answer(**path: Any) -> ResponseReturnValue:
            console = _console_request()
            check_form_token()
            done: ResponseReturnValue | None = None
            try:
                done = view(console, **path)
            except (EcrCallFailed, EcrError) as failed:
                say_failed(failed.message)
            except FormRefused as refused:
                say_failed(str(refused))
            return redirect(url_for(back, **path), 303) if done is None else done

        blueprint.add_url_rule(rule, view.__name__, answer, methods=["POST"])
        return view

    return register


@blueprint.url_value_preprocessor
def _read_registry(_: str | None, values: dict[str, Any] | None) -> None:
    """Take the registry out of the variable parts of an address, so that views get the others only."""
    account, region = (values or {}).pop("account"), (values or {}).pop("region")
    if not (is_account_id(account) and is_region(region)):
        raise NotFound(f"There is no registry {account[:80]} in {region[:80]}. {NAMES_OF_REGISTRIES}")
    g.registry = Registry(account, region)


@blueprint.url_defaults
def _name_registry(endpoint: str, values: dict[str, Any]) -> None:
    """Let pages link to other pages of the same registry without naming it."""
    if endpoint.startswith(f"{blueprint.name}.") and "registry" in g:
        values.setdefault("account", g.registry.id)
        values.setdefault("region", g.registry.region)


def _console_request() -> ConsoleRequest:
    parts, registry = current_parts(), g.registry
    caller = find_caller(registry)
    now = parts.services.due_work.complete(parts.clock.now(), Scope(registry, left_out=SCANS))
    permissions: Permissions = UNLIMITED
    if parts.services.access:
        permissions = parts.services.access.permissions(caller, registry, now, request_context(request.environ))
    return ConsoleRequest(parts, registry, caller, permissions, now)
