"""Blobs: pushes in every way that the protocol has, and pulls of the whole or a part."""

import hashlib
import socket
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.serving.threaded import ThreadedServer
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import Content, image, layer
from tests.support.docker import Docker, refusal

BLOB = layer("blob", 10_000)
PATH = f"/v2/team/app/blobs/{BLOB.digest}"


# --- Pulls --------------------------------------------------------------------------------------------------


@pytest.fixture
def held(docker):
    docker.push_blob(BLOB)
    return docker


def test_a_blob_is_served_unchanged(held):
    answer = held.get(PATH)
    assert (answer.status_code, answer.data) == (200, BLOB.raw)
    assert answer.headers["Docker-Content-Digest"] == BLOB.digest
    assert answer.headers["Accept-Ranges"] == "bytes"
    head = held.send("HEAD", PATH)
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", "10000")


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("0-0", 0, 1), ("5-9", 5, 10), ("9990-", 9990, 10_000), ("-10", 9990, 10_000), ("0-99999", 0, 10_000),
     ("-99999", 0, 10_000)],
)  # fmt: skip
def test_a_range_request_returns_that_part(held, asked, start, stop):
    answer = held.get(PATH, {"Range": f"bytes={asked}"})
    assert (answer.status_code, answer.data) == (206, BLOB.raw[start:stop])
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/10000"
    assert answer.headers["Content-Length"] == str(stop - start)


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=-", "nonsense"])
def test_a_header_that_is_not_one_range_returns_everything(held, asked):
    answer = held.get(PATH, {"Range": asked})
    assert (answer.status_code, answer.data) == (200, BLOB.raw)


@pytest.mark.parametrize("asked", ["bytes=10000-", "bytes=20000-30000", "bytes=-0", "bytes=9-1"])
def test_a_range_beyond_the_end_is_not_satisfiable(held, asked):
    answer = held.get(PATH, {"Range": asked})
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */10000")


def test_a_blob_is_reached_only_through_a_repository_that_has_it(held):
    held.ecr.create_repository(repositoryName="other")
    status, code, _ = refusal(held.get(f"/v2/other/blobs/{BLOB.digest}"))
    assert (status, code) == (404, "BLOB_UNKNOWN")


@pytest.mark.parametrize("digest", ["sha256:abc", "md5:" + "0" * 32, "sha256:" + "G" * 64, "x"])
def test_a_malformed_digest_is_refused(docker, digest):
    status, code, _ = refusal(docker.get(f"/v2/team/app/blobs/{digest}"))
    assert (status, code) == (400, "DIGEST_INVALID")


def test_blobs_are_not_deleted(held):
    status, code, _ = refusal(held.send("DELETE", PATH))
    assert (status, code) == (405, "UNSUPPORTED")
    assert held.get(PATH).status_code == 200


# --- Pushes -------------------------------------------------------------------------------------------------


def test_a_blob_is_pushed_in_one_request(docker):
    answer = docker.send("POST", f"/v2/team/app/blobs/uploads/?digest={BLOB.digest}", data=BLOB.raw)
    assert (answer.status_code, answer.headers["Location"]) == (201, f"http://localhost:4566{PATH}")
    assert docker.get(PATH).data == BLOB.raw


def test_a_blob_is_pushed_in_chunks(docker):
    location = docker.begin()
    for start in range(0, 10_000, 3_000):
        chunk = BLOB.raw[start : start + 3_000]
        span = {"Content-Range": f"{start}-{start + len(chunk) - 1}", "Content-Type": "application/octet-stream"}
        answer = docker.send("PATCH", location, span, data=chunk)
        assert (answer.status_code, answer.headers["Range"]) == (202, f"0-{start + len(chunk) - 1}")
        location = answer.headers["Location"]
    assert docker.send("PUT", f"{location}?digest={BLOB.digest}").status_code == 201
    assert docker.get(PATH).data == BLOB.raw


