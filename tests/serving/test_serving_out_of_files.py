"""Without file descriptors: requests that need one are refused with the reason, and work again later."""

import json
import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import boto3
import pytest
import requests

from ecr_emulator.testing.upstream.images import layer
from tests.support import processes
from tests.support.processes import serving

TIMEOUT = 20
BLOB = layer("blob", 500_000)
REASON = "the emulator may open no more files for now; raise their limit (ulimit -n)"
SIGNED = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"


def logged_in(emulator):
    """Create a repository, and return the headers of a client that is logged in."""
    ecr = boto3.client("ecr", endpoint_url=emulator.url, region_name="us-east-1",
                       aws_access_key_id="123456789012", aws_secret_access_key="any")  # fmt: skip
    ecr.create_repository(repositoryName="app")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    ecr.close()
    return {"Authorization": f"Basic {token}"}


class Client:
    """A client whose connection is opened before files run out."""

    def __init__(self, emulator, login):
        self.url = emulator.url
        self.login = login
        self.http = requests.Session()
        self.http.auth = lambda request: request  # the headers carry the credentials
        assert self.health().ok

    def registry(self, method, path, **how):
        url = self.url + path.removeprefix(self.url)
        return self.http.request(method, url, headers=self.login, timeout=TIMEOUT, **how)

    def begin(self):
        return self.registry("POST", "/v2/app/blobs/uploads/")

    def push(self):
        begun = self.begin()
        if not begun.ok:
            return begun
        path = urlsplit(begun.headers["Location"]).path
        return self.registry("PUT", path, params={"digest": BLOB.digest}, data=BLOB.raw)

    def pull(self):
        return self.registry("GET", f"/v2/app/blobs/{BLOB.digest}")

    def api(self):
        headers = {
            "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.InitiateLayerUpload",
            "Authorization": SIGNED.format("ecr"),
        }
        body = json.dumps({"repositoryName": "app"})
        return self.http.post(self.url, body, headers=headers, timeout=TIMEOUT)

    def companion(self):
        headers = {"Authorization": SIGNED.format("sts")}
        form = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}
        return self.http.post(self.url, form, headers=headers, timeout=TIMEOUT)

    def gc(self):
        return self.http.post(f"{self.url}/_ecr/gc", json={}, timeout=TIMEOUT)

    def health(self):
        return self.http.get(f"{self.url}/_ecr/health", timeout=TIMEOUT)


@contextmanager
def out_of_files(process):
    """Let a process keep its open files, and open no more."""
    soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux changes the limits of a process that runs")
def test_requests_that_need_a_file_are_refused_with_the_reason_until_one_is_free(tmp_path):
    with serving(tmp_path, "--port", "0", "--data-dir", "data") as emulator:
        login = logged_in(emulator)
        assert Client(emulator, login).push().status_code == 201
        questions = [Client.begin, Client.pull, Client.api, Client.companion, Client.gc]
        clients = [Client(emulator, login) for _ in questions]  # a server may close a connection after it has refused
        healthy = Client(emulator, login)
        with out_of_files(emulator.process):
            for ask, client in zip(questions, clients, strict=True):
                answer = ask(client)
                assert (ask.__name__, answer.status_code) == (ask.__name__, 503)
                assert REASON in answer.text
            assert healthy.health().ok
        for ask in questions:
            assert ask(healthy).ok, ask.__name__
        emulator.stop()
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("protocols", [[], ["--tls", "--tls-dir", "tls"]], ids=["http", "http and https"])
def test_many_clients_share_few_files(tmp_path, monkeypatch, protocols):
    monkeypatch.setattr(processes, "COMMAND", ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh", *processes.COMMAND])
    with serving(tmp_path, "--port", "0", *protocols) as emulator:
        login = logged_in(emulator)

        def push_and_pull(_):
            client = Client(emulator, login)
            with client.http:
                return [client.push().status_code, client.pull().status_code]

        with ThreadPoolExecutor(12) as clients:
            statuses = {status for both in clients.map(push_and_pull, range(30)) for status in both}
        assert statuses <= {200, 201, 404, 503}
        client = Client(emulator, login)
        assert (client.push().status_code, client.pull().status_code) == (201, 200)
        assert client.companion().ok
        client.http.close()
        emulator.stop()
    assert "Traceback" not in (tmp_path / "log").read_text()
