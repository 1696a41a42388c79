"""moto's tagging API with the repositories of this emulator, and with pages and errors as AWS has them.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from moto.core.resource_tagging import TaggedResource, iter_taggable_backends, make_tag_matcher, match_resource_type
from moto.resourcegroupstaggingapi.exceptions import ResourceGroupsTaggingAPIError as TaggingError
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend

from ecr_emulator.companions.error_responses import Denied
from ecr_emulator.companions.requests import UnknownAccessKey
from ecr_emulator.companions.tagging.repositories import TaggedRepositories
from ecr_emulator.domain.names import Registry
from ecr_emulator.errors import AccessDeniedException
from ecr_emulator.ports.ecr_api import EcrCallFailed

INVALID = "InvalidParameterException"
DENIED = "AccessDeniedException"
NAMES_PER_PAGE = 128
"""Number of keys or values in a page; AWS does not publish its own."""
MAX_ARNS_TO_GET, MAX_ARNS_TO_TAG, MAX_TAGS, MAX_FILTERS, MAX_VALUES = 100, 20, 50, 50, 20
NOT_SUPPORTED = {
    "StatusCode": 400,
    "ErrorCode": INVALID,
    "ErrorMessage": "The emulator does not know a service that tags this resource.",
}
_SERVER_ERRORS = 500

Failures = dict[str, dict[str, Any]]


class TaggingBackend(ResourceGroupsTaggingAPIBackend):
    """The tagged resources of one account and Region. ``repositories`` are those of the emulator."""

    __module__ = ResourceGroupsTaggingAPIBackend.__module__
    repositories: ClassVar[TaggedRepositories]

    def get_resources(
        self,
        pagination_token: str | None = None,
        resources_per_page: int = 50,
        tags_per_page: int = 100,
        tag_filters: list[dict[str, Any]] | None = None,
        resource_type_filters: list[str] | None = None,
        resource_arn_list: list[str] | None = None,
    ) -> tuple[str, list[TaggedResource]]:
        """Return a page of the resources that have tags and satisfy all filters, and the token of the next page."""
        self._require("tag:GetResources")
        _check_filters(tag_filters or [], resource_type_filters or [], resource_arn_list or [], pagination_token)
        has_tags = make_tag_matcher(tag_filters)
        found = [
            each
            for each in self._all()
            if has_tags(each.tags)
            and match_resource_type(each.resource_type, resource_type_filters)
            and (not resource_arn_list or each.arn in resource_arn_list)
        ]
        start = end = _position_in(pagination_token)
        tags = 0
        while end < len(found) and end - start < resources_per_page:
            tags += len(found[end].tags)
            if tags > tags_per_page and end > start:
                break
            end += 1
        return _token(end, found), found[start:end]

    def get_tag_keys(self, pagination_token: str | None = None) -> tuple[str, list[str]]:
        """Return a page of the keys of all tags, each once."""
        self._require("tag:GetTagKeys")
        return _page(pagination_token, (key for each in self._all() for key in each.tags))

    def get_tag_values(self, pagination_token: str | None, key: str) -> tuple[str, list[str]]:
        """Return a page of the values that tags with a key have, each once."""
        self._require("tag:GetTagValues")
        return _page(pagination_token, (each.tags[key] for each in self._all() if key in each.tags))

    def tag_resources(self, resource_arns: list[str], tags: dict[str, str]) -> Failures:
        """Add tags to resources; return the failures by ARN."""
        self._require("tag:TagResources")
        _check_size("ResourceARNList", resource_arns, MAX_ARNS_TO_TAG)
        _check_size("Tags", tags, MAX_TAGS)
        registry = self._registry()

        def tag(arn: str) -> None:
            self.repositories.tag(registry, arn, tags)

        return self._each(resource_arns, tag, lambda arn: super(TaggingBackend, self).tag_resources([arn], tags))

    def untag_resources(self, resource_arn_list: list[str], tag_keys: list[str]) -> Failures:
        """Remove tags from resources; return the failures by ARN."""
        self._require("tag:UntagResources")
        _check_size("ResourceARNList", resource_arn_list, MAX_ARNS_TO_TAG)
        _check_size("TagKeys", tag_keys, MAX_TAGS)
        registry = self._registry()

        def untag(arn: str) -> None:
            self.repositories.untag(registry, arn, tag_keys)

        return self._each(
            resource_arn_list, untag, lambda arn: super(TaggingBackend, self).untag_resources([arn], tag_keys)
        )

    def _each(self, arns: list[str], of_ecr: Callable[[str], None], of_others: Callable[[str], Failures]) -> Failures:
        """Change the tags of each resource, in ECR or in moto; return the failures by ARN."""
        failures: Failures = {}
        for arn in dict.fromkeys(arns):
            if not arn.startswith("arn:"):
                raise TaggingError(INVALID, f"Invalid ARN: {arn}")
            if not _is_of_ecr(arn):
                failures |= dict.fromkeys(of_others(arn), NOT_SUPPORTED)
                continue
            try:
                of_ecr(arn)
            except EcrCallFailed as failed:
                failures[arn] = _failure(failed)
        return failures

    def _all(self) -> Iterator[TaggedResource]:
        """Yield all resources that have tags: repositories in order of their names, then those of moto."""
        for arn, tags in self.repositories.tags(self._registry()):
            yield TaggedResource(arn, dict(tags), "ecr:repository")
        for backend in iter_taggable_backends(self.account_id, self.region_name):
            yield from (each for each in backend.iter_tagged_resources() if each.tags)

    def _registry(self) -> Registry:
        return Registry(self.account_id, self.region_name)

    def _require(self, action: str) -> None:
        try:
            self.repositories.require(action, self._registry())
        except AccessDeniedException as denied:
            raise Denied(DENIED, denied.message) from denied
        except UnknownAccessKey as unknown:
            message = "The security token included in the request is invalid."
            raise Denied("UnrecognizedClientException", message) from unknown


def _is_of_ecr(arn: str) -> bool:
    return arn.split(":")[2:3] == ["ecr"]


def _failure(failed: EcrCallFailed) -> dict[str, Any]:
    """Return an error of ECR as the tagging API lists it, which has its own codes."""
    code = failed.code if failed.code == DENIED else INVALID
    if failed.status >= _SERVER_ERRORS:
        code = "InternalServiceException"
    return {"StatusCode": failed.status, "ErrorCode": code, "ErrorMessage": failed.message}


def _check_filters(tags: list[dict[str, Any]], types: list[str], arns: list[str], token: str | None) -> None:
    _check_size("TagFilters", tags, MAX_FILTERS, least=0)
    _check_size("ResourceARNList", arns, MAX_ARNS_TO_GET, least=0)
    for resource_type in types:
        service, _, kind = resource_type.partition(":")
        if service == "ecr" and kind not in ("", "repository"):
            raise TaggingError(INVALID, f"Unsupported type={kind} in ResourceTypeFilter - {resource_type}")
    for each in tags:
        if not each.get("Key"):
            raise TaggingError(INVALID, "Each entry of TagFilters needs a Key")
        _check_size("Values", each.get("Values") or [], MAX_VALUES, least=0)
    if arns and (tags or types or token):
        others = "TagFilters, ResourceTypeFilters or PaginationToken"
        raise TaggingError(INVALID, f"ResourceARNList cannot be combined with {others}")


def _check_size(member: str, given: Any, most: int, least: int = 1) -> None:
    if not least <= len(given) <= most:
        raise TaggingError(INVALID, f"{member} must have {least} to {most} entries, not {len(given)}")


def _page(token: str | None, names: Iterable[str]) -> tuple[str, list[str]]:
    every = sorted(set(names))
    start = _position_in(token)
    end = start + NAMES_PER_PAGE
    return _token(end, every), every[start:end]


def _token(end: int, found: list[Any]) -> str:
    return b64encode(str(end).encode()).decode() if end < len(found) else ""


def _position_in(token: str | None) -> int:
    try:
        return int(b64decode(token or "", validate=True) or b"0")
    except ValueError:
        raise TaggingError("PaginationTokenExpiredException", f"There is no page with the token {token}") from None