def test_the_last_chunk_may_be_in_the_request_that_closes_the_upload(docker):
    location = docker.begin()
    docker.send("PATCH", location, data=BLOB.raw[:4_000])
    answer = docker.send(
        "PUT", f"{location}?digest={BLOB.digest}", {"Content-Range": "4000-9999"}, data=BLOB.raw[4_000:]
    )
    assert answer.status_code == 201


@pytest.mark.parametrize(("method", "query"), [("PATCH", ""), ("PUT", f"?digest={BLOB.digest}")])
def test_a_chunk_out_of_order_changes_nothing(docker, method, query):
    location = docker.begin()
    docker.send("PATCH", location, {"Content-Range": "0-3999"}, data=BLOB.raw[:4_000])
    answer = docker.send(method, location + query, {"Content-Range": "5000-5999"}, data=BLOB.raw[5_000:6_000])
    assert (answer.status_code, answer.headers["Range"]) == (416, "0-3999")
    state = docker.get(location)
    assert (state.status_code, state.headers["Range"]) == (204, "0-3999")
    docker.send("PATCH", location, {"Content-Range": "4000-9999"}, data=BLOB.raw[4_000:])
    assert docker.send("PUT", f"{location}?digest={BLOB.digest}").status_code == 201


@pytest.mark.parametrize(("span", "code"), [("rubbish", "BLOB_UPLOAD_INVALID"), ("0-5", "SIZE_INVALID")])
def test_a_content_range_must_fit_the_body(docker, span, code):
    status, found, _ = refusal(docker.send("PATCH", docker.begin(), {"Content-Range": span}, data=b"abc"))
    assert (status, found) == (400, code)


def test_wrong_bytes_are_refused_and_forgotten(docker):
    location = docker.begin()
    status, code, _ = refusal(docker.send("PUT", f"{location}?digest={BLOB.digest}", data=b"other bytes"))
    assert (status, code) == (400, "DIGEST_INVALID")
    assert refusal(docker.get(location))[:2] == (404, "BLOB_UPLOAD_UNKNOWN")
    assert docker.get(PATH).status_code == 404


def test_an_upload_can_be_cancelled(docker):
    location = docker.begin()
    assert docker.send("DELETE", location).status_code == 204
    assert refusal(docker.send("PATCH", location, data=b"x"))[:2] == (404, "BLOB_UPLOAD_UNKNOWN")


@pytest.mark.parametrize("query", ["", "?digest=sha256:abc"])
def test_closing_an_upload_needs_a_digest(docker, query):
    assert refusal(docker.send("PUT", docker.begin() + query))[:2] == (400, "DIGEST_INVALID")


def test_an_empty_blob_and_a_sha512_digest_are_accepted(docker):
    empty = Content(b"", "application/octet-stream")
    docker.push_blob(empty)
    assert docker.get(f"/v2/team/app/blobs/{empty.digest}").data == b""
    digest = "sha512:" + hashlib.sha512(BLOB.raw).hexdigest()
    assert docker.send("PUT", f"{docker.begin()}?digest={digest}", data=BLOB.raw).status_code == 201
    assert docker.get(f"/v2/team/app/blobs/{digest}").data == BLOB.raw


def test_an_upload_belongs_to_its_repository(docker):
    docker.ecr.create_repository(repositoryName="other")
    location = docker.begin().replace("/team/app/", "/other/")
    assert refusal(docker.get(location))[:2] == (404, "BLOB_UPLOAD_UNKNOWN")


@pytest.mark.parametrize("source", ["?mount={digest}&from=team/app", "?mount={digest}"])
def test_a_blob_is_mounted_from_another_repository(held, source):
    held.ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    held.ecr.create_repository(repositoryName="other")
    answer = held.send("POST", "/v2/other/blobs/uploads/" + source.format(digest=BLOB.digest))
    assert (answer.status_code, answer.headers["Docker-Content-Digest"]) == (201, BLOB.digest)
    assert held.get(f"/v2/other/blobs/{BLOB.digest}").data == BLOB.raw


def test_blobs_are_mounted_only_if_the_account_enables_it(held):
    held.ecr.create_repository(repositoryName="other")
    mount = f"/v2/other/blobs/uploads/?mount={BLOB.digest}&from=team/app"
    assert held.send("POST", mount).status_code == 202
    held.ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    assert held.send("POST", mount).status_code == 201
    held.ecr.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")
    assert held.get(f"/v2/other/blobs/{BLOB.digest}").data == BLOB.raw


