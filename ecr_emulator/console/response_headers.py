"""The headers of all pages: what a browser may load, run, send and remember.

https://www.w3.org/TR/CSP3/
"""

from __future__ import annotations

from flask import Response

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Scripts, styles and pictures come from this emulator alone, and none of them is inside a page."""
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # "no-referrer" would make the Origin of a form "null", which is refused as another origin.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PRIVATE = "no-store"
"""Pages show what the caller may see, so nobody keeps them."""


def add_headers(response: Response) -> Response:
    """Add the headers to an answer."""
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", PRIVATE)
    return response
