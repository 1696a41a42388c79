"""Debian's Chromium, driven by playwright, which needs no browser of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

Scheme = Literal["light", "dark"]
WIDE, NARROW = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--font-render-hinting=none"]


@contextmanager
def chromium(path: str) -> Iterator[Any]:
    """Yield the browser at a path, as playwright's ``Browser``."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def window(browser: Any, scheme: Scheme = "light", size: dict[str, int] | None = None, **more: Any) -> Iterator[Any]:
    """Yield a new window as playwright's ``Page``, with a profile of its own."""
    context = browser.new_context(color_scheme=scheme, viewport=size or WIDE, reduced_motion="reduce", **more)
    yield context.new_page()
    context.close()


def shoot(page: Any, file: Path, *, whole: bool = True) -> None:
    """Store a picture of a page."""
    file.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=file, full_page=whole, animations="disabled", caret="hide")
