"""Conditions and ranges, by RFC 9110: If-Match, If-None-Match, If-Range, and the requests to which Range applies."""

import pytest

from ecr_emulator.testing.upstream.images import image, layer
from tests.support.docker import refusal

BLOB = layer("blob", 10_000)
APP = image("app", BLOB)
OTHER = "sha256:" + "0" * 64
BLOB_PATH, MANIFEST_PATH = f"/v2/team/app/blobs/{BLOB.digest}", "/v2/team/app/manifests/v1"
THINGS = [(BLOB_PATH, BLOB), (MANIFEST_PATH, APP)]
YEAR_ONE, YEAR_LAST = "Mon, 01 Jan 1990 00:00:00 GMT", "Fri, 31 Dec 2100 00:00:00 GMT"


@pytest.fixture
def held(docker):
    docker.push(APP, "v1")
    return docker


def tags(digest):
    """Return header values that contain the entity tag, alone and among others."""
    return [f'"{digest}"', f'W/"{digest}"', f'"x", "{digest}"', f'"x" ,W/"{digest}","y"', "*"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("path", "thing"), THINGS, ids=["blob", "manifest"])
def test_if_none_match_of_the_current_tag_gets_304(held, path, thing, method):
    for known in tags(thing.digest):
        answer = held.send(method, path, {"If-None-Match": known, "Range": "bytes=0-9", "If-Modified-Since": YEAR_ONE})
        assert (answer.status_code, answer.data) == (304, b"")
        assert answer.headers["ETag"] == f'"{thing.digest}"'
        assert answer.headers["Docker-Content-Digest"] == thing.digest


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("path", "thing"), THINGS, ids=["blob", "manifest"])
def test_if_none_match_of_another_tag_gets_the_content(held, path, thing, method):
    for known in (f'"{OTHER}"', f'W/"{OTHER}"', f'"{thing.digest}0"', '"sha256"', ""):
        answer = held.send(method, path, {"If-None-Match": known})
        assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(thing.size))
        assert answer.data == (thing.raw if method == "GET" else b"")


@pytest.mark.parametrize(("path", "thing"), THINGS, ids=["blob", "manifest"])
def test_if_match_of_another_tag_gets_412(held, path, thing):
    for wanted in (f'"{thing.digest}"', f'"{OTHER}", "{thing.digest}"', "*"):
        assert held.get(path, {"If-Match": wanted, "If-Unmodified-Since": YEAR_ONE}).data == thing.raw
    for wanted in (f'"{OTHER}"', f'W/"{thing.digest}"'):
        refused = held.get(path, {"If-Match": wanted, "If-None-Match": f'"{thing.digest}"'})
        assert refusal(refused)[:2] == (412, "UNSUPPORTED")
        assert held.send("HEAD", path, {"If-Match": wanted}).status_code == 412


@pytest.mark.parametrize("header", ["If-Modified-Since", "If-Unmodified-Since"])
@pytest.mark.parametrize("date", [YEAR_ONE, YEAR_LAST, "yesterday"])
def test_conditions_on_dates_are_ignored(held, header, date):
    for path, thing in THINGS:
        assert held.get(path, {header: date}).data == thing.raw


def test_if_range_of_the_current_tag_gets_the_range(held):
    answer = held.get(BLOB_PATH, {"Range": "bytes=5-9", "If-Range": f'"{BLOB.digest}"'})
    assert (answer.status_code, answer.data) == (206, BLOB.raw[5:10])


@pytest.mark.parametrize(
    "condition", [f'"{OTHER}"', f'W/"{BLOB.digest}"', BLOB.digest, YEAR_ONE, YEAR_LAST, "*", "nonsense"]
)
@pytest.mark.parametrize("asked", ["bytes=5-9", "bytes=20000-"])
def test_if_range_of_anything_else_gets_everything(held, condition, asked):
    answer = held.get(BLOB_PATH, {"Range": asked, "If-Range": condition})
    assert (answer.status_code, answer.data) == (200, BLOB.raw)
    assert "Content-Range" not in answer.headers


@pytest.mark.parametrize("asked", ["bytes=5-9", "bytes=20000-", "bytes=-1"])
def test_a_head_has_no_range(held, asked):
    answer = held.send("HEAD", BLOB_PATH, {"Range": asked})
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, "10000")
    assert "Content-Range" not in answer.headers


def test_a_manifest_has_no_range(held):
    answer = held.get(MANIFEST_PATH, {"Range": "bytes=0-9"})
    assert (answer.status_code, answer.data) == (200, APP.raw)


@pytest.mark.parametrize("asked", ["Bytes=5-9", "BYTES=5-9", "bytes= 5-9"])
def test_the_unit_of_a_range_may_be_in_any_case(held, asked):
    answer = held.get(BLOB_PATH, {"Range": asked})
    assert (answer.status_code, answer.data) == (206, BLOB.raw[5:10])


def test_numbers_in_a_range_may_be_larger_than_the_blob(held):
    answer = held.get(BLOB_PATH, {"Range": f"bytes=5-{'9' * 30}"})
    assert (answer.status_code, answer.data) == (206, BLOB.raw[5:])
    assert held.get(BLOB_PATH, {"Range": f"bytes={'9' * 30}-"}).status_code == 416


def test_a_signed_url_has_the_same_conditions(held):
    url = held.ecr.get_download_url_for_layer(repositoryName="team/app", layerDigest=BLOB.digest)["downloadUrl"]
    assert held.http.get(url, headers={"If-None-Match": f'"{BLOB.digest}"'}).status_code == 304
    assert held.http.get(url, headers={"If-Range": f'"{OTHER}"', "Range": "bytes=0-9"}).data == BLOB.raw
    assert held.http.head(url, headers={"Range": "bytes=0-9"}).status_code == 200
