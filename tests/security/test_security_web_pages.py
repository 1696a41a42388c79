"""A web page of another origin in a browser on this machine can neither read nor change state."""

import pytest
from werkzeug.test import Client

from ecr_emulator.emulator import Emulator
from ecr_emulator.serving.threaded import ThreadedServer
from ecr_emulator.settings import Settings
from tests.support.boto import client_at, client_of

EVIL = "http://evil.example"
ACCOUNT = "123456789012"


def signed(service):
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/us-east-1/{service}/aws4_request"}


PARTS = {
    "registry": ("GET", "/v2/", {}, lambda body: body["errors"][0]["message"]),
    "API": ("POST", "/", signed("ecr"), lambda body: body["message"]),
    "companions": ("POST", "/", signed("secretsmanager"), lambda body: body["message"]),
    "admin": ("POST", "/_ecr/reset", {"Content-Type": "application/json"}, lambda body: body["error"]),
    "health": ("GET", "/_localstack/health", {}, lambda body: body["error"]),
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("sent", "advice"),
    [
        ({"Origin": EVIL}, f"--allow-origin {EVIL}"),
        ({"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"}, "--allow-origin http://localhost:3000"),
        ({"Origin": "https://localhost"}, "--allow-origin https://localhost"),
        ({"Origin": "null"}, "--allow-origin"),
        ({"Origin": "chrome-extension://abc"}, "--allow-origin chrome-extension://abc"),
        ({"Sec-Fetch-Site": "cross-site"}, "--allow-origin"),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, "--allow-origin"),
        ({"Sec-Fetch-Site": "cross-site", "Referer": f"{EVIL}/page"}, f"--allow-origin {EVIL}"),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, "--allow-origin"),
    ],
)
def test_every_interface_refuses_a_page_of_another_origin_in_its_own_format(http, part, sent, advice):
    method, path, headers, message_in = PARTS[part]
    answer = http.open(path, method=method, headers=headers | sent)
    assert answer.status_code == 403
    assert advice in message_in(answer.get_json(force=True))
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize("path", ["/", "/_ecr/reset", "/v2/", "/bucket/key", "/_ecr/nope"])
@pytest.mark.parametrize("origin", [EVIL, "null"])
def test_a_preflight_request_is_refused(http, path, origin):
    answer = http.options(path, headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
    assert answer.status_code == 403
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_pages_cannot_read_the_secrets_of_upstreams(emulator, http):
    secrets = client_of(emulator, "secretsmanager", account=ACCOUNT)
    secrets.create_secret(Name="ecr-pullthroughcache/hub", SecretString="dckr_pat_1")
    asked = {"X-Amz-Target": "secretsmanager.GetSecretValue", "Content-Type": "text/plain"} | signed("secretsmanager")
    request = {"method": "POST", "data": '{"SecretId": "ecr-pullthroughcache/hub"}'}
    answer = http.open("/", headers=asked | {"Origin": EVIL}, **request)
    assert (answer.status_code, b"dckr_pat_1" in answer.data) == (403, False)
    own = http.open("/", headers=asked, **request)
    assert b"dckr_pat_1" in own.data
    assert "Access-Control-Allow-Origin" not in own.headers


def test_refused_requests_of_a_page_change_nothing(emulator, http):
    ecr = client_of(emulator)
    ecr.create_repository(repositoryName="app")
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json"):
        assert http.post("/_ecr/reset", headers={"Origin": EVIL, "Content-Type": kind}).status_code == 403
    assert len(ecr.describe_repositories()["repositories"]) == 1


@pytest.mark.parametrize(
    ("base", "origin", "headers"),
    [
        ("http://localhost:4566", "http://localhost:4566", {}),
        ("http://localhost:80", "http://localhost", {}),
        ("https://localhost:443", "https://localhost", {}),
        ("http://[::1]:4566", "http://[::1]:4566", {}),
        ("http://localhost:4566", "https://ecr.test", {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "ecr.test"}),
    ],
)
def test_pages_of_the_emulators_own_origin_are_accepted(http, base, origin, headers):
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"} | headers
    assert http.post("/_ecr/lifecycle", base_url=base, headers=headers).status_code == 200


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_an_address_that_a_user_types_is_accepted(http, site):
    assert http.get("/", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}).status_code == 200


def test_forwarded_headers_do_not_make_another_origin_the_emulators_own(http):
    headers = {"Host": "evil.example", "X-Forwarded-Host": "localhost:4566", "Origin": "http://localhost:4566"}
    assert http.get("/_ecr/clock", headers=headers).status_code == 421


# --- Allowed origins -----------------------------------------------------------------------------------------


@pytest.fixture
def friendly(with_settings):
    return with_settings(allow_origin=("http://localhost:3000",))


def test_pages_of_an_allowed_origin_can_send_requests_and_read_answers(friendly):
    origin = {"Origin": "http://localhost:3000"}
    wanted = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,x-amz-target"}
    told = friendly.options("/bucket/key", headers=origin | wanted)
    assert told.status_code == 204
    assert told.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert told.headers["Access-Control-Allow-Methods"] == "PUT"
    assert told.headers["Access-Control-Allow-Headers"] == "authorization,x-amz-target"
    for path in ("/_ecr/clock", "/v2/", "/bucket/key"):
        answer = friendly.get(path, headers=origin)
        assert answer.headers.getlist("Access-Control-Allow-Origin") == ["http://localhost:3000"]
        assert "Origin" in answer.headers["Vary"]


def test_images_in_pages_of_an_allowed_origin_are_served(friendly):
    picture = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}
    assert friendly.get("/_ecr/clock", headers=picture | {"Referer": "http://localhost:3000/"}).status_code == 200
    assert friendly.get("/_ecr/clock", headers=picture | {"Referer": f"{EVIL}/"}).status_code == 403


