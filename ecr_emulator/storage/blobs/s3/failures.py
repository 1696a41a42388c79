"""Failures of S3, as failures of the storage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from ecr_emulator.ports.storage_failures import StorageFailure

_MISSING = frozenset({"NoSuchKey", "NoSuchUpload", "404", "NotFound"})


@contextmanager
def s3_failures() -> Iterator[None]:
    """Turn errors of S3 into ``StorageFailure``, and that of an object that does not exist into ``FileNotFoundError``.

    Requests have been tried again by then, if that can help.
    """
    try:
        yield
    except ClientError as refused:
        error = refused.response.get("Error", {})
        code = error.get("Code", "")
        if code in _MISSING:
            raise FileNotFoundError(code) from refused
        raise StorageFailure(f"S3 refuses a request: {code}: {error.get('Message') or 'no reason given'}") from refused
    except BotoCoreError as failure:
        raise StorageFailure(f"S3 cannot be used: {failure}") from failure


def is_conflict(refused: ClientError) -> bool:
    """Return whether S3 refuses a request because an object is not, or no longer, as the request demands."""
    return refused.response.get("Error", {}).get("Code") in ("PreconditionFailed", "ConditionalRequestConflict", "412")
