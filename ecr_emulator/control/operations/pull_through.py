"""Pull through cache rules."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from ecr_emulator.control.handlers import operation
from ecr_emulator.control.pages import Page
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.control.upstream_credentials import UpstreamCredential, failure_of
from ecr_emulator.domain import service_linked_roles
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.prefixes import ROOT, stored_prefix
from ecr_emulator.domain.pull_through import REGIONS_WITHOUT_PULL_THROUGH, PullThroughRule
from ecr_emulator.domain.upstreams import UpstreamKind, find_upstream_kind
from ecr_emulator.errors import (
    InvalidParameterException,
    LimitExceededException,
    PullThroughCacheRuleNotFoundException,
    UnsupportedUpstreamRegistryException,
    ValidationException,
)
from ecr_emulator.ports.store import UnitOfWork

log = logging.getLogger(__name__)

MAX_RULES = 50
"""Maximum number of rules in a registry."""

_MISMATCH = (
    "Invalid input: Upstream registry URL and entered upstream registry do not match. "
    "Please verify input and try again."
)
_OWN_URL = "Invalid input: Upstream registry URL cannot be the same as the cache registry."


@operation
def create_pull_through_cache_rule(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html"""
    _check_region(request)
    kind = _upstream_kind(request, members)
    credential = UpstreamCredential.read(members, request.registry)
    credential.check_given(kind, members["upstreamRegistryUrl"], request.registry)
    credential.check(request, kind)
    rule = PullThroughRule(
        registry=request.registry,
        prefix=stored_prefix(members["ecrRepositoryPrefix"]),
        url=members["upstreamRegistryUrl"],
        upstream=kind.name,
        created_at=request.now,
        updated_at=request.now,
        credential_arn=credential.secret_arn,
        custom_role_arn=credential.role_arn,
        upstream_prefix=stored_prefix(members.get("upstreamRepositoryPrefix", ROOT if kind.is_ecr else "")) or None,
    )
    with request.services.store.writing() as work:
        work.rules.add(rule)
        if len(work.rules.all(request.registry)) > MAX_RULES:
            raise LimitExceededException
    request.services.roles.ensure_service_linked_role(request.registry.id, service_linked_roles.PULL_THROUGH_CACHE)
    return _described(rule, "createdAt", "upstreamRegistryUrl", "upstreamRegistry")


@operation
def describe_pull_through_cache_rules(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribePullThroughCacheRules.html"""
    page = Page(request, members)
    with request.services.store.reading() as work:
        rules = work.rules.all(request.registry)
        if "ecrRepositoryPrefixes" in members:
            wanted = {stored_prefix(prefix): None for prefix in members["ecrRepositoryPrefixes"]}
            rules = sorted((_rule(work, request.registry, prefix) for prefix in wanted), key=lambda rule: rule.prefix)
    chosen, token = page.choose(rules, lambda rule: rule.prefix)
    shown = ("createdAt", "updatedAt", "upstreamRegistryUrl", "upstreamRegistry")
    return {"pullThroughCacheRules": [_described(rule, *shown) for rule in chosen], "nextToken": token}


@operation
def update_pull_through_cache_rule(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdatePullThroughCacheRule.html"""
    _check_region(request)
    prefix = stored_prefix(members["ecrRepositoryPrefix"])
    with request.services.store.reading() as work:
        kind = find_upstream_kind(_rule(work, request.registry, prefix).url, request.services.allowed_upstreams)
    credential = UpstreamCredential.read(members, request.registry)
    if credential == UpstreamCredential(None, None):
        raise ValidationException("Specify the credentialArn or the customRoleArn to update.")
    if kind:
        credential.check(request, kind)
    with request.services.store.writing() as work:
        rule = replace(
            _rule(work, request.registry, prefix),
            credential_arn=credential.secret_arn,
            custom_role_arn=credential.role_arn,
            updated_at=request.now,
        )
        work.rules.save(rule)
    return _described(rule, "updatedAt")


@operation
def delete_pull_through_cache_rule(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeletePullThroughCacheRule.html"""
    with request.services.store.writing() as work:
        rule = _rule(work, request.registry, stored_prefix(members["ecrRepositoryPrefix"]))
        work.rules.remove(rule)
    return _described(rule, "createdAt", "upstreamRegistryUrl")


@operation
def validate_pull_through_cache_rule(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ValidatePullThroughCacheRule.html"""
    _check_region(request)
    with request.services.store.reading() as work:
        rule = _rule(work, request.registry, stored_prefix(members["ecrRepositoryPrefix"]))
    failure = failure_of(request, rule)
    return _described(rule, "upstreamRegistryUrl") | {"isValid": failure is None, "failure": failure}


def _check_region(request: EcrRequest) -> None:
    if request.registry.region in REGIONS_WITHOUT_PULL_THROUGH:
        raise ValidationException("Pull through cache rules are not supported in this Region")


def _upstream_kind(request: EcrRequest, members: dict[str, Any]) -> UpstreamKind:
    url, name = members["upstreamRegistryUrl"], members.get("upstreamRegistry")
    kind = find_upstream_kind(url, request.services.allowed_upstreams)
    if kind is None:
        log.info("ECR does not support the upstream %s; --allow-upstream allows rules for other registries", url)
        raise UnsupportedUpstreamRegistryException(url=url)
    if url == request.registry.host:
        raise InvalidParameterException(_OWN_URL)
    # ECR accepts a wrong name for an upstream that needs no credential. An upstream that only --allow-upstream allows
    # has no name in the API.
    if (kind.needs_secret or not kind.name) and name not in (None, kind.name):
        raise InvalidParameterException(_MISMATCH)
    return kind


def _rule(work: UnitOfWork, registry: Registry, prefix: str) -> PullThroughRule:
    rule = work.rules.find(registry, prefix)
    if rule is None:
        raise PullThroughCacheRuleNotFoundException(prefix=prefix, registry_id=registry.id)
    return rule


def _described(rule: PullThroughRule, *members: str) -> dict[str, Any]:
    """Return the members of a rule that every answer contains, and the named members."""
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