@pytest.mark.parametrize("origin", [EVIL, "null", "http://localhost:3001", "https://localhost:3000"])
def test_other_origins_are_refused_as_before(friendly, origin):
    assert friendly.get("/_ecr/clock", headers={"Origin": origin}).status_code == 403


# --- Host names ----------------------------------------------------------------------------------------------

ANSWERED = [
    "localhost", "localhost:4566", "LOCALHOST", "localhost.", "127.0.0.1:4566", "[::1]:4566", "192.168.1.20:4566",
    "172.18.0.1", "ecr-emulator:4566", "my_emulator", "host.docker.internal:4566", "host.k3d.internal", "box.local",
    "ecr.test:8443", "nas.home.arpa", "ecr-emulator.tools.svc:4566", "ecr-emulator.tools.svc.cluster.local",
    "bucket.localhost:4566", "my.bucket.s3.localhost:4566", "210987654321.dkr.ecr.eu-west-1.localhost:4566",
    "210987654321.dkr.ecr.eu-west-1.amazonaws.com", "210987654321.dkr.ecr.cn-north-1.amazonaws.com.cn",
    "api.ecr.us-east-1.amazonaws.com", "ecr.us-east-1.api.aws", "210987654321.dkr-ecr.eu-west-1.on.aws",
    "bucket.s3.amazonaws.com", "public.ecr.aws",
]  # fmt: skip
REFUSED = [
    "evil.example", "evil.example:4566", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1.nip.io",
    "amazonaws.com.evil.example", "evilamazonaws.com", "notlocalhost.com", "evil.example.", "a.b", ".",
    "internal.evil.io", "ecr.corp.example.com",
]  # fmt: skip
NO_HOSTS = [
    "localhost@evil", "evil.example, localhost", "[evil.example", "evil.example]", "[]", "[evil.example]",
    "[::1].evil.example", "[::1", "a[b]c", "localhost:http", "localhost/.evil.example",
]  # fmt: skip


@pytest.mark.parametrize("host", ANSWERED)
def test_host_names_that_cannot_be_registered_publicly_are_accepted(http, host):
    assert http.get("/_ecr/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("host", REFUSED)
def test_host_names_that_anybody_can_register_are_refused(http, part, host):
    method, path, headers, message_in = PARTS[part]
    answer = http.open(path, method=method, headers=headers | {"Host": host})
    assert answer.status_code == 421
    assert "--allow-host" in message_in(answer.get_json(force=True))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("host", NO_HOSTS)
def test_an_invalid_host_is_refused(http, part, host):
    method, path, headers, message_in = PARTS[part]
    answer = http.open(path, method=method, headers=headers | {"Host": host})
    assert answer.status_code == 400
    assert "Host header" in message_in(answer.get_json(force=True))


@pytest.mark.parametrize("host", ["evil.example", "localhost, evil.example", "[evil.example", "[]", "[...]", "."])
def test_forwarded_host_names_are_checked_too(http, host):
    answer = http.get("/_ecr/health", headers={"X-Forwarded-Host": host})
    assert answer.status_code == 421
    assert "--allow-host" in answer.json["error"]


@pytest.mark.parametrize(
    ("settings", "host", "status"),
    [
        ({"allow_host": ("ecr.corp.example.com",)}, "ecr.corp.example.com:4566", 200),
        ({"allow_host": ("ECR.corp.example.com",)}, "ecr.corp.example.com", 200),
        ({"allow_host": ("ecr.corp.example.com",)}, "b.ecr.corp.example.com", 421),
        ({"allow_host": ("*.corp.example.com",)}, "b.ecr.corp.example.com", 200),
        ({"allow_host": ("*.corp.example.com",)}, "evilcorp.example.com", 421),
        ({"allow_host": ("*.tools",)}, "ecr-emulator.tools:4566", 200),
        ({"public_host": "ecr.corp.example.com:443"}, "ecr.corp.example.com", 200),
        ({"public_host": "ecr.corp.example.com:443"}, "bucket.ecr.corp.example.com", 200),
        ({"host": ("127.0.0.1", "box.example.com")}, "box.example.com:4566", 200),
    ],
)
def test_configured_host_names_are_accepted(with_settings, settings, host, status):
    assert with_settings(**settings).get("/_ecr/health", headers={"Host": host}).status_code == status


def test_the_machines_own_host_name_is_accepted(monkeypatch):
    monkeypatch.setattr("ecr_emulator.web_pages.gethostname", lambda: "build7.example.com")
    with Emulator() as emulator:
        headers = {"Host": "build7.example.com:4566"}
        assert Client(emulator.wsgi).get("/_ecr/health", headers=headers).status_code == 200


def test_a_host_name_may_begin_with_the_name_of_a_bucket(emulator):
    with ThreadedServer(emulator.wsgi) as server:
        s3 = client_at(server.url, "s3")
        s3.create_bucket(Bucket="pictures")
        s3.put_object(Bucket="pictures", Key="health", Body=b"cat", ACL="public-read")
    http = Client(emulator.wsgi)
    headers = {"Host": "pictures.localhost:4566"}
    assert http.get("/health", headers=headers).data == b"cat"


def test_allowed_origins_and_hosts_are_compared_without_case_and_default_port():
    settings = Settings(allow_origin=("HTTP://LocalHost:80",), allow_host=("*.Example.COM",))
    with Emulator(settings) as emulator:
        headers = {"Origin": "http://localhost", "Host": "a.example.com"}
        assert Client(emulator.wsgi).get("/_ecr/health", headers=headers).status_code == 200
