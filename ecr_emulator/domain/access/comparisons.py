"""How a value that a policy gives is compared with one that a request has: one comparison for each operator.

Comparing never fails: what cannot be read as the number, time, address or bytes that it should be compares to nothing.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import operator
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from ecr_emulator.domain.access.patterns import ArnPattern, Lookup, Pattern, arn_parts

Comparison = Callable[[str, Lookup], bool]
"""Whether the value of a request compares to that of the policy."""
Reader = Callable[[str, bool], Comparison]
"""Makes a comparison of the text in a policy; the flag says whether variables count in it."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


# --- Text ------------------------------------------------------------------------------------------------


def _equals(text: str, variables: bool) -> Comparison:
    return Pattern.read(text, variables=variables, wildcards=False).matches


def _equals_ignore_case(text: str, variables: bool) -> Comparison:
    pattern = Pattern.read(text.lower(), variables=variables, wildcards=False)
    return lambda value, lookup: pattern.matches(value.lower(), lambda key: _lower(lookup(key)))


def _lower(value: str | None) -> str | None:
    return None if value is None else value.lower()


def _like(text: str, variables: bool) -> Comparison:
    return Pattern.read(text, variables=variables).matches


def _arn_like(text: str, variables: bool) -> Comparison:
    pattern = ArnPattern.read(text, variables=variables)
    return lambda value, lookup: pattern.matches(arn_parts(value), lookup)


# --- Everything else -------------------------------------------------------------------------------------


def _by(parse: Callable[[str], Any], compare: Callable[[Any, Any], bool] = operator.eq) -> Reader:
    """Compares what a parser makes of both texts; nothing compares to what the parser refuses with ``ValueError``."""

    def read(text: str, _: bool) -> Comparison:
        wanted = _parsed(parse, text)
        if wanted is None:
            return lambda value, lookup: False
        return lambda value, lookup: (found := _parsed(parse, value)) is not None and compare(found, wanted)

    return read


def _parsed(parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except ValueError:
        return None


def _number(text: str) -> float:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no number")
    return float(text)


def _time(text: str) -> float:
    """Seconds since 1970, from just that or from a time of ISO 8601, which is in UTC unless it says otherwise."""
    try:
        return _number(text)
    except ValueError:
        time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def truth(text: str) -> bool:
    """What a policy or a request gives as a truth value. Raises ``ValueError`` for anything else."""
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _bytes(text: str) -> bytes:
    return b64decode(text, validate=True)


def _in_network(text: str, _: bool) -> Comparison:
    network = _parsed(lambda each: ip_network(each, strict=False), text)
    if network is None:
        return lambda value, lookup: False
    return lambda value, lookup: (address := _parsed(_address, value)) is not None and address in network


def _address(text: str) -> IPv4Address | IPv6Address:
    """An address; an IPv4 address that is written as one of IPv6 is one of IPv4."""
    address = ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


COMPARISONS: Mapping[str, tuple[Reader, bool]] = {
    "StringEquals": (_equals, False),
    "StringNotEquals": (_equals, True),
    "StringEqualsIgnoreCase": (_equals_ignore_case, False),
    "StringNotEqualsIgnoreCase": (_equals_ignore_case, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    "NumericEquals": (_by(_number), False),
    "NumericNotEquals": (_by(_number), True),
    "NumericLessThan": (_by(_number, operator.lt), False),
    "NumericLessThanEquals": (_by(_number, operator.le), False),
    "NumericGreaterThan": (_by(_number, operator.gt), False),
    "NumericGreaterThanEquals": (_by(_number, operator.ge), False),
    "DateEquals": (_by(_time), False),
    "DateNotEquals": (_by(_time), True),
    "DateLessThan": (_by(_time, operator.lt), False),
    "DateLessThanEquals": (_by(_time, operator.le), False),
    "DateGreaterThan": (_by(_time, operator.gt), False),
    "DateGreaterThanEquals": (_by(_time, operator.ge), False),
    "Bool": (_by(truth), False),
    "BinaryEquals": (_by(_bytes), False),
    "IpAddress": (_in_network, False),
    "NotIpAddress": (_in_network, True),
    "ArnEquals": (_arn_like, False),
    "ArnNotEquals": (_arn_like, True),
    "ArnLike": (_arn_like, False),
    "ArnNotLike": (_arn_like, True),
}
"""By name of the operator: how it compares, and whether it is fulfilled when nothing compares."""
