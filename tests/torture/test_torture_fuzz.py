"""The fuzzer: what it sends follows from its seed, and it notices servers that fail, hang up or grow."""

import random
import socket
from contextlib import suppress
from threading import Thread
from typing import NamedTuple

import pytest

from scripts.torture import fuzz
from scripts.torture.fuzz import Fuzzer, Size, growth
from scripts.torture.fuzz_requests import Requests


def sent(seed, times=300):
    requests = Requests(random.Random(seed), "token")
    return [bytes(requests.next()) for _ in range(times)]


def test_requests_follow_from_the_seed():
    assert sent("a") == sent("a")
    assert sent("a") != sent("b")


def test_many_kinds_of_requests_are_sent():
    heads = [raw.partition(b"\r\n")[0] for raw in sent("kinds", 3_000)]
    kinds = {part for head in heads for part in (b"manifests", b"blobs/uploads", b"tags", b"referrers") if part in head}
    assert kinds == {b"manifests", b"blobs/uploads", b"tags", b"referrers"}
    assert sum(head.startswith(b"POST / ") for head in heads) > 1_000


class Silent(NamedTuple):
    """The port of a server that accepts connections and never answers."""

    port: int


class Server:
    """Gives every connection the same bytes as soon as a request arrives, and ends it."""

    def __init__(self, answer):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.answer = answer
        Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, suppress(OSError):  # a client may close its end before it has read everything
                connection.recv(1_000_000)
                connection.sendall(self.answer)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1_000_000):
                    pass


@pytest.fixture
def serve():
    servers = []

    def start(answer):
        servers.append(Server(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.socket.close()


GOOD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (GOOD.replace(b"400", b"500"), "500 b'{}'"),
        (GOOD.replace(b"400", b"503"), "503 b'{}'"),
        (GOOD.replace(b"h: 2", b"h: 3"), "IncompleteRead"),
        (b"", "RemoteDisconnected"),
    ],
)
def test_the_fuzzer_notices(serve, answer, what):
    fuzzer = Fuzzer(serve(answer), "token", "seed")
    fuzzer.run(10)
    assert fuzzer.wrong
    assert all(what in each for each in fuzzer.wrong)


def test_refusals_are_not_wrong(serve):
    fuzzer = Fuzzer(serve(GOOD), "token", "seed")
    fuzzer.run(10)
    assert fuzzer.wrong == []
    assert fuzzer.statuses == {400: 10}


def test_a_request_without_an_answer_is_noticed(monkeypatch):
    monkeypatch.setattr(fuzz, "TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        fuzzer = Fuzzer(Silent(silent.getsockname()[1]), "token", "seed")
        fuzzer.run(1)
    assert "hangs" in fuzzer.wrong[0]


def test_growth_is_noticed_once_the_emulator_is_warm():
    steady = Size(100_000, 20, 40)
    assert growth([Size(50_000, 10, 20), *[steady] * 6]) == []
    assert growth([steady] * 4 + [Size(150_000, 20, 40)] * 3) == ["memory grew from 100000 to 150000"]
    assert growth([steady] * 4 + [Size(100_000, 50, 99)] * 3) == [
        "threads grew from 20 to 50",
        "files grew from 40 to 99",
    ]
