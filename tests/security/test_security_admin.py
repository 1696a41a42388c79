"""The endpoints below /_ecr: accepted callers, and the refusal of invalid requests."""

import json

import pytest
from werkzeug.test import Client

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
from tests.support.command_line import run_here
from tests.support.processes import serving

DIGEST = "sha256:" + "0" * 64
JSON = {"Content-Type": "application/json"}
POSTS = {
    "clock": {"advance": "1h"},
    "gc": {"grace": "1h"},
    "lifecycle": {},
    "refresh": {"image": "quay/app"},
    "pull": {"image": "quay/app:v1"},
    "reset": {},
}
GETS = ["", "/", "/health", "/ready", "/clock", "/events", "/rules", "/metrics", f"/findings/{DIGEST}"]


# --- Posts of web pages ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
@pytest.mark.parametrize("has_body", [False, True])
def test_a_post_that_a_form_could_send_is_refused_with_the_right_command(emulator, http, path, kind, has_body):
    client_of(emulator).create_repository(repositoryName="app")
    body = json.dumps(POSTS[path]) if has_body else None
    answer = http.post(f"/_ecr/{path}", data=body, headers={} if kind is None else {"Content-Type": kind})
    assert answer.status_code == 415
    words = f"curl -X POST -H 'Content-Type: application/json' http://localhost/_ecr/{path}"
    assert words in answer.json["error"]
    assert client_of(emulator).describe_repositories()["repositories"]


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "application/merge-patch+json"]
)
@pytest.mark.parametrize("path", ["gc", "lifecycle", "reset"])
def test_a_json_post_without_arguments_needs_no_body(http, path, kind):
    assert http.post(f"/_ecr/{path}", headers={"Content-Type": kind}).status_code == 200


# --- Invalid requests --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", POSTS)
def test_an_unknown_key_in_the_body_is_named_with_the_accepted_keys(http, path):
    answer = http.post(f"/_ecr/{path}", json=POSTS[path] | {"graze": "1h"})
    assert answer.status_code == 400
    assert 'The body has the unknown key "graze"; this address accepts ' in answer.json["error"]
    for key in POSTS[path]:
        assert key in answer.json["error"]


@pytest.mark.parametrize("path", GETS)
def test_an_unknown_key_in_the_query_is_refused(http, path):
    answer = http.get(f"/_ecr{path}?since=5")
    assert answer.status_code == 400
    assert 'The query has the unknown key "since"; this address accepts ' in answer.json["error"]


def test_findings_accept_no_unknown_key(http):
    answer = http.put(f"/_ecr/findings/{DIGEST}", json={"findings": [], "finding": []})
    assert 'unknown key "finding"; this address accepts findings' in answer.json["error"]
    assert http.delete(f"/_ecr/findings/{DIGEST}?force=1").status_code == 400
    assert http.delete(f"/_ecr/findings/{DIGEST}", json={"force": True}).status_code == 400


def test_a_key_that_comes_twice_is_refused(http):
    assert "has after 2 times" in http.get("/_ecr/events?after=1&after=2").json["error"]
    answer = http.post("/_ecr/gc", data='{"grace": "9h", "grace": "0s"}', headers=JSON)
    assert (answer.status_code, "a key twice" in answer.json["error"]) == (400, True)


HUGE = "9" * 30
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize("after", [HUGE, "9" * 5_000, str(2**63), "-1", "1.5", "1e9", "٣", "x", "", "0x10"])
def test_a_key_of_an_event_that_is_not_a_valid_number_is_refused(http, after):
    answer = http.get("/_ecr/events", query_string={"after": after})
    assert answer.status_code == 400
    assert "must be the key of an event, a number" in answer.json["error"]


def test_no_events_follow_the_largest_possible_key(http):
    assert http.get(f"/_ecr/events?after={2**63 - 1}").json["events"] == []


@pytest.mark.parametrize(
    "grace", [f"{HUGE}d", "99999999d", "999999d", "9" * 5_000, 10**400, -1, 1.5, True, None, [], {}, "soon", "", "٣h"]
)
def test_a_grace_that_is_not_a_duration_is_refused(http, grace):
    answer = http.post("/_ecr/gc", data=json.dumps({"grace": grace}), headers=JSON)
    assert answer.status_code == 400
    assert '{"grace": "1h"}' in answer.json["error"]