def test_layers_of_a_cache_are_not_mounted(held):
    held.ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    held.ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="team", upstreamRegistryUrl="public.ecr.aws")
    held.ecr.create_repository(repositoryName="other")
    answer = held.send("POST", f"/v2/other/blobs/uploads/?mount={BLOB.digest}&from=team/app")
    assert answer.status_code == 202


def test_a_mount_of_an_absent_blob_starts_an_upload(docker):
    docker.ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    answer = docker.send("POST", f"/v2/team/app/blobs/uploads/?mount={BLOB.digest}&from=no/such")
    assert answer.status_code == 202
    assert docker.send("PUT", f"{answer.headers['Location']}?digest={BLOB.digest}", data=BLOB.raw).status_code == 201


def send_raw(server, request):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_stream_without_length_arrives_chunk_by_chunk(docker):
    path = urlsplit(docker.begin()).path
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BLOB.raw[:6_000], BLOB.raw[6_000:]))
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {docker.token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with ThreadedServer(docker.emulator.wsgi) as server:
        answer = send_raw(server, head.encode() + body + b"0\r\n\r\n")
    assert b" 202 " in answer.splitlines()[0]
    assert docker.send("PUT", f"{path}?digest={BLOB.digest}").status_code == 201


def test_an_upload_that_breaks_off_continues_where_it_stopped(docker):
    path = urlsplit(docker.begin()).path
    head = f"PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {docker.token}\r\nContent-Length: 10000\r\n\r\n"
    with ThreadedServer(docker.emulator.wsgi) as server:
        send_raw(server, head.encode() + BLOB.raw[:4_000])
    state = docker.get(path)
    size = int(state.headers["Range"].removeprefix("0-")) + 1
    assert state.status_code == 204
    docker.send("PATCH", path, {"Content-Range": f"{size}-9999"}, data=BLOB.raw[size:])
    assert docker.send("PUT", f"{path}?digest={BLOB.digest}").status_code == 201


def test_an_upload_continues_after_a_restart(tmp_path):
    settings = Settings(data_dir=tmp_path)
    with Emulator(settings) as before:
        docker = Docker(before)
        docker.ecr.create_repository(repositoryName="team/app")
        location = docker.begin()
        docker.send("PATCH", location, data=BLOB.raw[:4_000])
    with Emulator(settings) as after:
        docker = Docker(after)
        assert docker.get(location).headers["Range"] == "0-3999"
        docker.send("PATCH", location, data=BLOB.raw[4_000:])
        assert docker.send("PUT", f"{location}?digest={BLOB.digest}").status_code == 201


# --- By signed URL ------------------------------------------------------------------------------------------


@pytest.fixture
def download(docker):
    app = image(1, BLOB)
    docker.push(app, "v1")
    return docker.ecr.get_download_url_for_layer(repositoryName="team/app", layerDigest=BLOB.digest)["downloadUrl"]


def test_a_signed_url_needs_no_login(docker, download):
    answer = docker.http.get(download)
    assert (answer.status_code, answer.data) == (200, BLOB.raw)
    assert docker.http.get(download, headers={"Range": "bytes=0-9"}).data == BLOB.raw[:10]


def test_a_signed_url_lasts_an_hour(docker, download):
    docker.emulator.clock.advance(timedelta(minutes=59))
    assert docker.http.get(download).status_code == 200
    docker.emulator.clock.advance(timedelta(minutes=2))
    assert refusal(docker.http.get(download))[:2] == (403, "DENIED")


@pytest.mark.parametrize(
    ("old", "new"), [(BLOB.digest, "sha256:" + "0" * 64), ("team/app", "team/apq"), ("Signature=", "Signature=x")]
)
def test_a_signed_url_is_valid_only_unchanged(docker, download, old, new):
    assert old in download
    assert refusal(docker.http.get(download.replace(old, new)))[:2] == (403, "DENIED")
