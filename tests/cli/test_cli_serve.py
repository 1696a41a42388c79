"""``ecr-emulator serve``, from start to end."""

import json
import re
import signal
import socket
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.support.advisories import advisory, affected, fixed, write
from tests.support.event_streams import Follower
from tests.support.processes import run, serving
from tests.support.programs import free_port, until

WAIT = 20


@contextmanager
def connected(port, host="127.0.0.1"):
    connection = HTTPConnection(host, port, timeout=WAIT)
    yield connection
    connection.close()


def health(port, host="127.0.0.1"):
    with connected(port, host) as connection:
        connection.request("GET", "/_ecr/health")
        return json.load(connection.getresponse())["status"]


def log(folder):
    return (folder / "log").read_text()


def test_serve_answers_on_both_addresses_once_it_prints_ready_and_exits_with_0(tmp_path):
    with serving(tmp_path, "--port", "0") as served:
        assert health(served.port, "127.0.0.1") == "ok"
        assert health(served.port, "::1") == "ok"
        assert served.stop() == 0
        assert "Traceback" not in log(tmp_path)


@pytest.mark.slow
def test_serve_indexes_advisories_before_a_scan_needs_them(tmp_path):
    write(tmp_path / "osv", advisory("CVE-2024-0001", affected("PyPI", "flask", *fixed("2.0"))))
    with serving(tmp_path, "--port", "0", "--vulnerabilities", "osv"):
        until(lambda: "1 advisories are indexed" in log(tmp_path))


@pytest.mark.slow
def test_serve_prints_the_commands_that_a_user_needs(tmp_path):
    with serving(tmp_path, "--port", "0", "--data-dir", "state") as served:
        login = "aws ecr get-login-password | docker login --username AWS --password-stdin"
        assert served.url == f"http://localhost:{served.port}"
        assert f"  export AWS_ENDPOINT_URL={served.url} AWS_DEFAULT_REGION=us-east-1\n" in served.output
        assert f"  {login} localhost:{served.port}\n" in served.output
        assert served.output.endswith("State: state (kept)\n")


def test_temporary_state_is_announced_and_removed(tmp_path):
    with serving(tmp_path, "--port", "0") as served:
        folder = re.search(r"State: (\S+) \(temporary, gone when the emulator stops", served.output)
        assert Path(folder[1]).is_dir()
        assert served.stop(signal.SIGINT) == 0
        assert not Path(folder[1]).exists()
        assert "temporary=true" in log(tmp_path)


@pytest.mark.slow
def test_settings_reach_it_from_flags_environment_and_file(tmp_path):
    (tmp_path / "ecr-emulator.toml").write_text("log_format = 'json'\nport = 1\n")
    with serving(tmp_path, "--port", "0", variables={"ECR_EMULATOR_PUBLIC_HOST": "ecr.test"}) as served:
        assert served.url == "http://ecr.test"
        assert served.stop() == 0
    ready = [line for line in map(json.loads, log(tmp_path).splitlines()) if line["message"] == "ready"]
    assert ready[0]["endpoint"] == "http://ecr.test"


def test_each_request_is_a_line_in_the_log_except_for_probes(tmp_path):
    with serving(tmp_path, "--port", "0") as served:
        health(served.port)
        with connected(served.port) as connection:
            connection.request("GET", "/_ecr/clock")
            connection.getresponse().read()
        assert served.stop() == 0
    assert re.search(r"request method=GET path=/_ecr/clock status=200 bytes=\d+ milliseconds=\d", log(tmp_path))
    assert "/_ecr/health" not in log(tmp_path)


@pytest.mark.slow
def test_a_quiet_log_has_no_requests(tmp_path):
    with serving(tmp_path, "--port", "0", "--log-level", "warning") as served:
        health(served.port)
        assert served.stop() == 0
    assert log(tmp_path) == ""


def test_a_second_emulator_with_the_same_data_directory_is_refused(tmp_path):
    with serving(tmp_path, "--port", "0", "--data-dir", "state"):
        second = run(tmp_path, "serve", "--port", "0", "--data-dir", "state")
    assert (second.returncode, second.stdout) == (2, "")
    assert re.search(r"^Error: The data directory \S*state is in use by process \d+\.", second.stderr, re.MULTILINE)
    assert "Traceback" not in second.stderr


