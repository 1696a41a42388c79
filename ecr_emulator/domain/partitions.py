"""The partitions of AWS: separate groups of Regions. The name of a Region begins with a prefix of its partition."""

from __future__ import annotations

import re
from typing import NamedTuple


class Partition(NamedTuple):
    """A partition. ARNs have ``name`` after ``arn:``; host names of registries end in ``dns_suffix``."""

    name: str
    dns_suffix: str


_COMMERCIAL = Partition("aws", "amazonaws.com")
_BY_PREFIX = {
    "cn-": Partition("aws-cn", "amazonaws.com.cn"),
    "us-gov-": Partition("aws-us-gov", "amazonaws.com"),
    "us-iso-": Partition("aws-iso", "c2s.ic.gov"),
    "us-isob-": Partition("aws-iso-b", "sc2s.sgov.gov"),
    "eu-isoe-": Partition("aws-iso-e", "cloud.adc-e.uk"),
    "us-isof-": Partition("aws-iso-f", "csp.hci.ic.gov"),
    "eu-isof-": Partition("aws-iso-f", "csp.hci.ic.gov"),
    "eusc-": Partition("aws-eusc", "amazonaws.eu"),
}
DNS_SUFFIXES = sorted({partition.dns_suffix for partition in (_COMMERCIAL, *_BY_PREFIX.values())})
_PREFIX = re.compile("|".join(_BY_PREFIX))


def partition_of(region: str) -> Partition:
    """Return the partition of a Region."""
    match = _PREFIX.match(region)
    return _BY_PREFIX[match[0]] if match else _COMMERCIAL
