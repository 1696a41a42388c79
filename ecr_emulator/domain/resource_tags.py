"""Resource tags: the keys and values that ECR accepts.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-using-tags.html
"""

from __future__ import annotations

import re

MAX_TAGS = 50
"""Maximum number of resource tags on a repository."""

_KEY = re.compile(r"[\w .:/=+\-@]{1,128}")
_VALUE = re.compile(r"[\w .:/=+\-@]{0,256}")
_RESERVED = "aws:"


def are_valid(tags: list[tuple[str, str]]) -> bool:
    """Whether all keys and values have allowed characters and lengths, and no key is reserved or duplicate."""
    keys = {key for key, _ in tags}
    return len(keys) == len(tags) and all(_is_valid(key, value) for key, value in tags)


def _is_valid(key: str, value: str) -> bool:
    if key.lower().startswith(_RESERVED):
        return False
    return _KEY.fullmatch(key) is not None and _VALUE.fullmatch(value) is not None
