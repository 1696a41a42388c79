"""Resource tags as requests and answers of the API contain them."""

from __future__ import annotations

from ecr_emulator.domain.resource_tags import MAX_TAGS, are_valid
from ecr_emulator.errors import InvalidTagParameterException, TooManyTagsException


def read_tags(tags: list[dict[str, str]]) -> dict[str, str]:
    """Return the tags of a request. Raises ``InvalidTagParameterException`` or ``TooManyTagsException``."""
    pairs = [(tag["Key"], tag["Value"]) for tag in tags]
    if not are_valid(pairs):
        raise InvalidTagParameterException
    return checked_count(dict(pairs))


def checked_count(tags: dict[str, str]) -> dict[str, str]:
    """Return the same tags. Raises ``TooManyTagsException`` for more tags than a repository may have."""
    if len(tags) > MAX_TAGS:
        raise TooManyTagsException
    return tags


def described_tags(tags: dict[str, str]) -> list[dict[str, str]]:
    """Return tags as answers list them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
