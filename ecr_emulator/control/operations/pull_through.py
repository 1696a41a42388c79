"""Pull through cache rules."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from ecr_emulator.control.call import Call, operation
from ecr_emulator.control.operations.upstream_credentials import UpstreamCredential, failure_of
from ecr_emulator.control.pages import Page
from ecr_emulator.domain import service_linked_roles
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import (
    REGIONS_WITHOUT_PULL_THROUGH,
    ROOT,
    PullThroughRule,
    UpstreamKind,
    find_upstream_kind,
)
from ecr_emulator.errors import (
    InvalidParameterException,
    LimitExceededException,
    PullThroughCacheRuleNotFoundException,
    UnsupportedUpstreamRegistryException,
    ValidationException,
)
from ecr_emulator.ports import UnitOfWork

log = logging.getLogger(__name__)

MAX_RULES = 50
"""The most rules of a registry."""

_MISMATCH = (
    "Invalid input: Upstream registry URL and entered upstream registry do not match. "
    "Please verify input and try again."
)
_ITSELF = "Invalid input: Upstream registry URL cannot be the same as the cache registry."


@operation
def create_pull_through_cache_rule(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html"""
    _check_region(call)
    kind = _upstream_kind(call, request)
    credential = UpstreamCredential.read(request, call.registry)
    credential.check_given(kind, request["upstreamRegistryUrl"], call.registry)
    credential.check(call, kind)
    rule = PullThroughRule(
        registry=call.registry,
        prefix=_prefix(request["ecrRepositoryPrefix"]),
        url=request["upstreamRegistryUrl"],
        upstream=kind.name,
        created_at=call.now,
        updated_at=call.now,
        credential_arn=credential.secret_arn,
        custom_role_arn=credential.role_arn,
        upstream_prefix=_prefix(request.get("upstreamRepositoryPrefix", ROOT if kind.is_ecr else "")) or None,
    )
    with call.services.store.writing() as work:
        work.rules.add(rule)
        if len(work.rules.all(call.registry)) > MAX_RULES:
            raise LimitExceededException
    call.services.roles.ensure_service_linked_role(call.registry.id, service_linked_roles.PULL_THROUGH_CACHE)
    return _described(rule, "createdAt", "upstreamRegistryUrl", "upstreamRegistry")


@operation
def describe_pull_through_cache_rules(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribePullThroughCacheRules.html"""
    page = Page(call, request)
    with call.services.store.reading() as work:
        rules = work.rules.all(call.registry)
        if "ecrRepositoryPrefixes" in request:
            wanted = {_prefix(prefix): None for prefix in request["ecrRepositoryPrefixes"]}
            rules = sorted((_rule(work, call.registry, prefix) for prefix in wanted), key=lambda rule: rule.prefix)
    chosen, token = page.choose(rules, lambda rule: rule.prefix)
    members = ("createdAt", "updatedAt", "upstreamRegistryUrl", "upstreamRegistry")
    return {"pullThroughCacheRules": [_described(rule, *members) for rule in chosen], "nextToken": token}


@operation
def update_pull_through_cache_rule(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdatePullThroughCacheRule.html"""
    _check_region(call)
    prefix = _prefix(request["ecrRepositoryPrefix"])
    with call.services.store.reading() as work:
        kind = find_upstream_kind(_rule(work, call.registry, prefix).url, call.services.allowed_upstreams)
    credential = UpstreamCredential.read(request, call.registry)
    if credential == UpstreamCredential(None, None):
        raise ValidationException("Specify the credentialArn or the customRoleArn to update.")
    if kind:
        credential.check(call, kind)
    with call.services.store.writing() as work:
        rule = replace(
            _rule(work, call.registry, prefix),
            credential_arn=credential.secret_arn,
            custom_role_arn=credential.role_arn,
            updated_at=call.now,
        )
        work.rules.save(rule)
    return _described(rule, "updatedAt")


@operation
def delete_pull_through_cache_rule(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeletePullThroughCacheRule.html"""
    with call.services.store.writing() as work:
        rule = _rule(work, call.registry, _prefix(request["ecrRepositoryPrefix"]))
        work.rules.remove(rule)
    return _described(rule, "createdAt", "upstreamRegistryUrl")


@operation
def validate_pull_through_cache_rule(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ValidatePullThroughCacheRule.html"""
    _check_region(call)
    with call.services.store.reading() as work:
        rule = _rule(work, call.registry, _prefix(request["ecrRepositoryPrefix"]))
    failure = failure_of(call, rule)
    return _described(rule, "upstreamRegistryUrl") | {"isValid": failure is None, "failure": failure}


def _check_region(call: Call) -> None:
    if call.registry.region in REGIONS_WITHOUT_PULL_THROUGH:
        raise ValidationException("Pull through cache rules are not supported in this Region")


def _prefix(text: str) -> str:
    """A prefix as it is kept: the slash at its end is implied."""
    return text.removesuffix("/")


def _upstream_kind(call: Call, request: dict[str, Any]) -> UpstreamKind:
    url, name = request["upstreamRegistryUrl"], request.get("upstreamRegistry")
    kind = find_upstream_kind(url, call.services.allowed_upstreams)
    if kind is None:
        log.info("ECR does not pull through %s; --allow-upstream lets rules name other registries", url)
        raise UnsupportedUpstreamRegistryException(url=url)
    if url == call.registry.host:
        raise InvalidParameterException(_ITSELF)
    # ECR lets a wrong name pass where the upstream is open to everybody; for a registry that it does not take, the API
    # has no name at all.
    if (kind.needs_secret or not kind.name) and name not in (None, kind.name):
        raise InvalidParameterException(_MISMATCH)
    return kind


def _rule(work: UnitOfWork, registry: Registry, prefix: str) -> PullThroughRule:
    rule = work.rules.find(registry, prefix)
    if rule is None:
        raise PullThroughCacheRuleNotFoundException(prefix=prefix, registry_id=registry.id)
    return rule


def _described(rule: PullThroughRule, *members: str) -> dict[str, Any]:
    """What every answer says of a rule, with those other members that this one has."""
    others = {
        "createdAt": rule.created_at,
        "updatedAt": rule.updated_at,
        "upstreamRegistryUrl": rule.url,
        "upstreamRegistry": rule.upstream or None,
    }
    return {
        "registryId": rule.registry.id,
        "ecrRepositoryPrefix": rule.prefix,
        "credentialArn": rule.credential_arn,
        "customRoleArn": rule.custom_role_arn,
        "upstreamRepositoryPrefix": rule.upstream_prefix,
        **{member: others[member] for member in members},
    }
