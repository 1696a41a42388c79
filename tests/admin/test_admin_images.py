"""``/_ecr/images``: the images of a repository, the newest first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ecr_emulator.emulator import Emulator
from tests.support.admin_api import AdminClient
from tests.support.boto import client_of
from tests.support.images import an_image, put_image

NAME = "team/app"
TAGS = ["first", "second", "third", "fourth"]


@pytest.fixture(scope="module")
def emulator():
    """Start an emulator with four images, of which the first two were pushed at the same moment."""
    with Emulator() as running:
        running.clock.freeze()
        ecr = client_of(running)
        ecr.create_repository(repositoryName=NAME)
        for tag in TAGS:
            put_image(ecr, NAME, an_image(tag), tag)
            running.clock.advance(timedelta(minutes=tag != "first"))
        yield running


@pytest.fixture(scope="module")
def get(emulator):
    client = AdminClient(emulator.wsgi)
    return lambda query: client.get(f"/_ecr/images?{query}")


def test_the_newest_image_is_first_and_described_as_the_api_does(emulator, get):
    images = get(f"repository={NAME}").json["images"]
    assert [image["imageTags"] for image in images] == [[tag] for tag in reversed(TAGS)]
    described = client_of(emulator).describe_images(repositoryName=NAME)["imageDetails"]
    for image in described:
        image["imagePushedAt"] = image["imagePushedAt"].isoformat()
    assert sorted(images, key=lambda image: image["imageDigest"]) == described


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 1000])
def test_pages_have_each_image_once(get, limit):
    query, found = f"repository={NAME}&limit={limit}", []
    page = get(query).json
    while True:
        assert 1 <= len(page["images"]) <= limit
        found += [image["imageTags"][0] for image in page["images"]]
        if page["next"] is None:
            break
        page = get(f"{query}&after={page['next']}").json
    assert found == TAGS[::-1]


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ("", 400, "The query must name a repository, like ?repository=team/app"),
        ("repository=team/none", 404, "The repository with name 'team/none' does not exist"),
        (f"repository={NAME}&account=123456789012", 404, "in the registry with id '123456789012'"),
        (f"repository={NAME}&limit=0", 400, "limit must be a number from 1 to 1000, not '0'"),
        (f"repository={NAME}&limit=1001", 400, "not '1001'"),
        (f"repository={NAME}&limit=9999999999999", 400, "limit must be a number"),
        (f"repository={NAME}&limit=%C2%B2", 400, "limit must be a number"),
        (f"repository={NAME}&after=1", 400, "after must be the value of next in an earlier answer, not '1'"),
        (f"repository={NAME}&after=2026-01-01T00:00:00~1", 400, "after must be the value of next"),
        (f"repository={NAME}&after=9999-99-01T00:00:00Z~1", 400, "after must be the value of next"),
        (f"repository={NAME}&tag=v1", 400, "tag"),
    ],
)
def test_a_wrong_query_is_refused(get, query, status, reason):
    answer = get(query)
    assert answer.status_code == status
    assert reason in answer.json["error"]
