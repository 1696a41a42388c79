"""POST /_ecr/reset deletes all state, or only that of an account, in one Region or in all."""

from itertools import product

import pytest
from werkzeug.test import Client

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
from tests.support.docker import Docker
from tests.support.images import an_image

OURS, THEIRS = "111111111111", "999999999999"
HOME, AWAY = "us-east-1", "eu-west-1"
PLACES = list(product((OURS, THEIRS), (HOME, AWAY)))


def populate(emulator):
    """Create an image, a rule, a template, scanning settings, a secret and a queue in each of four registries."""
    for account, region in PLACES:
        docker = Docker(emulator, account, region)
        docker.ecr.create_repository(repositoryName="app")
        docker.push(an_image(f"{account}{region}"), "v1", name="app")
        docker.ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[])
        docker.ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
        docker.ecr.create_repository_creation_template(prefix="team", appliedFor=["PULL_THROUGH_CACHE"])
        client_of(emulator, "secretsmanager", account=account, region=region).create_secret(Name="s", SecretString="x")
        client_of(emulator, "sqs", account=account, region=region).create_queue(QueueName="q")
    for account in (OURS, THEIRS):
        client_of(emulator, "iam", account=account).create_user(UserName="ann")
        client_of(emulator, "s3", account=account).create_bucket(Bucket=f"of-{account}")


def counts(emulator, account, region):
    """Return the number of resources of each kind."""
    ecr = client_of(emulator, account=account, region=region)
    return [
        len(ecr.describe_repositories()["repositories"]),
        len(ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]),
        len(ecr.describe_repository_creation_templates()["repositoryCreationTemplates"]),
        len(client_of(emulator, "secretsmanager", account=account, region=region).list_secrets()["SecretList"]),
        len(client_of(emulator, "sqs", account=account, region=region).list_queues().get("QueueUrls", [])),
    ]


def events_of(http):
    return {(event["account"], event["region"]) for event in http.get("/_ecr/events").json["events"]}


@pytest.fixture
def full(emulator):
    populate(emulator)
    return emulator


WHOLE, NOTHING = [1] * 5, [0] * 5


def test_a_reset_of_an_account_deletes_only_its_state(full, http):
    answer = http.post("/_ecr/reset", json={"account": THEIRS})
    assert (answer.status_code, answer.json) == (200, {"status": "empty", "account": THEIRS, "region": None})
    assert [counts(full, *place) for place in PLACES] == [WHOLE, WHOLE, NOTHING, NOTHING]
    assert events_of(http) == {(OURS, HOME), (OURS, AWAY)}
    users = [client_of(full, "iam", account=account).list_users()["Users"] for account in (OURS, THEIRS)]
    assert list(map(len, users)) == [1, 0]
    client_of(full, "s3", account=OURS).create_bucket(Bucket=f"of-{THEIRS}")  # the name is free again
    assert Docker(full, OURS, HOME).get("/v2/app/manifests/v1").status_code == 200


def test_a_reset_of_a_region_deletes_only_the_accounts_state_there(full, http):
    assert http.post("/_ecr/reset", json={"account": THEIRS, "region": AWAY}).status_code == 200
    assert [counts(full, *place) for place in PLACES] == [WHOLE, WHOLE, WHOLE, NOTHING]
    assert client_of(full, "iam", account=THEIRS).list_users()["Users"]


def test_a_reset_without_an_account_deletes_all_state(full, http):
    assert http.post("/_ecr/reset", json={}).json == {"status": "empty"}
    assert [counts(full, *place) for place in PLACES] == [NOTHING] * 4


def test_a_reset_of_an_empty_account_deletes_nothing(full, http):
    assert http.post("/_ecr/reset", json={"account": "222222222222"}).status_code == 200
    assert [counts(full, *place) for place in PLACES] == [WHOLE] * 4


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"acount": THEIRS}, 'unknown key "acount"; this address accepts account, region'),
        ({"account": THEIRS, "dry-run": True}, 'unknown key "dry-run"'),
        ({"region": AWAY}, "A region needs an account"),
        ({"account": "me"}, "account must be 12 digits"),
        ({"account": None}, "account must be 12 digits"),
        ({"account": 999999999999}, "account must be 12 digits"),
        ({"account": [THEIRS]}, "account must be 12 digits"),
        ({"account": THEIRS, "region": "mars"}, "region must be a Region"),
        ({"account": THEIRS, "region": None}, "region must be a Region"),
        ([THEIRS], "is not of type 'object'"),
        (THEIRS, "is not of type 'object'"),
        (0, "is not of type 'object'"),
    ],
)
def test_an_invalid_reset_deletes_nothing(emulator, http, body, words):
    client_of(emulator, account=THEIRS).create_repository(repositoryName="app")
    answer = http.post("/_ecr/reset", json=body)
    assert answer.status_code == 400
    assert words in answer.json["error"]
    assert client_of(emulator, account=THEIRS).describe_repositories()["repositories"]


@pytest.mark.parametrize("query", [f"account={THEIRS}", "all=true"])
def test_a_reset_with_a_query_is_refused(emulator, http, query):
    client_of(emulator, account=THEIRS).create_repository(repositoryName="app")
    answer = http.post(f"/_ecr/reset?{query}", json={})
    assert answer.status_code == 400
    assert "this address accepts nothing there" in answer.json["error"]
    assert client_of(emulator, account=THEIRS).describe_repositories()["repositories"]


def test_a_reset_of_an_account_deletes_its_pending_tasks():
    with Emulator(Settings(background_delay=60)) as emulator:
        http = Client(emulator.wsgi)
        for account in (OURS, THEIRS):
            docker = Docker(emulator, account)
            docker.ecr.create_repository(repositoryName="app", imageScanningConfiguration={"scanOnPush": True})
            docker.push(an_image(account), "v1", name="app")
        http.post("/_ecr/reset", json={"account": THEIRS})
        http.post("/_ecr/clock", json={"advance": "2m"})
        scans = [event for event in http.get("/_ecr/events").json["events"] if event["detail-type"] == "ECR Image Scan"]
        assert {event["account"] for event in scans} == {OURS}


def test_a_reset_keeps_the_secrets_of_other_accounts_after_a_restart(tmp_path):
    settings = Settings(data_dir=tmp_path)
    with Emulator(settings) as emulator:
        populate(emulator)
    with Emulator(settings) as emulator:
        assert Client(emulator.wsgi).post("/_ecr/reset", json={"account": THEIRS}).status_code == 200
    with Emulator(settings) as emulator:
        counts = [
            len(client_of(emulator, "secretsmanager", account=account).list_secrets()["SecretList"])
            for account in (OURS, THEIRS)
        ]
        assert counts == [1, 0]