HINT = "Choose another one with --port; 0 picks a free one.\n"


def test_a_port_that_is_taken_is_refused(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run(tmp_path, "serve", "--port", str(port))
    assert refused.returncode == 2
    assert refused.stderr == f"Error: Cannot listen on 127.0.0.1 port {port}: Address already in use. " + HINT


@pytest.mark.parametrize("source", ["endpoint in --blobs", "AWS_ENDPOINT_URL_S3"])
def test_s3_at_the_emulators_own_port_is_refused_at_once(tmp_path, source):
    port = free_port()
    url = f"http://localhost:{port}"
    place, variables = f"s3://layers?endpoint={url}", {}
    if source == "AWS_ENDPOINT_URL_S3":
        place, variables = "s3://layers", {source: url}
    refused = run(tmp_path, "serve", "--port", str(port), "--data-dir", "state", "--blobs", place, **variables)
    assert refused.returncode == 2
    assert refused.stderr == f"Error: {source} is {url}, this emulator itself. It must be a server of S3 that runs\n"
    assert not (tmp_path / "state").exists()


@pytest.mark.slow
def test_a_data_directory_that_is_no_directory_is_refused(tmp_path):
    (tmp_path / "state").write_text("a file")
    refused = run(tmp_path, "serve", "--port", "0", "--data-dir", "state")
    assert refused.returncode == 2
    assert refused.stderr == "Error: The data directory state cannot be used: it is not a directory\n"
    assert "Traceback" not in refused.stderr


@pytest.mark.slow
def test_a_data_directory_with_an_invalid_database_is_refused(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "ecr.sqlite").write_text("These are my notes.\n" * 100)
    refused = run(tmp_path, "serve", "--port", "0", "--data-dir", "state")
    assert refused.returncode == 2
    assert refused.stderr == (
        "Error: state/ecr.sqlite cannot be read: file is not a database. "
        "Restore it from a copy, or use another data directory.\n"
    )


@pytest.mark.slow
def test_health_finds_a_running_emulator(tmp_path):
    with serving(tmp_path, "--port", "0") as served:
        found = run(tmp_path, "health", ECR_EMULATOR_PORT=str(served.port))
        assert (found.returncode, found.stdout.split(",")[0]) == (0, "ok")


@contextmanager
def half_sent(port):
    """Send a request without the end of its body."""
    with connected(port) as connection:
        connection.putrequest("POST", "/")
        connection.putheader("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories")
        connection.putheader("Content-Length", "10")
        connection.putheader("Expect", "100-continue")
        connection.endheaders()
        # The application answers 100 when it reads the body; from now on the request is running.
        assert connection.sock.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.send(b"first")
        yield connection


def test_few_threads_are_enough_for_one_client(tmp_path):
    with serving(tmp_path, "--port", "0", "--threads", "1") as served, ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(half_sent(served.port))
        assert health(served.port) == "ok"
        assert "--threads 1 is too few for one client; it is 64 instead" in log(tmp_path)


def test_a_running_request_is_answered_before_serve_stops(tmp_path):
    with serving(tmp_path, "--port", "0") as served, half_sent(served.port) as connection:
        served.process.send_signal(signal.SIGTERM)
        wait_until_refused(served.port)
        connection.send(b"after")
        assert connection.sock.recv(9) == b"HTTP/1.1 "
        assert served.process.wait(WAIT) == 0
    assert "cut off" not in log(tmp_path)


def test_streams_of_events_end_when_serve_stops(tmp_path):
    with serving(tmp_path, "--port", "0") as served, Follower(served.port) as follower:
        assert follower.next().comment == "events follow"
        served.process.send_signal(signal.SIGTERM)
        assert follower.rest() == []
        assert served.process.wait(WAIT) == 0
        assert "cut off" not in log(tmp_path)


@pytest.mark.slow
def test_a_request_that_does_not_end_is_cut_off(tmp_path):
    with serving(tmp_path, "--port", "0", "--shutdown-timeout", "0.1") as served, half_sent(served.port):
        assert served.stop() == 0
    assert "transfers were cut off after 0.1 seconds" in log(tmp_path)


def wait_until_refused(port):
    with pytest.raises(ConnectionError):
        connect_for_ever(port)


def connect_for_ever(port):
    while True:
        socket.create_connection(("127.0.0.1", port), timeout=WAIT).close()
