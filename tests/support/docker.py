"""A registry client that is logged in, and how its errors are read."""

from werkzeug.test import Client

from ecr_emulator.emulator import Emulator
from tests.support.boto import client_of

ACCOUNT = "123456789012"
BASE = "http://localhost:4566"


class Docker:
    """A client that is logged in to one repository, speaking plain HTTP."""

    def __init__(self, emulator: Emulator, account: str = ACCOUNT, region: str = "us-east-1"):
        self.emulator = emulator
        self.ecr = client_of(emulator, "ecr", account=account, region=region)
        self.http = Client(emulator.wsgi)
        self.log_in()

    def log_in(self):
        self.token = self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]

    def send(self, method, path, headers=None, **how):
        """A request to a path, or to a URL that an answer named."""
        headers = {"Authorization": f"Basic {self.token}"} | (headers or {})
        return self.http.open(path.removeprefix(BASE), base_url=BASE, method=method, headers=headers, **how)

    def get(self, path, headers=None):
        return self.send("GET", path, headers)

    def begin(self, name="team/app"):
        answer = self.send("POST", f"/v2/{name}/blobs/uploads/")
        assert answer.status_code == 202, answer.text
        return answer.headers["Location"]

    def push_blob(self, blob, name="team/app"):
        answer = self.send("PUT", f"{self.begin(name)}?digest={blob.digest}", data=blob.raw)
        assert answer.status_code == 201, answer.text

    def push(self, image, reference=None, name="team/app"):
        for blob in image.blobs:
            self.push_blob(blob, name)
        return self.put(image, reference, name)

    def put(self, content, reference=None, name="team/app"):
        path = f"/v2/{name}/manifests/{reference or content.digest}"
        return self.send("PUT", path, {"Content-Type": content.media_type}, data=content.raw)


def refusal(answer):
    """Status, code and message of an error, and that it has the one form that all errors have."""
    (error,) = answer.json["errors"]
    assert answer.mimetype == "application/json"
    return answer.status_code, error["code"], error["message"]
