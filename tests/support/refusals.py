"""Make calls with boto3 that must fail, and return their errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(call: Callable[..., Any], **request: Any) -> dict[str, Any]:
    """Return the whole error response; the test fails if there is none."""
    with pytest.raises(ClientError) as refusal:
        call(**request)
    response: dict[str, Any] = refusal.value.response
    return response


def refusal(call: Callable[..., Any], **request: Any) -> tuple[str, str]:
    """Return the code and the message of the error."""
    error = refused(call, **request)["Error"]
    return error["Code"], error["Message"]
