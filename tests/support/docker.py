"""A registry client that is logged in, and readers of its answers."""

from __future__ import annotations

from typing import Any

from werkzeug.test import Client, TestResponse

from ecr_emulator.emulator import Emulator
from ecr_emulator.testing.upstream.images import Content, UpstreamImage
from tests.support.boto import client_of

ACCOUNT = "123456789012"
BASE = "http://localhost:4566"


class Docker:
    """A client of one registry that is logged in, over plain HTTP."""

    def __init__(self, emulator: Emulator, account: str = ACCOUNT, region: str = "us-east-1") -> None:
        self.emulator = emulator
        self.ecr = client_of(emulator, "ecr", account=account, region=region)
        self.http = Client(emulator.wsgi)
        self.log_in()

    def log_in(self) -> None:
        """Get a new token."""
        self.token: str = self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]

    def send(self, method: str, path: str, headers: dict[str, str] | None = None, **how: Any) -> TestResponse:
        """Send a request to a path, or to a URL of an answer."""
        headers = {"Authorization": f"Basic {self.token}"} | (headers or {})
        return self.http.open(path.removeprefix(BASE), base_url=BASE, method=method, headers=headers, **how)

    def get(self, path: str, headers: dict[str, str] | None = None) -> TestResponse:
        """Send a GET."""
        return self.send("GET", path, headers)

    def begin(self, name: str = "team/app") -> str:
        """Begin an upload, and return its URL."""
        answer = self.send("POST", f"/v2/{name}/blobs/uploads/")
        assert answer.status_code == 202, answer.text
        return answer.headers["Location"]

    def push_blob(self, blob: Content, name: str = "team/app") -> None:
        """Push a blob."""
        answer = self.send("PUT", f"{self.begin(name)}?digest={blob.digest}", data=blob.raw)
        assert answer.status_code == 201, answer.text

    def push(self, image: UpstreamImage, reference: str | None = None, name: str = "team/app") -> TestResponse:
        """Push an image with its blobs, and return the answer to its manifest."""
        for blob in image.blobs:
            self.push_blob(blob, name)
        return self.put(image, reference, name)

    def put(self, content: Content, reference: str | None = None, name: str = "team/app") -> TestResponse:
        """Push a manifest."""
        path = f"/v2/{name}/manifests/{reference or content.digest}"
        return self.send("PUT", path, {"Content-Type": content.media_type}, data=content.raw)


def json_of(answer: TestResponse) -> Any:
    """Return the document of an answer, whose type werkzeug does not know."""
    return answer.json


def refusal(answer: TestResponse) -> tuple[int, str, str]:
    """Return status, code and message of an error, which must have the form of all errors."""
    (error,) = json_of(answer)["errors"]
    assert answer.mimetype == "application/json"
    return answer.status_code, error["code"], error["message"]
