"""Comparisons of values in policies with values in requests: one comparison for each operator.

A comparison never raises. A text that cannot be parsed as the number, time, address or bytes of its operator matches
nothing.

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
"""Returns whether the value of a request matches the value of the policy."""
Reader = Callable[[str, bool], Comparison]
"""Returns the comparison for a text in a policy; the flag says whether the text may have policy variables."""

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
    """Return a reader that parses both texts and compares the results. A text with a ``ValueError`` never matches."""

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
    """Parse epoch seconds or an ISO 8601 time, which is in UTC if it has no offset, into epoch seconds."""
    try:
        return _number(text)
    except ValueError:
        time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def truth(text: str) -> bool:
    """Parse ``true`` or ``false`` in any case. Raises ``ValueError`` for other texts."""
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
    """Parse an IP address. An IPv4-mapped IPv6 address becomes an IPv4 address."""
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
"""The reader for each operator, and whether the operator is negated: fulfilled if no value matches."""
