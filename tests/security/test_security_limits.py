"""The limits that docs/security.md states: open ports, trusted callers and headers, unprotected data."""

import json
import os
import re
from pathlib import Path

import pytest
from werkzeug.test import Client

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import Keys, client_of
from tests.support.processes import serving

ACCOUNT = "123456789012"
TOKEN = "s3cret-of-ours"


def listening(pid):
    """Return the TCP addresses on which a process listens."""
    inodes = {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            address, port = fields[1].split(":")
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                found.add((address, int(port, 16)))
    return found


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux tells what listens")
@pytest.mark.parametrize("arguments", [(), ("--tls", "--tls-dir", "tls")], ids=["http", "https too"])
def test_the_server_listens_only_on_one_port_of_loopback(tmp_path, arguments):
    with serving(tmp_path, "--port", "0", *arguments) as emulator:
        found = listening(emulator.process.pid)
        assert found
        assert found <= {("0100007F", emulator.port), ("0" * 24 + "01000000", emulator.port)}
        assert emulator.stop() == 0


def test_an_access_key_is_believed_whatever_the_secret_is():
    with Emulator() as emulator:
        for secret in ("any", "another"):
            caller = client_of(emulator, "sts", keys=Keys(ACCOUNT, secret)).get_caller_identity()
            assert caller["Account"] == ACCOUNT


def test_signatures_of_companions_are_never_checked():
    with Emulator(Settings(iam="enforce", verify_signatures=True)) as emulator:
        iam = client_of(emulator, "iam", account=ACCOUNT)
        iam.create_user(UserName="ann")
        key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
        client_of(emulator, "secretsmanager", keys=Keys(key, "wrong")).create_secret(Name="a", SecretString="x")


def test_iam_does_not_apply_to_the_emulators_own_endpoints():
    with Emulator(Settings(iam="enforce")) as emulator:
        client_of(emulator, account=ACCOUNT).create_repository(repositoryName="app")
        assert Client(emulator.wsgi).post("/_ecr/reset", json={}).status_code == 200
    with Emulator(Settings(iam="enforce", admin_token=TOKEN)) as emulator:
        http = Client(emulator.wsgi)
        assert http.post("/_ecr/reset", json={}).status_code == 401
        assert http.post("/_ecr/reset", json={}, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_the_token_closes_neither_the_api_nor_the_companions():
    with Emulator(Settings(admin_token=TOKEN)) as emulator:
        client_of(emulator, account=ACCOUNT).create_repository(repositoryName="app")
        client_of(emulator, account=ACCOUNT).delete_repository(repositoryName="app")
        client_of(emulator, "secretsmanager", account=ACCOUNT).create_secret(Name="a", SecretString="x")


def test_secrets_are_stored_without_encryption(tmp_path):
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        client_of(emulator, "secretsmanager").create_secret(Name="hub", SecretString="dckr_pat_1")
    assert b"dckr_pat_1" in (tmp_path / "companions" / "secretsmanager.json").read_bytes()


def test_a_request_without_an_origin_is_answered_without_cors_headers():
    with Emulator() as emulator:
        answer = Client(emulator.wsgi).get(
            "/_ecr/clock", headers={"Host": "192.168.1.20:4566", "User-Agent": "Mozilla"}
        )
        assert answer.status_code == 200
        assert not re.search("access-control", str(answer.headers), re.IGNORECASE)


def test_forwarded_headers_are_trusted_for_the_host_name():
    with Emulator() as emulator:
        forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "registry.test"}
        assert "https://registry.test" in Client(emulator.wsgi).get("/", headers=forwarded).text


def test_forwarded_headers_are_trusted_for_the_client_address():
    elsewhere = {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    denial = {"Effect": "Deny", "Principal": "*", "Action": "ecr:ListImages", "Condition": elsewhere}
    asked = {
        "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.ListImages",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/us-east-1/ecr/aws4_request, "
        "SignedHeaders=host, Signature=any",
    }
    with Emulator(Settings(iam="enforce")) as emulator:
        ecr = client_of(emulator, account=ACCOUNT)
        ecr.create_repository(repositoryName="app")
        ecr.set_repository_policy(repositoryName="app", policyText=json.dumps({"Statement": [denial]}))
        statuses = [
            Client(emulator.wsgi).post("/", json={"repositoryName": "app"}, headers=asked | forwarded).status_code
            for forwarded in ({}, {"X-Forwarded-For": "10.1.2.3"}, {"X-Forwarded-For": "10.1.2.3, 192.0.2.1"})
        ]
    assert statuses == [400, 200, 400]


def test_a_page_in_a_bucket_has_the_emulators_own_origin():
    with Emulator() as emulator:
        s3 = client_of(emulator, "s3")
        s3.create_bucket(Bucket="site")
        s3.put_object(Bucket="site", Key="index.html", Body=b"<script>", ContentType="text/html", ACL="public-read")
        http = Client(emulator.wsgi)
        assert http.get("/site/index.html").mimetype == "text/html"
        headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
        assert http.post("/_ecr/reset", json={}, headers=headers).status_code == 200
