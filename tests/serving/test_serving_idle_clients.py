"""A thousand idle connections, on a system that allows few open files by default."""

import resource
import socket
import ssl
import urllib.request
from contextlib import ExitStack, contextmanager

import pytest

from tests.support.processes import serving

USUAL = 1_024
"""The soft limit of open files on most systems; the hard one is far higher."""
IDLE = 1_100
TIMEOUT = 20


@contextmanager
def open_files(soft, hard=None):
    """Set the limit of open files for processes that are started in the block."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] != resource.RLIM_INFINITY and before[1] < 4 * IDLE:
        pytest.skip(f"{before[1]} open files are too few for this test")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard or before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def connect(emulator):
    return socket.create_connection(("127.0.0.1", emulator.port), timeout=TIMEOUT)


def is_healthy(url, context=None):
    with urllib.request.urlopen(f"{url}/_ecr/health", timeout=TIMEOUT, context=context) as answer:
        return answer.status == 200


def sends_nothing(connection):
    pass


def has_had_an_answer(connection):
    connection.sendall(b"GET /_ecr/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert connection.recv(12) == b"HTTP/1.1 200"


@pytest.fixture(params=["http", pytest.param("http and https", marks=pytest.mark.slow)])
def emulator(request, tmp_path):
    arguments = [] if request.param == "http" else ["--tls", "--tls-dir", "tls"]
    with ExitStack() as stack:
        with open_files(USUAL):
            emulator = stack.enter_context(serving(tmp_path, "--port", "0", *arguments))
        stack.enter_context(open_files(2 * IDLE + USUAL))
        yield emulator
        emulator.stop()


@pytest.mark.parametrize("idle", [sends_nothing, pytest.param(has_had_an_answer, marks=pytest.mark.slow)])
def test_a_thousand_idle_connections_do_not_block_other_clients(emulator, tmp_path, idle):
    with ExitStack() as stack:
        for _ in range(IDLE):
            idle(stack.enter_context(connect(emulator)))
        assert is_healthy(emulator.url)
        if "https" in emulator.output:
            context = ssl.create_default_context(cafile=tmp_path / "tls" / "ca.pem")
            assert is_healthy(emulator.url.replace("http:", "https:"), context)
    assert is_healthy(emulator.url)
