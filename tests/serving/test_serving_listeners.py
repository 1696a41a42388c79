"""Several addresses on one port."""

import errno
import logging
import socket

import pytest

from ecr_emulator.serving.listeners import CannotListen, listen


@pytest.fixture
def listening():
    opened = []

    def open_all(*args, **kwargs):
        opened.extend(listen(*args, **kwargs))
        return [each.getsockname()[:2] for each in opened]

    yield open_all
    for each in opened:
        each.close()


def test_both_loopback_addresses_get_one_free_port(listening):
    (four, port), (six, same) = listening(["127.0.0.1", "::1"], 0)
    assert (four, six, port) == ("127.0.0.1", "::1", same)
    assert port > 0
    for host in ("127.0.0.1", "::1"):
        socket.create_connection((host, port)).close()


def test_small_answers_go_out_at_once():
    """Nagle's algorithm would hold the body back until the client has acknowledged the head, 40 ms later."""
    [listener] = listen(["127.0.0.1"], 0)
    with listener, socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_server_listens_once_on_each_address_of_a_name(listening):
    addresses = [address for address, _ in listening(["localhost", "127.0.0.1"], 0)]
    assert addresses.count("127.0.0.1") == 1


def test_a_port_that_is_taken_is_named(listening):
    [(_, port)] = listening(["127.0.0.1"], 0)
    with pytest.raises(CannotListen, match=f"Cannot listen on 127.0.0.1 port {port}: Address already in use"):
        listen(["127.0.0.1"], port)


def test_an_address_of_another_machine_is_named():
    with pytest.raises(CannotListen, match=r"Cannot listen on 192\.0\.2\.1 port 0: Cannot assign"):
        listen(["192.0.2.1"], 0)


def test_a_free_port_must_be_free_on_every_address(monkeypatch, listening):
    refused = []

    class Socket(socket.socket):
        def bind(self, address):
            if self.family == socket.AF_INET6 and len(refused) < 2:
                refused.append(address)
                raise OSError(errno.EADDRINUSE, "Address already in use")
            super().bind(address)

    monkeypatch.setattr(socket, "socket", Socket)
    (_, port), (_, same) = listening(["127.0.0.1", "::1"], 0)
    assert len(refused) == 2
    assert port == same


def without_ipv6(monkeypatch):
    class Socket(socket.socket):
        def bind(self, address):
            if self.family == socket.AF_INET6:
                raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
            super().bind(address)

    monkeypatch.setattr(socket, "socket", Socket)


def test_a_machine_without_ipv6_listens_on_ipv4_and_says_so(monkeypatch, listening, caplog):
    without_ipv6(monkeypatch)
    with caplog.at_level(logging.INFO, "ecr_emulator"):
        [(address, _)] = listening(["127.0.0.1", "::1"], 0, without_ipv6=True)
    assert address == "127.0.0.1"
    assert "not listening on ::1: this machine has no IPv6" in caplog.text


def test_ipv6_that_was_asked_for_must_be_there(monkeypatch):
    without_ipv6(monkeypatch)
    with pytest.raises(CannotListen, match="Cannot listen on ::1"):
        listen(["127.0.0.1", "::1"], 0)
