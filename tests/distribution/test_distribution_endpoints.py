"""The routes against specs/oci/endpoints.toml: both have the same endpoints, with the same results and failures."""

import re
import tomllib
from pathlib import Path

import pytest

from ecr_emulator.distribution.routes import ROUTES
from ecr_emulator.services import images
from ecr_emulator.testing.upstream.images import Content, image, index, layer
from tests.support.docker import refusal

SPEC = tomllib.loads((Path(__file__).parents[2] / "specs" / "oci" / "endpoints.toml").read_text(encoding="utf-8"))
ENDPOINTS = {endpoint["id"]: endpoint for endpoint in SPEC["endpoint"]}
BLOB = layer("blob", 100)
APP = image("app")
NONE = "sha256:" + "0" * 64
WRONG = "sha256:abc"


class SampleRegistry:
    """A registry with one image, ``v1``, one blob, and one upload of three bytes."""

    def __init__(self, docker):
        self.docker = docker
        docker.ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
        docker.push(APP, "v1")
        docker.push_blob(BLOB)
        self.upload = docker.begin().rpartition("/")[2]
        docker.send("PATCH", f"/v2/team/app/blobs/uploads/{self.upload}", data=b"abc")

    def ask(self, endpoint, how):
        """Send a request to an endpoint. ``how`` has the values of its path, and further arguments of the request."""
        known = {"name": "team/app", "digest": BLOB.digest, "reference": "v1", "other_name": "team/app"}
        known |= {"reference": self.upload} if "/uploads/<reference>" in endpoint["path"] else {}
        known |= {"integer": "1", "tagname": "a", "artifactType": "x"}
        known |= {part: how[part] for part in known.keys() & how.keys()}
        request = {part: value for part, value in how.items() if part not in known}
        path = re.sub("<(.+?)>", lambda part: known[part[1]], endpoint["path"])
        return self.docker.send(endpoint["methods"][0], path, request.pop("headers", None), **request)


@pytest.fixture
def sample(docker):
    return SampleRegistry(docker)


def pattern(endpoint):
    return endpoint["path"].partition("?")[0]


def test_the_url_table_and_the_specification_have_the_same_endpoints():
    written = {(pattern(each), method) for each in ENDPOINTS.values() for method in each["methods"]}
    paths = {path for path, _ in written}
    sample = {path: re.sub("<.+?>", "x", path) for path in paths}
    first = {path: next(route for route in ROUTES if route.path.fullmatch(sample[path])) for path in paths}
    assert {id(route) for route in first.values()} == {id(route) for route in ROUTES}
    assert {(path, method) for path in paths for method in first[path].handlers} == written


MANIFEST = {"data": APP.raw, "headers": {"Content-Type": APP.media_type}}
SUCCESSES = {
    "end-4b": {"data": BLOB.raw},
    "end-6": {"data": BLOB.raw[3:]},
    "end-7": MANIFEST,
    "end-11": {"digest": APP.config.digest},
}


@pytest.mark.parametrize("id_", [id_ for id_, endpoint in ENDPOINTS.items() if "success" in endpoint])
def test_an_endpoint_succeeds_as_written(sample, id_):
    if id_ == "end-6":
        sample.upload = sample.docker.begin().rpartition("/")[2]
        sample.docker.send("PATCH", f"/v2/team/app/blobs/uploads/{sample.upload}", data=BLOB.raw[:3])
    answer = sample.ask(ENDPOINTS[id_], SUCCESSES.get(id_, {}))
    assert answer.status_code == ENDPOINTS[id_]["success"], answer.text


