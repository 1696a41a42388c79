"""Requests to an emulator in another process: over TLS, over connections that are kept, and to nobody."""

import socket
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Thread

import pytest

from ecr_emulator import EcrEmulator
from ecr_emulator.http_transport import HttpTransport, NoAnswer
from ecr_emulator.serving.certificates import certificate_for
from ecr_emulator.testing.running import RunningEcrEmulator
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.servers import App, two_protocol_server


@contextmanager
def answering(raw):
    """Yield the URL of a server that sends these bytes to its first client, and closes the connection."""

    def answer():
        connection, _ = listener.accept()
        with connection:
            connection.recv(1_000)
            connection.sendall(raw)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def test_an_emulator_behind_tls_is_reached_with_its_certificate(tmp_path, monkeypatch):
    certificate = certificate_for(tmp_path, [], datetime.now(UTC))
    with EcrEmulator() as here, two_protocol_server(_Wsgi(here), certificate) as port:
        url = f"https://localhost:{port}"
        with pytest.raises(ConnectionError, match=r"No emulator answers at https://localhost:\d+: .*certificate"):
            RunningEcrEmulator(url)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate.authority))
        with RunningEcrEmulator(url) as running:
            pushed = running.push_image("team/app", "1.0")
            assert running.pull("team/app:1.0").digest == pushed.digest
            assert running.client().list_images(repositoryName="team/app")["imageIds"][0]["imageTag"] == "1.0"


def test_connections_are_kept_and_threads_share_them():
    with ScriptedUpstream() as server:
        transport = HttpTransport(server.url)
        assert [transport.send("GET", "/v2/").read() for _ in range(3)] == [b"{}"] * 3
        assert server.connections == 1
        threads = [Thread(target=lambda: transport.send("GET", "/v2/").read()) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.count("GET") == 6
        transport.close()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "SSH-2.0"),
        (b"", "Connection aborted"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nlittle", "IncompleteRead"),
    ],
)
def test_another_server_and_an_answer_that_breaks_off_are_named(raw, reason):
    with answering(raw) as url, pytest.raises(NoAnswer, match=f"No emulator answers at {url}: .*{reason}"):
        HttpTransport(url).send("GET", "/").read()


def test_the_reason_of_the_system_is_in_the_message():
    with pytest.raises(NoAnswer, match=r"No emulator answers at http://127\.0\.0\.1:9: Connection refused") as failed:
        HttpTransport("http://127.0.0.1:9").send("GET", "/")
    assert failed.value.strerror == "Connection refused"


class _Wsgi(App):
    """The application of an emulator, where ``two_protocol_server`` expects one of its own."""

    def __init__(self, emulator):
        super().__init__()
        self._wsgi = emulator._emulator.wsgi

    def __call__(self, environ, start_response):
        return self._wsgi(environ, start_response)
