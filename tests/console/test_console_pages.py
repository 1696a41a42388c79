"""Rules for all pages: headers, static files, errors and packages that they import."""

import subprocess
import sys

import pytest

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@pytest.mark.parametrize(
    "path", ["", "registries", "nope", "/_ecr/console/sign-in", "/_ecr/console/static/console.css"]
)
def test_all_pages_have_a_strict_policy(browser, path):
    address = path if path.startswith("/") else f"/_ecr/console/000000000000/us-east-1/{path}"
    headers = browser.client.get(address, headers={"Accept": "text/html"}).headers
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_pages_are_kept_by_nobody_and_static_files_are(browser):
    assert browser.open().headers["Cache-Control"] == "no-store"
    style = browser.client.get("/_ecr/console/static/console.css")
    assert (style.mimetype, style.headers["Cache-Control"]) == ("text/css", "public, max-age=86400")
    assert browser.client.get("/_ecr/console/static/icon.svg").mimetype == "image/svg+xml"


@pytest.mark.parametrize("name", ["nope.css", "../app.py", "..%2fapp.py", "console.css/"])
def test_no_other_file_is_served(browser, name):
    assert browser.client.get(f"/_ecr/console/static/{name}").status_code == 404


def test_a_start_does_not_import_the_console():
    probe = "import sys, ecr_emulator.emulator; print([name for name in sys.modules if 'ecr_emulator.console' in name])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