@pytest.mark.parametrize("advance", [f"{HUGE}d", "9" * 5_000, 10**400, 1.5, True, [], {}])
def test_an_advance_that_is_not_a_duration_is_refused(http, advance):
    answer = http.post("/_ecr/clock", data=json.dumps({"advance": advance}), headers=JSON)
    assert answer.status_code == 400
    assert '{"advance": "24h"}' in answer.json["error"]


BODIES = {
    "deep": DEEP,
    "deep in a key": f'{{"image": {DEEP}}}',
    "as deep as JSON is read": '{"findings": ' + "[" * 900 + "]" * 900 + "}",
    "broken": '{"image": ',
    "empty text": " ",
    "no UTF-8": b"\xff\xfe{}",
    "NaN": '{"grace": NaN}',
    "half a character": '{"image": "\\ud800"}',
    "a number of 5,000 digits": f'{{"grace": {"9" * 5_000}}}',
    "a list": "[]",
    "a text": '"1h"',
    "null": "null",
    "true": "true",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(("method", "path"), [*(("POST", path) for path in POSTS), ("PUT", "findings/*")])
def test_a_body_that_is_no_json_object_is_refused_by_every_address(http, method, path, body):
    answer = http.open(f"/_ecr/{path}", method=method, data=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json["error"]


def test_a_body_without_end_is_refused(http):
    answer = http.put("/_ecr/findings/*", data=b" " * (16 * 1024 * 1024 + 1), headers=JSON)
    assert (answer.status_code, bool(answer.json["error"])) == (413, True)


@pytest.mark.parametrize("path", ["refresh", "pull"])
@pytest.mark.parametrize(
    "wrong",
    [{"image": 5}, {"image": None}, {"image": ["a"]}, {"image": "a" * 100_000}, {"image": "quay/app", "account": 5}],
)
def test_a_value_of_a_wrong_type_is_refused(http, path, wrong):
    answer = http.post(f"/_ecr/{path}", json=wrong)
    assert (answer.status_code, bool(answer.json["error"])) == (400, True)


# --- The token -----------------------------------------------------------------------------------------------------

TOKEN = "s3cret-of-ours"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
EVERY_ADDRESS = [
    *(("GET", f"/_ecr{path}") for path in GETS),
    *(("POST", f"/_ecr/{path}") for path in POSTS),
    ("PUT", "/_ecr/findings/*"),
    ("DELETE", "/_ecr/findings/*"),
    ("GET", "/_ecr/nope"),
]
OPEN = {"/_ecr", "/_ecr/", "/_ecr/health", "/_ecr/ready"}


@pytest.fixture(scope="module")
def guarded():
    with Emulator(Settings(admin_token=TOKEN)) as running:
        yield Client(running.wsgi)


@pytest.mark.parametrize(("method", "path"), EVERY_ADDRESS)
@pytest.mark.parametrize(
    "sent", [None, "Bearer wrong-token", f"Basic {TOKEN}", TOKEN, "Bearer", f"Bearer {TOKEN}x", "Bearer é"]
)
def test_without_the_token_only_probes_are_answered(guarded, method, path, sent):
    headers = JSON | ({} if sent is None else {"Authorization": sent})
    answer = guarded.open(path, method=method, headers=headers)
    if path in OPEN:
        assert answer.status_code == 200
        return
    assert answer.status_code == 401
    assert "--admin-token" in answer.json["error"]
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_requests_with_the_token_are_answered_as_if_none_were_set(guarded, http):
    for method, path in EVERY_ADDRESS:
        with_token = guarded.open(path, method=method, headers=JSON | BEARER)
        assert with_token.status_code == http.open(path, method=method, headers=JSON).status_code


def test_the_token_protects_only_the_emulators_own_endpoints(guarded):
    assert guarded.get("/_localstack/health").status_code == 200
    assert guarded.get("/v2/").headers["WWW-Authenticate"].startswith("Basic")


def test_logged_settings_do_not_show_the_token():
    assert TOKEN not in repr(Settings(admin_token=TOKEN))


def test_commands_send_the_token_and_nothing_prints_it(tmp_path):
    variables = {"ECR_EMULATOR_ADMIN_TOKEN": TOKEN}
    with serving(tmp_path, "--port", "0", variables=variables) as served:
        at = {"ECR_EMULATOR_PORT": str(served.port)}
        for command in (["rules"], ["gc"], ["reset"], ["health"]):
            with_token = run_here(tmp_path, *command, **at, **variables)
            assert with_token.returncode == 0, with_token.stderr
        refused = run_here(tmp_path, "rules", **at)
        assert (refused.returncode, "--admin-token" in refused.stderr) == (1, True)
        served.stop()
    shown = run_here(tmp_path, "settings", **variables)
    assert "admin_token is set" in shown.stdout
    wrong = run_here(tmp_path, "serve", ECR_EMULATOR_ADMIN_TOKEN="a b")
    assert "ECR_EMULATOR_ADMIN_TOKEN must be a token" in wrong.stderr
    assert "a b" not in wrong.stderr
    assert TOKEN not in shown.stdout + served.output + (tmp_path / "log").read_text()


# --- Requests of browsers and probes --------------------------------------------------------------------------------


@pytest.fixture
def untouched(emulator, http):
    """Yield a client of an emulator; check afterwards that the companions are still not loaded."""
    yield http
    assert not emulator._companions.is_loaded


@pytest.mark.parametrize("path", ["/health", "/healthz", "/livez", "/_ecr/health"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_liveness_endpoint_answers(untouched, path, method):
    assert untouched.open(f"{path}", method=method).status_code == 200


@pytest.mark.parametrize("path", ["/ready", "/readyz"])
def test_every_readiness_endpoint_answers(untouched, path):
    assert untouched.get(f"{path}?probe=1").json == {"status": "ready"}


@pytest.mark.parametrize("path", ["/_ecr", "/_ecr/", "/"])
def test_the_root_page_lists_the_endpoints(untouched, path):
    assert "/_ecr/health" in untouched.get(path).text


@pytest.mark.parametrize("path", ["/health", "/readyz", "/metrics"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_probe_endpoints_accept_only_get(untouched, path, method):
    answer = untouched.open(path, method=method, json={})
    assert (answer.status_code, answer.json["error"]) == (405, f"{method} {path}: This address takes GET only")


@pytest.mark.parametrize(
    "path",
    [
        "/favicon.ico", "/apple-touch-icon.png", "/robots.txt", "/.well-known/security.txt", "/_localstack",
        "/_localstack/info", "/_ecr/nope",
    ],
)  # fmt: skip
def test_an_unknown_address_is_answered_in_plain_words(untouched, path):
    answer = untouched.get(path, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 404
    assert "There is no such address" in answer.json["error"]


@pytest.mark.parametrize("path", ["/health", "/metrics", "/favicon.ico"])
@pytest.mark.parametrize("credentials", [f"Bearer {TOKEN}", "Basic YW5uOnNlY3JldA=="])
def test_credentials_do_not_change_the_answers_of_probe_endpoints(untouched, path, credentials):
    answer = untouched.get(path, headers={"Authorization": credentials})
    assert answer.json == untouched.get(path).json


def test_a_bucket_may_have_the_name_of_a_probe_endpoint(emulator):
    s3 = client_of(emulator, "s3")
    s3.create_bucket(Bucket="health")
    s3.put_object(Bucket="health", Key="a", Body=b"")
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="health")["Contents"]] == ["a"]


# --- Services that are not emulated ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "call"), [("ecr-public", "describe_registries"), ("chime", "list_accounts"), ("kendra", "list_indices")]
)
def test_the_error_for_an_unknown_service_names_the_available_services(emulator, capfd, service, call):
    with pytest.raises(Exception, match=f"{service} is not emulated. Available are ECR") as refused:
        getattr(client_of(emulator, service), call)()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    for word in ("s3", "secretsmanager", "docs.getmoto.org"):
        assert word in str(refused.value)
    assert "urls.py" not in "".join(capfd.readouterr())
