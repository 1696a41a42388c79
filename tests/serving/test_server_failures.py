"""Answers that fail before they begin or in the middle, with a Content-Length and without."""

import pytest

from tests.support.servers import WAIT, connected, until_closed


def test_an_application_that_fails_is_a_500_without_its_reason(port):
    with connected(port) as wire:
        wire.send("GET /broken HTTP/1.1", "Host: x", "Connection: close")
        assert wire.head()[0] == 500
        assert b"disk" not in wire.file.read()


@pytest.mark.parametrize("path", ["/fail", "/fail/expected"])
def test_a_body_that_fails_ends_the_connection_short(port, app, path):
    with connected(port) as wire:
        wire.send(f"GET {path} HTTP/1.1", "Host: x")
        head, _, body = until_closed(wire).partition(b"\r\n\r\n")
        assert body in (b"", b"0123456789")
        assert body == b"" or b"content-length: 100" in head.lower()
    assert app.closed.get(timeout=WAIT)


def test_an_expected_failure_of_a_body_is_logged_in_one_line(port, app, caplog):
    with connected(port) as wire:
        wire.send("GET /fail/expected HTTP/1.1", "Host: x")
        until_closed(wire)
    assert app.closed.get(timeout=WAIT)
    assert caplog.messages == ["the answer to GET /fail/expected was cut short: the upstream is gone"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_a_dropped_connection_ends_before_the_status_line(port, app, caplog, capfd, method, version):
    with connected(port) as wire:
        wire.send(f"{method} /drop HTTP/{version}", "Host: x")
        assert until_closed(wire) == b""
    assert app.closed.get(timeout=WAIT)
    assert caplog.messages == [f"the answer to {method} /drop was cut short: an injected fault"]
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("path", ["/break/measured", "/break/unmeasured"])
def test_an_answer_that_a_fault_breaks_off_never_looks_complete(port, app, caplog, capfd, path):
    with connected(port) as wire:
        wire.send(f"GET {path} HTTP/1.1", "Host: x")
        head, _, body = until_closed(wire).partition(b"\r\n\r\n")
        assert body in (b"", b"0123456789", b"a\r\n0123456789\r\n")
        assert body == b"" or b"content-length: 1" in head.lower() or b"chunked" in head
    assert app.closed.get(timeout=WAIT)
    assert caplog.messages == [f"the answer to GET {path} was cut short: an injected fault"]
    assert "Traceback" not in capfd.readouterr().err


UNMEASURED = ["/fail/unmeasured", "/fail/unmeasured/expected"]


@pytest.mark.parametrize("path", UNMEASURED)
def test_a_chunked_answer_that_fails_never_looks_complete(port, app, path):
    with connected(port) as wire:
        wire.send(f"GET {path} HTTP/1.1", "Host: x")
        assert until_closed(wire).partition(b"\r\n\r\n")[2].lower() in (b"", b"a\r\n0123456789\r\n")
    assert app.closed.get(timeout=WAIT)


def test_a_chunked_answer_that_fails_after_its_first_bytes_ends_without_the_last_chunk(port, app):
    with connected(port) as wire:
        wire.send("GET /fail/late HTTP/1.1", "Host: x")
        assert wire.head()[1]["transfer-encoding"] == "chunked"
        assert wire.file.read(10) == b"5\r\nfirst\r\n"
        app.go_on.set()
        assert until_closed(wire) == b""
    assert app.closed.get(timeout=WAIT)


@pytest.mark.parametrize("path", UNMEASURED)
def test_an_unmeasured_answer_over_http_1_0_fails_before_it_begins(port, app, path):
    """HTTP/1.0 has no chunks."""
    with connected(port) as wire:
        wire.send(f"GET {path} HTTP/1.0", "Host: x")
        received = until_closed(wire)
        assert b" 500 " in received.partition(b"\r\n")[0] or b"chunked" in received
        assert b"0\r\n\r\n" not in received
    assert app.closed.get(timeout=WAIT)
