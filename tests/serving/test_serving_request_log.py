"""The format of log lines, and the line that is logged for each request."""

import io
import json
import logging
from itertools import count

import pytest

from ecr_emulator.log_format import JsonLines, TextLines, set_up_logging
from ecr_emulator.request_log import RequestLog, with_request_log


@pytest.fixture
def lines():
    """Yield the fields of each line that is logged during the test."""
    handler = RecordingHandler()
    log = logging.getLogger("ecr_emulator.requests")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler.facts
    log.removeHandler(handler)
    log.setLevel(level)


class RecordingHandler(logging.Handler):
    def __init__(self):
        super().__init__()
        self.facts = []

    def emit(self, record):
        self.facts.append(record.facts)


class Body:
    def __init__(self, *parts):
        self.parts = iter(parts)
        self.closed = 0

    def __iter__(self):
        return self

    def __next__(self):
        part = next(self.parts)
        if isinstance(part, Exception):
            raise part
        return part

    def close(self):
        self.closed += 1


def application(body, status="200 OK", **environ_of_the_application):
    def wsgi(environ, start_response):
        environ.update(environ_of_the_application)
        start_response(status, [("Content-Type", "text/plain")])
        return body

    return wsgi


def ask(wsgi, path="/v2/", started=None):
    ticks = count(0, 0.25)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path}
    return RequestLog(wsgi, lambda: next(ticks))(environ, lambda *how: (started or []).append(how))


def test_a_request_is_one_line(lines):
    assert ask(application([b"one", b"two"], "201 Created")) == [b"one", b"two"]
    assert lines == [{"method": "GET", "path": "/v2/", "status": 201, "bytes": 6, "milliseconds": 250.0}]


def test_the_line_copies_the_trace_of_the_request(lines):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/v2/", "HTTP_TRACEPARENT": trace}
    RequestLog(application([b"one"]))(environ, lambda *how: None)
    assert lines[0]["traceparent"] == trace


def test_a_streamed_body_is_counted_and_logged_when_it_is_closed(lines):
    body = Body(b"one", b"three")
    answer = ask(application(body))
    assert list(answer) == [b"one", b"three"]
    assert lines == []
    answer.close()
    assert body.closed == 1
    assert [(line["status"], line["bytes"]) for line in lines] == [(200, 8)]


def test_a_body_that_the_client_left_counts_what_was_taken(lines):
    answer = ask(application(Body(b"one", b"three")))
    next(answer)
    answer.close()
    assert lines[0]["bytes"] == 3


def test_a_body_that_fails_is_still_closed_and_logged(lines):
    body = Body(b"one", OSError("gone"))
    answer = ask(application(body))
    with pytest.raises(OSError, match="gone"):
        list(answer)
    answer.close()
    assert (body.closed, lines[0]["bytes"]) == (1, 3)


def test_a_body_without_close_is_fine(lines):
    answer = ask(application(iter([b"one"])))
    assert list(answer) == [b"one"]
    answer.close()
    assert len(lines) == 1


def test_an_application_that_fails_is_logged_as_500(lines):
    def wsgi(environ, start_response):
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        ask(wsgi)
    assert lines[0]["status"] == 500


def test_a_status_that_comes_with_the_first_bytes_is_seen(lines):
    def wsgi(environ, start_response):
        start_response("404 Not Found", [])
        yield b"no"

    answer = ask(wsgi)
    list(answer)
    answer.close()
    assert (lines[0]["status"], lines[0]["bytes"]) == (404, 2)


def test_the_exception_that_changes_an_answer_reaches_the_server(lines):
    started = [None]

    def wsgi(environ, start_response):
        start_response("500 Oh", [], ("kind", "error", "trace"))
        return []

    ask(wsgi, started=started)
    assert started[1] == ("500 Oh", [], ("kind", "error", "trace"))


def test_the_request_id_and_the_note_are_part_of_the_line(lines):
    note = {"operation": "PutImage", "account": "123456789012"}
    ask(application([], **{"ecr_emulator.request_id": "r-1", "ecr_emulator.note": note}))
    assert lines[0]["request_id"] == "r-1"
    assert lines[0].items() >= note.items()


def test_a_path_cannot_forge_a_line(lines):
    ask(application([]), path="/v2/\r\n12:00 fake/caf\u00c3\u00a9")
    assert lines[0]["path"] == "/v2/%0D%0A12%3A00%20fake/caf%C3%A9".replace("%3A", ":")


def test_the_application_is_not_wrapped_when_requests_are_not_logged():
    wsgi = application([])
    log = logging.getLogger("ecr_emulator.requests")
    level = log.level
    try:
        log.setLevel(logging.WARNING)
        assert with_request_log(wsgi) is wsgi
        log.setLevel(logging.INFO)
        assert isinstance(with_request_log(wsgi), RequestLog)
    finally:
        log.setLevel(level)


def record(message, exc_info=None, **facts):
    made = logging.LogRecord("ecr_emulator.x", logging.INFO, "x.py", 1, message, (), exc_info)
    made.created = 1_700_000_000.25
    made.facts = facts
    return made


def test_a_json_line_is_one_object():
    line = JsonLines().format(record("hello\nworld", status=200))
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250+00:00",
        "level": "info",
        "logger": "ecr_emulator.x",
        "message": "hello\nworld",
        "status": 200,
    }
    assert "\n" not in line


def test_a_json_line_carries_the_traceback():
    try:
        raise OSError("gone")
    except OSError as failure:
        line = JsonLines().format(record("failed", (OSError, failure, failure.__traceback__)))
    assert "OSError: gone" in json.loads(line)["exception"]


def test_a_text_line_quotes_what_is_not_a_plain_word():
    line = TextLines().format(record("request", method="GET", repository="a b\n", status=200))
    assert line.endswith('INFO    request method=GET repository="a b\\n" status=200')


def test_a_text_line_contains_no_terminal_control_characters():
    line = TextLines().format(record("the realm is https://a\x1b[2J\nb"))
    assert line.endswith("the realm is https://a [2J b")


@pytest.mark.parametrize(("style", "begin"), [("text", ""), ("json", "{")])
def test_the_log_level_applies_to_the_emulator_and_not_to_libraries(style, begin):
    root, ours = logging.getLogger(), logging.getLogger("ecr_emulator")
    before = root.handlers[:], root.level, ours.level
    stream = io.StringIO()
    try:
        set_up_logging("info", style, stream)
        ours.info("seen")
        ours.debug("unseen")
        logging.getLogger("someone").info("unseen")
    finally:
        root.handlers[:] = before[0]
        root.setLevel(before[1])
        ours.setLevel(before[2])
    assert "seen" in stream.getvalue()
    assert "unseen" not in stream.getvalue()
    assert stream.getvalue().startswith(begin)
