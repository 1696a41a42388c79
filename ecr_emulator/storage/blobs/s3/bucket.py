"""The objects of one emulator in an S3 bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, BinaryIO, NamedTuple

import boto3.session
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.service_models import service_loader
from ecr_emulator.storage.blobs.s3.failures import is_conflict, s3_failures
from ecr_emulator.storage.blobs.s3.retries import ATTEMPTS, pause_before_next_attempt
from ecr_emulator.storage.blobs.s3_place import ENDPOINT_VARIABLE, S3Place

CONNECT_TIMEOUT, READ_TIMEOUT = 5, 30
"""Seconds to wait for a connection, and for the next bytes of an answer."""
CONNECTIONS = 256
"""Maximum number of idle connections to keep."""
DELETED_AT_ONCE = 1_000
"""Maximum number of objects that S3 deletes in one request."""


class Head(NamedTuple):
    """The size of an object in bytes, and its ETag, which changes whenever the object is written."""

    size: int
    etag: str


class Listed(NamedTuple):
    """An object of a listing."""

    key: str
    size: int


class Bucket:
    """The objects below one prefix of a bucket. Keys are those after the prefix.

    All methods raise ``StorageFailure``; those about one object raise ``FileNotFoundError`` if it does not exist.
    """

    def __init__(self, place: S3Place) -> None:
        self._prefix = f"{place.prefix}/" if place.prefix else ""
        self._name = place.bucket
        with s3_failures(self.address()):
            self._client = _client(place)

    def address(self, key: str = "") -> str:
        """Return the name of an object for messages; without a key, that of the prefix."""
        return f"s3://{self._name}/{self._prefix}{key}"

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    # --- One object ----------------------------------------------------------------------------------------

    def head(self, key: str) -> Head:
        """Return the size and the ETag of an object."""
        with s3_failures(self.address(key)):
            found = self._client.head_object(**self._at(key))
        return Head(found["ContentLength"], found["ETag"])

    def read(self, key: str, start: int = 0) -> tuple[BinaryIO, int]:
        """Return the bytes of an object from ``start`` on, as they arrive, and the size of the object.

        Reading them raises errors of botocore.
        """
        with s3_failures(self.address(key)):
            if start == 0:
                whole = self._client.get_object(**self._at(key))
                return whole["Body"], whole["ContentLength"]
            found = self._client.get_object(**self._at(key), Range=f"bytes={start}-")
        return found["Body"], int(found["ContentRange"].rpartition("/")[2])

    def content(self, key: str) -> bytes:
        """Return all bytes of an object."""
        with s3_failures(self.address(key)):
            content: bytes = self._client.get_object(**self._at(key))["Body"].read()
        return content

    def put(self, key: str, data: bytes) -> str:
        """Write an object, of which nobody ever sees a part, and return its ETag. It is durable then."""
        with s3_failures(self.address(key)):
            return str(self._client.put_object(**self._at(key), Body=data)["ETag"])

    def create(self, key: str, data: bytes) -> bool:
        """Write an object unless it exists. Return whether it was written."""
        with s3_failures(self.address(key)):
            try:
                self._client.put_object(**self._at(key), Body=data, IfNoneMatch="*")
            except ClientError as refused:
                if is_conflict(refused):
                    return False
                raise
        return True

    def copy(self, source: str, target: str) -> str:
        """Copy an object of up to 5 GiB inside S3, and return the ETag of the copy."""
        with s3_failures(self.address(target)):
            done = self._client.copy_object(**self._at(target), CopySource=self._at(source))
        return str(done["CopyObjectResult"]["ETag"])

    def delete(self, key: str) -> None:
        """Delete an object, if it exists."""
        with s3_failures(self.address(key)):
            self._client.delete_object(**self._at(key))

    def delete_unchanged(self, key: str, etag: str) -> bool:
        """Delete an object unless it was written since it had this ETag. Return whether it was deleted."""
        if self.head(key).etag != etag:
            return False
        with s3_failures(self.address(key)):
            try:
                self._client.delete_object(**self._at(key), IfMatch=etag)  # servers that do not know this ignore it
            except ClientError as refused:
                if is_conflict(refused):
                    return False
                raise
        return True

    def url(self, key: str, seconds: int) -> str:
        """Return a URL with which anybody can read an object for some seconds."""
        with s3_failures(self.address(key)):
            url: str = self._client.generate_presigned_url("get_object", Params=self._at(key), ExpiresIn=seconds)
        return url

    # --- Many objects --------------------------------------------------------------------------------------

    def objects(self, folder: str, after: str = "") -> Iterator[Listed]:
        """Yield the objects whose keys begin with ``folder``, those after a key, in the order of their keys."""
        more: dict[str, Any] = {"StartAfter": self._prefix + after} if after else {}
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._name, Prefix=self._prefix + folder, **more
        )
        for page in self._each(pages):
            for found in page.get("Contents", ()):
                yield Listed(found["Key"].removeprefix(self._prefix), found["Size"])

    def folders(self, folder: str) -> Iterator[str]:
        """Yield the parts of keys between ``folder`` and the next slash, each once."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._name, Prefix=self._prefix + folder, Delimiter="/"
        )
        for page in self._each(pages):
            for found in page.get("CommonPrefixes", ()):
                yield found["Prefix"].removeprefix(self._prefix + folder).rstrip("/")

    def delete_all(self, keys: Iterable[str]) -> None:
        """Delete objects, if they exist."""
        rest = iter(keys)
        while objects := [{"Key": self._prefix + key} for key in islice(rest, DELETED_AT_ONCE)]:
            with s3_failures(self.address()):
                done = self._client.delete_objects(Bucket=self._name, Delete={"Objects": objects, "Quiet": True})
            for error in done.get("Errors", ()):
                with s3_failures(f"s3://{self._name}/{error.get('Key', '')}"):
                    raise ClientError({"Error": error}, "DeleteObjects")

    # --- Objects in parts ----------------------------------------------------------------------------------

    def begin_parts(self, key: str) -> str:
        """Begin to write an object in parts, and return the id of this multipart upload."""
        with s3_failures(self.address(key)):
            upload: str = self._client.create_multipart_upload(**self._at(key))["UploadId"]
        return upload

    def put_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        """Write a part and return its ETag."""
        with s3_failures(self.address(key)):
            done = self._client.upload_part(**self._at(key), UploadId=upload, PartNumber=number, Body=data)
        return str(done["ETag"])

    def copy_part(self, key: str, upload: str, number: int, source: str) -> str:
        """Copy an object into a part and return the part's ETag."""
        with s3_failures(self.address(key)):
            done = self._client.upload_part_copy(
                **self._at(key), UploadId=upload, PartNumber=number, CopySource=self._at(source)
            )
        return str(done["CopyPartResult"]["ETag"])

    def complete_parts(self, key: str, upload: str, etags: list[str]) -> str:
        """Make the object of its parts and return its ETag. Nobody sees it before."""
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        try:
            with s3_failures(self.address(key)):
                done = self._client.complete_multipart_upload(
                    **self._at(key), UploadId=upload, MultipartUpload={"Parts": parts}
                )
        except FileNotFoundError:  # an attempt whose answer was lost has completed it
            return self.head(key).etag
        return str(done["ETag"])

    def abort_parts(self, key: str, upload: str) -> None:
        """Delete the parts of a multipart upload, if it exists."""
        try:
            with s3_failures(self.address(key)):
                self._client.abort_multipart_upload(**self._at(key), UploadId=upload)
        except FileNotFoundError:
            pass

    def begun_parts(self, folder: str) -> Iterator[tuple[str, str]]:
        """Yield the keys and the ids of the multipart uploads that are not complete."""
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._name, Prefix=self._prefix + folder
        )
        for page in self._each(pages):
            for found in page.get("Uploads", ()):
                yield found["Key"].removeprefix(self._prefix), found["UploadId"]

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._name, "Key": self._prefix + key}

    def _each(self, pages: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        iterator = iter(pages)
        while True:
            with s3_failures(self.address()):
                page = next(iterator, None)
            if page is None:
                return
            yield page


def _client(place: S3Place) -> Any:
    """Return a client with the credentials of AWS's usual chain.

    ``AWS_ENDPOINT_URL`` does not count: where an emulator runs, it usually names the emulator itself. Raises
    ``StorageFailure`` and errors of botocore.
    """
    own = botocore.session.Session()
    own.register_component("data_loader", service_loader(own.get_component("data_loader").search_paths))
    session = boto3.session.Session(region_name=place.region, botocore_session=own)
    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        max_pool_connections=CONNECTIONS,
        signature_version="s3v4",
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        ignore_configured_endpoint_urls=True,
        s3={"addressing_style": place.addressing} if place.addressing else None,
    )
    region = session.region_name or "us-east-1"
    try:
        client = session.client("s3", region_name=region, endpoint_url=place.server, config=config)
    except ValueError as failure:
        source = "endpoint in --blobs" if place.endpoint else ENDPOINT_VARIABLE
        hint = "http:// or https://, and a host of letters, digits, hyphens and dots"
        raise StorageFailure(f"{source} must be the URL of an S3 server, with {hint}: {failure}") from None
    client.meta.events.register("needs-retry.s3", pause_before_next_attempt)
    return client
