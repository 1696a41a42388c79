"""A browser without JavaScript, which opens pages of the console, follows redirections and sends forms.

Each page is checked: it is small, well-formed and complete, loads nothing from other hosts, and has no code inside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from werkzeug.test import Client, TestResponse

from ecr_emulator.emulator import Emulator
from tests.support.boto import LOOPBACK

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ACCOUNT, REGION = "000000000000", "us-east-1"
VOID = {"meta", "link", "input", "br", "hr", "img", "path", "rect", "line", "circle", "polyline", "wbr"}
WITHIN_TEXT = {"a", "abbr", "code", "em", "small", "span", "strong", "time"}
MOST_BYTES = 100_000


@dataclass
class Form:
    """A form of a page: its address, its method, the values of its fields, and those of its buttons."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """A page as a browser shows it."""

    def __init__(self, response: TestResponse) -> None:
        super().__init__()
        self.status = response.status_code
        self.path = response.request.path
        self.html = response.text
        self.headers = response.headers
        self.forms: list[Form] = []
        self.links: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self._textarea: str | None = None
        self.feed(self.html)
        self.text = re.sub(r"\s+", " ", self.text).strip()
        self._check()

    def _check(self) -> None:
        assert len(self.html.encode()) <= MOST_BYTES, (self.path, len(self.html))
        assert self._open == [], self._open
        assert len(set(self.ids)) == len(self.ids), self.ids
        assert "default-src 'none'" in self.headers["Content-Security-Policy"]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self._open.append(tag)
        assert "style" not in values, f"a style inside the page: <{tag} {values}>"
        assert not [name for name in values if name.startswith("on")], f"a script inside the page: <{tag} {values}>"
        for name in ("href", "src", "action"):
            assert not re.match(r"(?:https?:)?//|javascript:", values.get(name, "")), f"another host: <{tag} {values}>"
        if "id" in values:
            self.ids.append(values["id"])
        self._note(tag, values)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self._open[-1:] == [tag], f"</{tag}> closes {self._open}"
        self._open.pop()
        self._textarea = None
        self.text += "" if tag in WITHIN_TEXT else " "

    def handle_data(self, data: str) -> None:
        if self._textarea is not None and self.forms:
            self.forms[-1].values[self._textarea] += data
        if not {"style", "title"} & set(self._open[-1:]):
            self.text += data
        if "a" in self._open and self.links:
            self.links[-1] = (self.links[-1][0], self.links[-1][1] + data)
        assert "script" not in self._open, f"a script inside the page: {data}"

    def _note(self, tag: str, values: dict[str, str]) -> None:
        if tag == "a":
            self.links.append((values.get("href", ""), ""))
        elif tag == "form":
            self.forms.append(Form(values.get("action", self.path), values.get("method", "get")))
        elif self.forms and "form" in self._open:
            self._note_field(tag, values)

    def _note_field(self, tag: str, values: dict[str, str]) -> None:
        form, name = self.forms[-1], values.get("name", "")
        if tag == "button":
            form.buttons.append((name, values.get("value", "")))
        elif tag == "textarea":
            form.values[name] = ""
            self._textarea = name
        elif tag == "input" and (values.get("type") not in ("checkbox", "radio") or "checked" in values):
            form.values[name] = values.get("value", "")

    def form(self, ends: str) -> Form:
        """Return the first form whose address ends so."""
        return next(each for each in self.forms if each.action.endswith(ends))

    def link(self, text: str) -> str:
        """Return the address of the first link with this text."""
        return next(address for address, shown in self.links if " ".join(shown.split()) == text)


class Browser:
    """A browser that shows pages of an emulator."""

    def __init__(self, emulator: Emulator, base_url: str = "http://localhost:4566") -> None:
        self.client = Client(emulator.wsgi)
        self._base = base_url

    def open(self, path: str = "", **query: str) -> Page:
        """Open a page: one of the emulator's home registry, or the one at an absolute path."""
        address = path if path.startswith("/") else f"/_ecr/console/{ACCOUNT}/{REGION}/{path}"
        return self._shown("GET", address, query_string=query or None)

    def submit(self, form: Form, button: tuple[str, str] | None = None, **changed: str) -> Page:
        """Send a form with some values changed, by a button or without one."""
        values = form.values | changed | ({button[0]: button[1]} if button and button[0] else {})
        if form.method == "get":
            return self._shown("GET", form.action, query_string=values)
        return self._shown("POST", form.action, data=values)

    def _shown(self, method: str, address: str, **more: Any) -> Page:
        origin = {"Origin": self._base} if method == "POST" else {}
        headers = HTML | {"Sec-Fetch-Site": "same-origin"} | origin
        response = self.client.open(
            address,
            method=method,
            base_url=self._base,
            headers=headers,
            environ_base=LOOPBACK,
            follow_redirects=True,
            **more,
        )
        return Page(response)
