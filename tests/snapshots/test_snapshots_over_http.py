"""Snapshots and dates of images over ``/_ecr/``, for tests in any language."""

import pytest

from tests.support.images import an_image, put_image


def test_a_snapshot_is_taken_restored_and_deleted(client):
    taken = client.http.post("/_ecr/snapshots", json={}).json["snapshot"]
    for _ in range(2):
        put_image(client.ecr, "team/app", an_image("app"), "v1")
        assert client.http.post(f"/_ecr/snapshots/{taken}/restore", json={}).status_code == 200
        assert client.tags("team/app") == {}
    assert client.http.delete(f"/_ecr/snapshots/{taken}").status_code == 200
    for gone in (
        client.http.delete(f"/_ecr/snapshots/{taken}"),
        client.http.post("/_ecr/snapshots/7/restore", json={}),
    ):
        assert gone.status_code == 404
        assert "Its snapshots: none" in gone.json["error"]
    assert not list((client.emulator.data_dir / "snapshots").iterdir())


def test_an_image_gets_the_age_that_a_test_needs(client):
    digest = put_image(client.ecr, "team/app", an_image("app"), "v1")
    body = {"repository": "team/app", "digest": digest, "pushed_at": "2026-01-31T12:00:00+01:00"}
    dated = client.http.post("/_ecr/image-dates", json=body)
    assert dated.json == {"digest": digest, "pushed_at": "2026-01-31T11:00:00+00:00", "pulled_at": None}
    details = client.ecr.describe_images(repositoryName="team/app")["imageDetails"][0]
    assert details["imagePushedAt"].isoformat() == "2026-01-31T11:00:00+00:00"


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"pushed_at": "yesterday"}, 400, "pushed_at must be an instant with its time zone"),
        ({"pushed_at": "2026-01-31T12:00:00"}, 400, "pushed_at must be an instant with its time zone"),
        ({"pushed_at": "2999-01-31T12:00:00+00:00"}, 400, "not later than 2026-03-04T05:06:07"),
        ({"pulled_at": "2026-01-01T12:00:00+00:00"}, 400, "pulled_at is before pushed_at"),
        ({"repository": 7}, 400, "The body must have repository and digest"),
        ({"repository": "team/none"}, 404, "team/none"),
        ({"digest": "sha256:" + "0" * 64}, 404, "does not exist"),
    ],
)
def test_dates_that_no_image_can_have_are_refused(client, change, status, reason):
    digest = put_image(client.ecr, "team/app", an_image("app"), "v1")
    body = {"repository": "team/app", "digest": digest, "pushed_at": "2026-01-31T12:00:00+00:00"} | change
    answer = client.http.post("/_ecr/image-dates", json=body)
    assert answer.status_code == status
    assert reason in answer.json["error"]
