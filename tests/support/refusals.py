"""What boto3 tells of a call that was refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(call: Callable[..., Any], **request: Any) -> dict[str, Any]:
    """The whole error; the test fails if there is none."""
    with pytest.raises(ClientError) as refusal:
        call(**request)
    return refusal.value.response


def refusal(call: Callable[..., Any], **request: Any) -> tuple[str, str]:
    """The code and the message of the error."""
    error = refused(call, **request)["Error"]
    return error["Code"], error["Message"]
