"""Failures of S3, as failures of the storage that say where they happened and what to change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
    SSLError,
)
from botocore.exceptions import ConnectionError as NoConnection

from ecr_emulator.ports.storage_failures import StorageFailure

_MISSING = frozenset({"NoSuchKey", "NoSuchUpload", "404", "NotFound"})
_NEED_AN_OBJECT = frozenset({
    "HeadObject", "GetObject", "DeleteObject", "CopyObject", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload",
    "AbortMultipartUpload",
})  # fmt: skip
"""Requests about an object or a multipart upload that may be gone. To others, "not found" means a wrong server."""

_NOT_FOUND = "Is there an S3 server at the endpoint? --blobs or AWS_ENDPOINT_URL_S3 names it"
_DENIED = (
    "The credentials must allow s3:GetObject, PutObject, DeleteObject, ListBucket, AbortMultipartUpload and "
    "ListBucketMultipartUploads there"
)
_WRONG_KEY = (
    "Give the access key of this server with AWS_ACCESS_KEY_ID or a profile; one that is meant for clients of the "
    "emulator does not fit"
)
_OLD_SESSION = "Renew the session (AWS_SESSION_TOKEN)"
_HINTS = {
    "NoSuchBucket": "Create this bucket, or name another one with --blobs",
    "AccessDenied": _DENIED,
    "403": f"Check the credentials. {_DENIED}",
    "InvalidAccessKeyId": _WRONG_KEY,
    "XAdminUserNotFound": _WRONG_KEY,  # Versity's gateway says this
    "SignatureDoesNotMatch": "Give the secret of the access key with AWS_SECRET_ACCESS_KEY or a profile",
    "ExpiredToken": _OLD_SESSION,
    "InvalidToken": _OLD_SESSION,
    "RequestTimeTooSkewed": "Set the time of this machine right",
    "404": _NOT_FOUND,
    "NotFound": _NOT_FOUND,
}
_REGIONS = frozenset({"PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"})
"""Codes of a request that was sent to, or signed for, another Region than that of the bucket."""

_NO_CREDENTIALS = "Give credentials of this server with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
_BY_CAUSE: dict[type[BotoCoreError], str] = {
    NoCredentialsError: _NO_CREDENTIALS,
    PartialCredentialsError: _NO_CREDENTIALS,
    CredentialRetrievalError: _NO_CREDENTIALS,
    SSLError: "The endpoint may need http:// instead of https://, or AWS_CA_BUNDLE the certificate of its issuer",
    ReadTimeoutError: "The server accepts connections and does not answer",
    NoConnection: "Check that the server runs, and the endpoint in --blobs or AWS_ENDPOINT_URL_S3; it may need "
    "addressing=path",
}
"""Hints by the kind of failure; the first one that fits counts."""


@contextmanager
def s3_failures(place: str) -> Iterator[None]:
    """Turn errors of S3 into ``StorageFailure``, and that of an object that does not exist into ``FileNotFoundError``.

    ``place`` is what the requests are about: ``s3://`` with the bucket and the key. Requests have been tried again by
    then, if that can help.
    """
    try:
        yield
    except ClientError as refused:
        error = refused.response.get("Error", {})
        code = error.get("Code", "")
        if code in _MISSING and refused.operation_name in _NEED_AN_OBJECT:
            raise FileNotFoundError(f"{place}: {code}") from refused
        raise StorageFailure(_refusal(refused, place)) from refused
    except BotoCoreError as failure:
        hint = next((hint for cause, hint in _BY_CAUSE.items() if isinstance(failure, cause)), "")
        raise StorageFailure(_with_hint(f"S3 cannot be used for {place}: {failure}", hint)) from failure


def is_conflict(refused: ClientError) -> bool:
    """Return whether S3 refuses a request because an object is not, or no longer, as the request demands."""
    return refused.response.get("Error", {}).get("Code") in ("PreconditionFailed", "ConditionalRequestConflict", "412")


def _refusal(refused: ClientError, place: str) -> str:
    error: dict[str, Any] = dict(refused.response.get("Error", {}))
    code = error.get("Code", "")
    hint = _region_hint(refused) if code in _REGIONS else _HINTS.get(code, "")
    reason = error.get("Message") or "no reason given"
    return _with_hint(f"S3 refuses {refused.operation_name} for {place}: {code}: {reason}", hint)


def _region_hint(refused: ClientError) -> str:
    response: dict[str, Any] = dict(refused.response)
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = response.get("Error", {}).get("Region") or headers.get("x-amz-bucket-region")
    return f"Add region={region or 'REGION, that of the bucket,'} to the options of --blobs"


def _with_hint(sentence: str, hint: str) -> str:
    return f"{sentence.rstrip('.')}. {hint}" if hint else sentence
