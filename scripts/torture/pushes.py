"""Pushes of blobs in all ways that a registry and the API have, and those that broke off."""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass

from ecr_emulator.testing.upstream.images import Content
from scripts.torture.clients import Answer, Client, NoAnswer, Refused

CHUNK = 70_000
PART = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A push of a blob in chunks that broke off after a number of confirmed bytes. ``location`` is its session."""

    repository: str
    blob: Content
    location: str
    confirmed: int


class Pushes:
    """Pushes blobs into repositories. ``unfinished`` are the sessions that broke off."""

    def __init__(self) -> None:
        self.unfinished: list[Unfinished] = []
        self.begun: set[tuple[str, Content]] = set()
        """The blobs whose push began, with their repositories."""

    def push(self, client: Client, chance: random.Random, repository: str, blob: Content) -> None:
        """Push a blob in a random way, unless the client hears that it exists. Raises ``NoAnswer`` and ``Refused``."""
        self.begun.add((repository, blob))
        if chance.random() < 0.7 and client.registry("HEAD", f"{repository}/blobs/{blob.digest}").status == 200:
            return
        way = chance.choice((self._in_one_request, self._in_two_requests, self._in_chunks, self._by_api))
        way(client, repository, blob)

    def resume(self, client: Client, push: Unfinished) -> None:
        """Continue a push where the registry says that it stopped. Raises ``Lost``, ``NoAnswer`` and ``Refused``."""
        answer = client.at(push.location, "GET")
        if answer.status != 204:
            raise Lost(f"{push.repository}: a session with {push.confirmed} confirmed bytes: {answer}")
        last = int(answer.headers["range"].rpartition("-")[2])
        stored = last + 1 if last else 0  # 0-0 stands for no bytes; no blob of one byte is resumed
        if stored < push.confirmed:
            raise Lost(f"{push.repository}: {stored} of {push.confirmed} confirmed bytes of a session")
        location = _accepted(client.at(push.location, "PATCH", push.blob.raw[stored:]), 202).headers["location"]
        _accepted(client.at(_with_digest(location, push.blob), "PUT"), 201)

    def forget(self) -> None:
        """Forget the pushes that broke off, and those that began."""
        self.unfinished.clear()
        self.begun.clear()

    def _in_one_request(self, client: Client, repository: str, blob: Content) -> None:
        path = f"{repository}/blobs/uploads/?digest={blob.digest}"
        _accepted(client.registry("POST", path, blob.raw), 201)

    def _in_two_requests(self, client: Client, repository: str, blob: Content) -> None:
        location = _accepted(client.registry("POST", f"{repository}/blobs/uploads/"), 202).headers["location"]
        _accepted(client.at(_with_digest(location, blob), "PUT", blob.raw), 201)

    def _in_chunks(self, client: Client, repository: str, blob: Content) -> None:
        location = _accepted(client.registry("POST", f"{repository}/blobs/uploads/"), 202).headers["location"]
        sent = 0
        try:
            while sent < blob.size:
                answer = _accepted(client.at(location, "PATCH", blob.raw[sent : sent + CHUNK]), 202)
                location, sent = answer.headers["location"], min(sent + CHUNK, blob.size)
        except NoAnswer:
            if blob.size > 1:
                self.unfinished.append(Unfinished(repository, blob, location, sent))
            raise
        _accepted(client.at(_with_digest(location, blob), "PUT"), 201)

    def _by_api(self, client: Client, repository: str, blob: Content) -> None:
        if not blob.size:  # a part has at least a byte
            self._in_two_requests(client, repository, blob)
            return
        session = client.call("InitiateLayerUpload", repositoryName=repository)["uploadId"]
        for first in range(0, blob.size, PART):
            part = blob.raw[first : first + PART]
            client.call(
                "UploadLayerPart", repositoryName=repository, uploadId=session, partFirstByte=first,
                partLastByte=first + len(part) - 1, layerPartBlob=base64.b64encode(part).decode(),
            )  # fmt: skip
        try:
            client.call("CompleteLayerUpload", repositoryName=repository, uploadId=session, layerDigests=[blob.digest])
        except Refused as refused:
            if refused.answer.error != "LayerAlreadyExistsException":
                raise


class Lost(Exception):
    """Confirmed bytes are gone."""


def _accepted(answer: Answer, status: int) -> Answer:
    if answer.status != status:
        raise Refused(f"a push that expects {status}", answer)
    return answer


def _with_digest(location: str, blob: Content) -> str:
    return f"{location}{'&' if '?' in location else '?'}digest={blob.digest}"
