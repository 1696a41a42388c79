"""Rules for all pages: headers, static files, errors and packages that they import."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "ecr_emulator"

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
    found = re.search(r'href="(/_ecr/console/static/console.css\?v=[0-9a-f]{12})"', browser.open().html)
    style = browser.client.get(found[1])
    assert (style.mimetype, style.headers["Cache-Control"]) == ("text/css", "public, max-age=86400")
    assert browser.client.get("/_ecr/console/static/icon.svg").mimetype == "image/svg+xml"


@pytest.mark.parametrize("name", ["nope.css", "../app.py", "..%2fapp.py", "console.css/"])
def test_no_other_file_is_served(browser, name):
    assert browser.client.get(f"/_ecr/console/static/{name}").status_code == 404


def test_nothing_imports_the_console_before_it_is_opened():
    outside = [path for path in PACKAGE.rglob("*.py") if "console" not in path.parent.name]
    texts = [path.read_text(encoding="utf-8") for path in outside]
    at_start = [node for text in texts if "ecr_emulator.console" in text for node in ast.parse(text).body]
    assert at_start
    imported = [node.module or "" for node in at_start if isinstance(node, ast.ImportFrom)]
    assert [module for module in imported if module.startswith("ecr_emulator.console")] == []
