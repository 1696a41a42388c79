"""``POST /_ecr/access-keys``: access keys that a test chooses."""

import pytest

from ecr_emulator import EcrEmulator

KEY = {"user": "ci", "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "secret"}


@pytest.fixture
def emulator():
    with EcrEmulator() as emulator:
        yield emulator


@pytest.fixture
def post(emulator):
    """Ask the endpoint; the status and the body of its answer."""
    from werkzeug.test import Client

    client = Client(emulator._emulator.wsgi)

    def post(**body):
        answer = client.post("/_ecr/access-keys", json=body)
        return answer.status_code, answer.json

    return post


def test_a_key_is_created_changed_and_left_as_it_is(emulator, post):
    iam = emulator.client("iam")
    iam.create_user(UserName="ci")
    for secret, status in (("one", "created"), ("one", "unchanged"), ("two", "changed"), ("two", "unchanged")):
        answer = {"account": "000000000000", "user": "ci", "access_key_id": KEY["access_key_id"], "status": status}
        assert post(**KEY | {"secret_access_key": secret}) == (200, answer)
    assert [key["Status"] for key in iam.list_access_keys(UserName="ci")["AccessKeyMetadata"]] == ["Active"]
    iam.delete_access_key(UserName="ci", AccessKeyId=KEY["access_key_id"])
    assert post(**KEY)[1]["status"] == "created"


def test_a_user_has_at_most_two(emulator, post):
    emulator.client("iam").create_user(UserName="ci")
    for number in range(2):
        assert post(**KEY | {"access_key_id": f"AKIA000000000000000{number}"})[0] == 200
    assert post(**KEY) == (400, {"error": "The user ci has 2 access keys, which is the most that IAM allows"})


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"user": "absent"}, 404, "Account 000000000000 has no IAM user 'absent'; create it first"),
        ({"account": "123456789012"}, 404, "Account 123456789012 has no IAM user 'ci'; create it first"),
        ({"user": 7}, 400, "user must be the name of a user, as text"),
        ({"access_key_id": "short"}, 400, "access_key_id must be 16 to 128 letters, digits and underscores, as text"),
        ({"secret_access_key": ""}, 400, "secret_access_key must be 1 to 128 printable characters without spaces"),
        ({"account": "1"}, 400, "account must be 12 digits"),
        ({"status": "Active"}, 400, "status"),
    ],
)
def test_a_key_that_nobody_can_have_is_refused(emulator, post, change, status, reason):
    emulator.client("iam").create_user(UserName="ci")
    code, answer = post(**KEY | change)
    assert (code, reason in answer["error"]) == (status, True), answer


def test_a_key_of_a_session_is_refused(emulator, post):
    emulator.client("iam").create_user(UserName="ci")
    session = emulator.client("sts").get_session_token()["Credentials"]["AccessKeyId"]
    assert post(**KEY | {"access_key_id": session})[0] == 400
