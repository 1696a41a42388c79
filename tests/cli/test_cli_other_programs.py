"""Commands at an address where another program answers: each says so, and the program gets no secret."""

import pytest

from tests.support.command_line import invoke
from tests.support.other_program import Program

HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b"
PAGE = HTTP % (b"text/html", 18, b"<html>hello</html>")
NOT_FOUND = PAGE.replace(b"200 OK", b"404 Not Found")
MOVED = b"HTTP/1.1 302 Found\r\nLocation: https://example.com/\r\nContent-Length: 0\r\n\r\n"
JSON = HTTP % (b"application/json", 15, b'{"status":"up"}')
LIST = HTTP % (b"application/json", 2, b"[]")
CUT_OFF = HTTP % (b"application/json", 1000, b'{"version": "1')
SSH = b"SSH-2.0-OpenSSH_9.2\r\n"
SOMETHING = "something else answers there"
ANSWERS = {
    "page": (PAGE, SOMETHING),
    "not found": (NOT_FOUND, "it answers 404 Not Found"),
    "redirect": (MOVED, "it answers 302 Found"),
    "json": (JSON, SOMETHING),
    "list": (LIST, SOMETHING),
    "cut off": (CUT_OFF, SOMETHING),
    "ssh": (SSH, SOMETHING),
}
COMMANDS = [
    "clock", "events", "events --follow", "gc", "health", "image team/app", "images", "lifecycle", "login", "pull a/b",
    "refresh quay/a", "repos", "reset", "rules", "seed seed.toml", "snapshot save state.tar", "status", "templates",
    "wait --timeout 0",
]  # fmt: skip


@pytest.fixture(scope="module")
def program():
    with Program() as program:
        yield program


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_names_the_address_and_the_reason(program, command):
    program.received.clear()
    for answer, reason in ANSWERS.values():
        program.answer = answer
        variables = {"AWS_ENDPOINT_URL": program.url, "ECR_EMULATOR_ADMIN_TOKEN": "secret-token"}
        done = invoke(None, *command.split(), **variables)
        assert (done.exit_code, done.stdout) == (1, ""), done.output
        assert f"emulator at {program.url}, which AWS_ENDPOINT_URL names: {reason}" in done.stderr
    assert len(program.received) == len(ANSWERS)
    assert not any(b"secret-token" in request for request in program.received)
