"""Concurrent clients that send the same requests over real connections; and the largest possible manifest."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from threading import Barrier
from urllib.parse import urlsplit

import pytest
import requests
from botocore.exceptions import ClientError

from ecr_emulator.domain.manifest import MAX_MANIFEST_BYTES
from ecr_emulator.emulator import Emulator
from ecr_emulator.services import upload_sessions
from ecr_emulator.serving.granian import GranianServer
from ecr_emulator.serving.listeners import listen
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import layer
from tests.support.images import an_image

CLIENTS = 8
SECONDS = 20


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def emulator(state):
    with Emulator(Settings(data_dir=state)) as running:
        yield running


@pytest.fixture
def url(docker):
    """Return the URL of the repository of ``docker`` on a server with real connections."""
    server = GranianServer(docker.emulator.wsgi, listen(["127.0.0.1"], 0), threads=2 * CLIENTS)
    server.start()
    yield f"http://127.0.0.1:{server.port}/v2/team/app"
    assert server.stop(SECONDS)


@pytest.fixture
def together(docker):
    """Return a function that calls another one in many threads and returns all results.

    Each call receives a connection, a barrier and a number.
    """
    barrier = Barrier(CLIENTS, timeout=SECONDS)

    def run(act):
        def one(number):
            with requests.Session() as session:
                session.headers["Authorization"] = f"Basic {docker.token}"
                return act(session, barrier, number)

        with ThreadPoolExecutor(CLIENTS) as pool:
            return list(pool.map(one, range(CLIENTS)))

    return run


def put_manifest(session, url, image, reference):
    headers = {"Content-Type": image.media_type}
    return session.put(f"{url}/manifests/{reference}", data=image.raw, headers=headers, timeout=SECONDS)


def test_a_blob_that_many_clients_push_is_stored_once_and_complete(docker, together, url, state):
    blob = layer("popular", 3_000_000)

    def push(session, barrier, _):
        location = session.post(f"{url}/blobs/uploads/", timeout=SECONDS).headers["Location"]
        session.patch(location, data=blob.raw[:1_000_000], timeout=SECONDS).raise_for_status()
        barrier.wait()
        answer = session.put(location, params={"digest": blob.digest}, data=blob.raw[1_000_000:], timeout=SECONDS)
        return answer.status_code, answer.headers["Docker-Content-Digest"]

    assert set(together(push)) == {(201, blob.digest)}
    assert docker.get(f"/v2/team/app/blobs/{blob.digest}").data == blob.raw
    assert [path.name for path in state.glob("blobs/sha256/*/*")] == [blob.digest.removeprefix("sha256:")]
    assert list(state.glob("ingest/*")) == []


def test_an_upload_that_another_request_keeps_is_refused_instead_of_waited_for(docker, url, monkeypatch):
    monkeypatch.setattr(upload_sessions, "PATIENCE", 0.05)
    location = docker.begin()
    upload_id = location.rpartition("/")[2]
    path, token = f"/v2/team/app/blobs/uploads/{upload_id}", {"Authorization": f"Basic {docker.token}"}
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=SECONDS)) as slow:
        slow.putrequest("PATCH", path)
        for name, value in (token | {"Content-Length": "10", "Expect": "100-continue"}).items():
            slow.putheader(name, value)
        slow.endheaders(b"half")
        assert slow.sock.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"  # the request reads the body, and has the session
        answers = [
            requests.request(each, url + path.removeprefix("/v2/team/app"), headers=token, timeout=SECONDS)
            for each in ("DELETE", "PATCH")
        ]
        assert [(each.status_code, each.headers["Retry-After"]) for each in answers] == [(503, "1")] * 2
        with pytest.raises(ClientError, match="Another request on this upload is not finished") as refused:
            docker.ecr.upload_layer_part(
                repositoryName="team/app", uploadId=upload_id, partFirstByte=0, partLastByte=0, layerPartBlob=b"x"
            )
        assert refused.value.response["Error"]["Code"] == "ServiceUnavailable"
        slow.send(b" whole")
        assert slow.getresponse().status == 202
    assert docker.send("DELETE", path).status_code == 204


@pytest.fixture
def images(docker):
    """Return an image for each client. Its layers and config are pushed, its manifest is not."""
    images = [an_image(seed) for seed in range(CLIENTS)]
    for image in images:
        for blob in image.blobs:
            docker.push_blob(blob)
    return images


def tags(docker):
    details = docker.ecr.describe_images(repositoryName="team/app")["imageDetails"]
    return {each["imageDigest"]: each.get("imageTags") for each in details}


def test_a_tag_that_many_clients_push_has_one_image_and_no_image_is_lost(docker, together, url, images):
    def push(session, barrier, number):
        barrier.wait()
        return put_manifest(session, url, images[number], "latest").status_code

    assert together(push) == [201] * CLIENTS
    last = docker.get("/v2/team/app/manifests/latest").headers["Docker-Content-Digest"]
    assert tags(docker) == {image.digest: None for image in images} | {last: ["latest"]}


def test_an_image_that_many_clients_push_is_stored_once(docker, together, url, images):
    def push(session, barrier, _):
        barrier.wait()
        return put_manifest(session, url, images[0], "latest").status_code

    assert together(push) == [201] * CLIENTS
    assert tags(docker) == {images[0].digest: ["latest"]}


def test_an_immutable_tag_goes_to_exactly_one_of_many_clients(docker, together, url, images):
    docker.ecr.put_image_tag_mutability(repositoryName="team/app", imageTagMutability="IMMUTABLE")

    def push(session, barrier, number):
        barrier.wait()
        answer = put_manifest(session, url, images[number], "v1")
        return answer.status_code if answer.ok else answer.json()["errors"][0]["code"]

    results = together(push)
    assert sorted(results, key=str) == [201] + ["TAG_INVALID"] * (CLIENTS - 1)
    assert tags(docker) == {images[results.index(201)].digest: ["v1"]}


def test_a_manifest_may_have_four_mebibytes_and_not_a_byte_more(docker, url, images):
    padding = MAX_MANIFEST_BYTES - len(an_image(0, annotations={"padding": ""}).raw)
    largest, larger = (an_image(0, annotations={"padding": "x" * (padding + more)}) for more in (0, 1))
    with requests.Session() as session:
        session.headers["Authorization"] = f"Basic {docker.token}"
        assert put_manifest(session, url, largest, "largest").status_code == 201
        assert session.get(f"{url}/manifests/largest", timeout=SECONDS).content == largest.raw
        refused = put_manifest(session, url, larger, "larger")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (413, "SIZE_INVALID")