WRONG_LENGTH = {"headers": {"Content-Range": "3-9"}, "data": b"x"}
RUBBISH = {"headers": {"Content-Range": "rubbish"}, "data": b"x"}
GAP = {"headers": {"Content-Range": "5-5"}, "data": b"x"}
INDEX = index(image("absent"))
FAILURES = {
    ("end-2", "400 DIGEST_INVALID"): {"digest": WRONG},
    ("end-2", "404 BLOB_UNKNOWN"): {"digest": NONE},
    ("end-2", "416 UNSUPPORTED"): {"headers": {"Range": "bytes=100-"}},
    ("end-3", "400 TAG_INVALID"): {"reference": "a+b"},
    ("end-3", "400 DIGEST_INVALID"): {"reference": WRONG},
    ("end-3", "404 MANIFEST_UNKNOWN"): {"reference": "v2"},
    ("end-4b", "400 DIGEST_INVALID"): {"data": b"other bytes"},
    ("end-5", "400 BLOB_UPLOAD_INVALID"): RUBBISH,
    ("end-5", "400 SIZE_INVALID"): WRONG_LENGTH,
    ("end-5", "404 BLOB_UPLOAD_UNKNOWN"): {"reference": "no-such"},
    ("end-5", "416 BLOB_UPLOAD_INVALID"): GAP,
    ("end-6", "400 BLOB_UPLOAD_INVALID"): RUBBISH,
    ("end-6", "400 DIGEST_INVALID"): {"data": b"other bytes"},
    ("end-6", "400 SIZE_INVALID"): WRONG_LENGTH,
    ("end-6", "404 BLOB_UPLOAD_UNKNOWN"): {"reference": "no-such"},
    ("end-6", "416 BLOB_UPLOAD_INVALID"): GAP,
    ("end-7", "400 TAG_INVALID"): MANIFEST | {"reference": ".hidden"},
    ("end-7", "400 DIGEST_INVALID"): MANIFEST | {"reference": NONE},
    ("end-7", "403 DENIED"): MANIFEST | {"reference": "v2"},
    ("end-7", "404 BLOB_UPLOAD_UNKNOWN"): {"data": image("absent").raw},
    ("end-7", "404 MANIFEST_BLOB_UNKNOWN"): {"data": INDEX.raw},
    ("end-7", "405 UNSUPPORTED"): {"data": b"{}"},
    ("end-7", "413 SIZE_INVALID"): {"data": b" " * 4_194_305},
    ("end-8b", "400 UNSUPPORTED"): {"integer": "-1"},
    ("end-9", "400 TAG_INVALID"): {"reference": "a+b"},
    ("end-9", "400 DIGEST_INVALID"): {"reference": WRONG},
    ("end-9", "404 MANIFEST_UNKNOWN"): {"reference": "v2"},
    ("end-9", "405 UNSUPPORTED"): {"reference": APP.digest},
    ("end-10", "405 UNSUPPORTED"): {},
    ("end-11", "400 DIGEST_INVALID"): {"digest": WRONG},
    ("end-12a", "400 DIGEST_INVALID"): {"digest": WRONG},
    ("end-12b", "400 DIGEST_INVALID"): {"digest": WRONG},
    ("end-13", "404 BLOB_UPLOAD_UNKNOWN"): {"reference": "no-such"},
    ("end-14", "404 BLOB_UPLOAD_UNKNOWN"): {"reference": "no-such"},
    ("catalog", "400 UNSUPPORTED"): {"query_string": "n=x"},
}
FAILURES |= {
    (id_, "404 NAME_UNKNOWN"): {"name": "no/such"} | SUCCESSES.get(id_, {})
    for id_, endpoint in ENDPOINTS.items()
    if "<name>" in endpoint["path"] and id_ != "end-10"
}


def test_every_failure_that_is_written_is_tested():
    assert FAILURES.keys() == {(id_, each) for id_, endpoint in ENDPOINTS.items() for each in endpoint["failures"]}


@pytest.mark.parametrize(("id_", "failure"), FAILURES)
def test_an_endpoint_fails_as_written(sample, monkeypatch, id_, failure):
    if failure == "403 DENIED":
        monkeypatch.setattr(images, "MAX_TAGS_PER_IMAGE", 1)
    if (id_, failure) == ("end-9", "405 UNSUPPORTED"):
        sample.docker.put(index(APP), "list")
    status, code, message = refusal(sample.ask(ENDPOINTS[id_], FAILURES[id_, failure]))
    assert f"{status} {code}" == failure
    assert message


@pytest.mark.parametrize("id_", [id_ for id_, endpoint in ENDPOINTS.items() if "<name>" in endpoint["path"]])
def test_a_name_is_checked_before_anything_else(sample, id_):
    status, code, _ = refusal(sample.ask(ENDPOINTS[id_], {"name": "No/Such", "digest": WRONG}))
    assert [f"{status} {code}"] == SPEC["common"]["named"]


@pytest.mark.parametrize("id_", ENDPOINTS)
def test_every_endpoint_requires_a_token(sample, id_):
    path = re.sub("<.+?>", "x", ENDPOINTS[id_]["path"])
    for method in ENDPOINTS[id_]["methods"]:
        answer = sample.docker.http.open(path, method=method)
        assert (answer.status_code, answer.headers["Docker-Distribution-Api-Version"]) == (401, "registry/2.0")


def test_an_error_has_the_same_message_as_in_the_api(docker):
    missing = Content(image("absent").raw, image("absent").media_type)
    with pytest.raises(docker.ecr.exceptions.LayersNotFoundException) as refused:
        docker.ecr.put_image(repositoryName="team/app", imageManifest=missing.raw.decode(), imageTag="v1")
    assert refusal(docker.put(missing, "v1"))[2] == refused.value.response["Error"]["Message"]
