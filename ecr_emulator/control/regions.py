"""The Regions of a partition, as the installed botocore knows them."""

from __future__ import annotations

import re
from functools import cache


def is_region(name: str, partition: str) -> bool:
    """Return whether a name has the form of the partition's Regions, also if botocore does not list that Region."""
    return re.fullmatch(_patterns().get(partition, ""), name) is not None


@cache
def _patterns() -> dict[str, str]:
    from botocore.loaders import Loader

    loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    return {each["id"]: each["regionRegex"] for each in loader.load_data("partitions")["partitions"]}
