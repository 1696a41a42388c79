"""``--strict``: departures of real ECR from the OCI specification. docs/strict.md lists them."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import image, layer
from tests.support.docker import Docker, refusal

BLOB = layer("strict", 12 * 1024 * 1024)
SMALL = layer("small", 1_000)
PART = 5 * 1024 * 1024


@pytest.fixture
def strict(tmp_path):
    with Emulator(Settings(data_dir=tmp_path / "strict", strict=True)) as emulator:
        docker = Docker(emulator)
        docker.ecr.create_repository(repositoryName="team/app")
        yield docker


@pytest.fixture
def both(strict, docker):
    """Return a client of a strict registry and a client of a registry that follows the specification."""
    return strict, docker


def test_a_chunk_is_answered_201_with_the_range_of_the_first_one(both):
    answers = []
    for docker in both:
        location = docker.begin()
        for start in (0, PART):
            answer = docker.send("PATCH", location, data=BLOB.raw[start : start + PART])
            answers.append((answer.status_code, answer.headers["Range"]))
    assert answers == [
        (201, f"0-{PART - 1}"),
        (201, f"0-{PART - 1}"),
        (202, f"0-{PART - 1}"),
        (202, f"0-{2 * PART - 1}"),
    ]


def test_a_chunk_but_the_last_has_at_least_5_mib(both):
    outcomes = []
    for docker in both:
        location = docker.begin()
        docker.send("PATCH", location, data=SMALL.raw[:400])
        docker.send("PATCH", location, data=SMALL.raw[400:])
        outcomes.append(docker.send("PUT", f"{location}?digest={SMALL.digest}"))
    assert refusal(outcomes[0]) == (
        400,
        "BLOB_UPLOAD_INVALID",
        "All layer parts except the last part should be at least 5MB",
    )
    assert outcomes[1].status_code == 201


def test_chunks_of_5_mib_and_a_smaller_last_one_are_a_blob(strict):
    location = strict.begin()
    for start in range(0, BLOB.size, PART):
        strict.send("PATCH", location, data=BLOB.raw[start : start + PART])
    assert strict.send("PUT", f"{location}?digest={BLOB.digest}").status_code == 201
    strict.push_blob(SMALL)
    assert strict.send("HEAD", f"/v2/team/app/blobs/{SMALL.digest}").status_code == 200


def test_a_pushed_manifest_has_no_location(both):
    assert ["Location" in docker.push(image("a")).headers for docker in both] == [False, True]


def test_only_head_returns_the_digest_of_a_manifest(both):
    told = []
    for docker in both:
        docker.push(image("a"), "v1")
        told += [
            docker.send(method, "/v2/team/app/manifests/v1").headers.get("Docker-Content-Digest") is not None
            for method in ("GET", "HEAD")
        ]
    assert told == [False, True, True, True]


def test_a_blob_of_no_image_answers_head_and_not_get(both):
    seen = []
    for docker in both:
        docker.push_blob(SMALL)
        seen += [docker.send(method, f"/v2/team/app/blobs/{SMALL.digest}").status_code for method in ("HEAD", "GET")]
    assert seen == [200, 404, 200, 200]


def test_get_of_a_blob_redirects_to_a_signed_url(strict):
    content = image("a")
    strict.push(content)
    for blob in content.blobs:
        answer = strict.get(f"/v2/team/app/blobs/{blob.digest}", {"Range": "bytes=0-9"})
        assert (answer.status_code, answer.data) == (307, b"")
        location = answer.headers["Location"]
        assert strict.http.get(location).data == blob.raw
        assert strict.http.get(location, headers={"Range": "bytes=0-9"}).data == blob.raw[:10]
        strict.emulator.clock.advance(timedelta(hours=1))
        assert refusal(strict.http.get(location))[:2] == (403, "DENIED")


def test_a_head_of_a_blob_is_not_redirected(strict):
    strict.push(image("a"))
    answer = strict.send("HEAD", f"/v2/team/app/blobs/{image('a').config.digest}")
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(image("a").config.size))


def tag_many(docker, number):
    content = image("a")
    docker.push(content)
    docker.send(
        "PUT",
        f"/v2/team/app/manifests/{content.digest}?" + "&".join(f"tag=t{each}" for each in range(number)),
        {"Content-Type": content.media_type},
        data=content.raw,
    )
    return {f"t{each}" for each in range(number)}


def test_tags_are_listed_a_hundred_at_a_time_unsorted_as_plain_text(strict):
    pushed = tag_many(strict, 250)
    path, pages = "/v2/team/app/tags/list", []
    while path:
        answer = strict.get(path)
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        pages.append(answer.get_json(force=True)["tags"])
        link = re.fullmatch(r'<(\S+)>; rel="next"', answer.headers.get("Link", ""))
        path = link and urlsplit(link[1])._replace(scheme="", netloc="").geturl()
    assert [len(page) for page in pages] == [100, 100, 50]
    listed = [tag for page in pages for tag in page]
    assert set(listed) == pushed
    assert listed != sorted(listed)


def test_a_page_of_tags_has_at_most_a_thousand(both):
    answers = [docker.get("/v2/team/app/tags/list?n=1001") for docker in both]
    assert refusal(answers[0]) == (
        405,
        "UNSUPPORTED",
        "Invalid parameter at 'maxResults' failed to satisfy constraint: "
        "'Member must have value less than or equal to 1000'",
    )
    assert answers[1].status_code == 200
    assert strict_page(both[0], 1000).status_code == 200


def strict_page(docker, number):
    return docker.get(f"/v2/team/app/tags/list?n={number}")


def test_a_pull_is_recorded_once_a_day(both):
    recorded = []
    for docker in both:
        docker.push(image("a"), "v1")
        times = set()
        for _ in range(3):
            docker.get("/v2/team/app/manifests/v1")
            (detail,) = docker.ecr.describe_images(repositoryName="team/app")["imageDetails"]
            times.add(detail["lastRecordedPullTime"])
            docker.emulator.clock.advance(timedelta(hours=11))
            docker.log_in()
        recorded.append(len(times))
    assert recorded == [1, 3]


def test_a_blob_of_no_image_is_not_mounted(both):
    app = image("app", SMALL)
    statuses = []
    for docker in both:
        docker.ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
        docker.ecr.create_repository(repositoryName="other")
        for blob in app.blobs:
            docker.push_blob(blob)
        for source in ("&from=team/app", ""):
            answer = docker.send("POST", f"/v2/other/blobs/uploads/?mount={SMALL.digest}{source}")
            statuses.append(answer.status_code)
        docker.push(app, "v1")
        answer = docker.send("POST", f"/v2/other/blobs/uploads/?mount={app.config.digest}&from=team/app")
        statuses.append(answer.status_code)
    assert statuses == [202, 202, 201, 201, 201, 201]
