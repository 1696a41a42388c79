"""A real browser with pages of another origin, beside an emulator that holds credentials."""

import json
import re
import subprocess
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.support.boto import client_at
from tests.support.processes import serving
from tests.support.programs import program

pytestmark = pytest.mark.journey

ACCOUNT = "123456789012"
SIGNED = f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/us-east-1/secretsmanager/aws4_request"
PAGE = """<!doctype html><title>A stranger's page</title><pre id="heard"></pre><script type="module">
const emulator = "EMULATOR", heard = {};
async function hear(name, ask) {
  try { heard[name] = await ask() } catch (failure) { heard[name] = `failed: ${failure.message}` }
}
const text = async (path, how) => (await fetch(emulator + path, how)).text();
const posted = body => new Promise(done => {
  const form = document.createElement("form"), frame = document.createElement("iframe");
  frame.name = "frame"; frame.onload = () => done("sent"); document.body.append(frame, form);
  Object.assign(form, {method: "POST", action: emulator + "/_ecr/reset", target: "frame", enctype: "text/plain"});
  form.submit();
});
const picture = path => new Promise(done => {
  const image = new Image();
  image.onload = () => done("loaded"); image.onerror = () => done("failed"); image.src = emulator + path;
});
await hear("clock", () => text("/_ecr/clock"));
await hear("secret", () => text("/", {method: "POST", body: '{"SecretId": "hub"}', headers: {
  "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue",
  "Authorization": "SIGNED"}}));
const reset = "/_ecr/reset", json = {"Content-Type": "application/json"};
await hear("reset", () => text(reset, {method: "POST"}));
await hear("reset unseen", async () => (await fetch(emulator + reset, {method: "POST", mode: "no-cors"})).type);
await hear("reset asked for", () => text(reset, {method: "POST", headers: json}));
await hear("beacon", () => String(navigator.sendBeacon(emulator + reset, "{}")));
await hear("form", posted);
await hear("picture", () => picture("/_ecr/clock"));
document.getElementById("heard").textContent = JSON.stringify(heard);
</script>"""


@pytest.fixture
def strangers(tmp_path):
    """Serve a web site of another origin, which shows ``page``."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self):
            page = self.server.page.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def browse(folder, url):
    """Return the document that a browser shows when the page has settled. All other host names lead to loopback."""
    quiet = ["first-run", "sandbox"], ["gpu", "sync", "background-networking", "component-update"]
    command = [
        program("chromium"),
        "--headless",
        *(f"--no-{name}" for name in quiet[0]),
        *(f"--disable-{name}" for name in quiet[1]),
        "--host-resolver-rules=MAP *.example 127.0.0.1",
        f"--user-data-dir={folder / 'browser'}",
        "--virtual-time-budget=20000",
        "--dump-dom",
        url,
    ]
    return unescape(subprocess.run(command, capture_output=True, text=True, timeout=50, check=True).stdout)


def heard_by(folder, strangers, emulator):
    strangers.page = PAGE.replace("EMULATOR", emulator.url).replace("SIGNED", SIGNED)
    shown = browse(folder, f"http://page.example:{strangers.server_port}/")
    return json.loads(re.search(r'<pre id="heard">(.+?)</pre>', shown)[1])


def populate(emulator):
    client_at(emulator.url, account=ACCOUNT).create_repository(repositoryName="app")
    client_at(emulator.url, "secretsmanager", account=ACCOUNT).create_secret(Name="hub", SecretString="dckr_pat_1")


def is_populated(emulator):
    secrets = client_at(emulator.url, "secretsmanager", account=ACCOUNT)
    repositories = client_at(emulator.url, account=ACCOUNT).describe_repositories()["repositories"]
    return len(repositories) == 1 and secrets.get_secret_value(SecretId="hub")["SecretString"] == "dckr_pat_1"


def test_a_page_of_another_origin_neither_reads_nor_changes_anything(tmp_path, strangers):
    with serving(tmp_path, "--port", "0") as emulator:
        populate(emulator)
        heard = heard_by(tmp_path, strangers, emulator)
        for name in ("clock", "secret", "reset", "reset asked for"):
            assert heard[name].startswith("failed"), (name, heard)
        assert (heard["reset unseen"], heard["form"], heard["picture"]) == ("opaque", "sent", "failed")
        assert is_populated(emulator)
        assert emulator.stop() == 0
    log = (tmp_path / "log").read_text()
    assert len(re.findall(r"method=POST path=/_ecr/reset status=403", log)) >= 3, log
    assert "method=OPTIONS path=/ status=403" in log
    assert "path=/_ecr/clock status=200" not in log


def test_a_page_of_an_allowed_origin_reads_and_changes(tmp_path, strangers):
    with serving(tmp_path, "--port", "0", "--allow-origin", f"http://page.example:{strangers.server_port}") as emulator:
        populate(emulator)
        heard = heard_by(tmp_path, strangers, emulator)
        assert "now" in json.loads(heard["clock"])
        assert json.loads(heard["secret"])["SecretString"] == "dckr_pat_1"
        assert "Content-Type: application/json" in json.loads(heard["reset"])["error"]
        assert json.loads(heard["reset asked for"]) == {"status": "empty"}
        assert emulator.stop() == 0


def test_a_public_host_name_that_resolves_to_loopback_is_refused(tmp_path):
    with serving(tmp_path, "--port", "0") as emulator:
        shown = browse(tmp_path, f"http://rebound.example:{emulator.port}/_ecr/clock")
        assert "--allow-host rebound.example" in shown
        assert '"now"' not in shown
        assert emulator.stop() == 0
