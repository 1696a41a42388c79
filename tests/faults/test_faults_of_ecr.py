"""``emulator.faults``: how clients fare when ECR throttles, fails, waits, or loses connections."""

import json
from contextlib import closing
from datetime import timedelta
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.support.images import an_image, put_image

ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture
def ecr(emulator):
    """Return a client that does not retry."""
    ecr = emulator.client("ecr", config=ONCE)
    ecr.create_repository(repositoryName="team/app")
    return ecr


@pytest.fixture
def http(emulator):
    """Return a connection to the address of the emulator."""
    host, port = emulator.endpoint_url.removeprefix("http://").split(":")
    with closing(HTTPConnection(host, int(port), timeout=10)) as connection:
        yield connection


def error_of(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    answer = refused.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def test_a_throttled_operation_answers_as_ecr_does_and_then_works(emulator, ecr):
    fault = emulator.faults.throttle("DescribeRepositories", count=2)
    for _ in range(2):
        assert error_of(ecr.describe_repositories) == (400, "ThrottlingException", "Rate exceeded")
    assert ecr.describe_repositories()["repositories"]
    assert fault.hits == 2


def test_an_sdk_retries_what_is_throttled_unavailable_or_cut_off(emulator, ecr, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    patient = emulator.client("ecr", config=Config(retries={"mode": "standard", "total_max_attempts": 5}))
    emulator.faults.throttle("ListImages", count=1)
    emulator.faults.fail("ListImages", count=1)
    emulator.faults.make_unavailable("ListImages", count=1)
    emulator.faults.drop_connection("ListImages", count=1)
    answer = patient.list_images(repositoryName="team/app")
    assert answer["ResponseMetadata"]["RetryAttempts"] == 4
    assert answer["imageIds"] == []


@pytest.mark.parametrize(
    ("inject", "status", "code"),
    [("fail", 500, "ServerException"), ("make_unavailable", 503, "ServiceUnavailable")],
)
def test_a_failing_operation_does_nothing(emulator, ecr, inject, status, code):
    with getattr(emulator.faults, inject)("CreateRepository"):
        assert error_of(ecr.create_repository, repositoryName="team/other")[:2] == (status, code)
    assert [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]] == ["team/app"]


def test_an_image_is_put_although_its_answer_is_lost(emulator, ecr):
    image = an_image()
    put_image(ecr, "team/app", image, "v1")
    emulator.faults.lose_answer("BatchDeleteImage", count=1)
    with pytest.raises(ConnectionClosedError):
        ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])
    again = ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])
    assert [failure["failureCode"] for failure in again["failures"]] == ["ImageNotFound"]


def test_nothing_is_done_when_the_connection_drops(emulator, ecr):
    emulator.faults.drop_connection("DeleteRepository", count=1)
    with pytest.raises(ConnectionClosedError):
        ecr.delete_repository(repositoryName="team/app")
    ecr.delete_repository(repositoryName="team/app")


def test_the_registry_throttles_and_fails_in_its_own_words(emulator, ecr, http):
    digest = put_image(ecr, "team/app", an_image(), "v1")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]

    def get_manifest():
        http.request("GET", "/v2/team/app/manifests/v1", headers={"Authorization": f"Basic {token}"})
        answer = http.getresponse()
        return answer, answer.read()

    emulator.faults.throttle("GET manifests", retry_after=7, count=1)
    emulator.faults.fail("manifests", count=1)
    emulator.faults.make_unavailable("GET manifests", count=1)
    answer, body = get_manifest()
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert json.loads(body) == {"errors": [{"code": "TOOMANYREQUESTS", "message": "Rate exceeded"}]}
    assert [get_manifest()[0].status for _ in range(2)] == [500, 503]
    assert get_manifest()[0].headers["Docker-Content-Digest"] == digest


def test_a_download_breaks_off_in_the_middle_and_can_be_resumed(emulator, ecr, http):
    image = an_image()
    put_image(ecr, "team/app", image, "v1")
    url = ecr.get_download_url_for_layer(repositoryName="team/app", layerDigest=image.layers[0].digest)["downloadUrl"]
    path = "/" + url.split("/", 3)[3]
    emulator.faults.lose_answer("layers", after_bytes=100, count=1)
    http.request("GET", path)
    with pytest.raises(IncompleteRead) as broken:
        http.getresponse().read()
    assert len(broken.value.partial) == 100
    http.close()
    http.request("GET", path, headers={"Range": "bytes=100-"})
    assert broken.value.partial + http.getresponse().read() == image.layers[0].raw


def test_a_dropped_connection_shows_no_status_line(emulator, ecr, http):
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    emulator.faults.drop_connection("base", count=1)
    http.request("GET", "/v2/", headers={"Authorization": f"Basic {token}"})
    with pytest.raises(RemoteDisconnected):
        http.getresponse()


def test_a_probability_hits_the_same_requests_for_the_same_seed(emulator, ecr):
    def hits(seed):
        with emulator.faults.throttle("ListTagsForResource", probability=0.5, seed=seed):
            arn = ecr.describe_repositories()["repositories"][0]["repositoryArn"]
            return [_is_refused(lambda: ecr.list_tags_for_resource(resourceArn=arn)) for _ in range(20)]

    assert hits(1) == hits(1) != hits(2)
    assert 0 < sum(hits(1)) < 20


def _is_refused(call):
    try:
        call()
    except ClientError:
        return True
    return False


def test_an_outage_begins_and_ends_by_the_clock(emulator, ecr):
    emulator.faults.fail("*", starts_in="1h", lasts=timedelta(minutes=10))
    assert ecr.describe_registry()
    emulator.clock.advance("1h")
    assert error_of(ecr.describe_registry)[0] == 500
    emulator.clock.advance("10m")
    assert ecr.describe_registry()


def test_a_fault_can_be_that_of_one_account_region_or_group_of_repositories(emulator, ecr):
    ecr.create_repository(repositoryName="infra/app")
    emulator.faults.throttle("ListImages", repository="team/*")
    assert error_of(ecr.list_images, repositoryName="team/app")[1] == "ThrottlingException"
    assert ecr.list_images(repositoryName="infra/app")
    emulator.faults.clear()
    emulator.faults.throttle("DescribeRegistry", account="111111111111", region="eu-west-1")
    of_other = emulator.client("ecr", account="111111111111", region_name="eu-west-1", config=ONCE)
    assert error_of(of_other.describe_registry)[1] == "ThrottlingException"
    assert ecr.describe_registry()


def test_some_requests_pass_before_the_fault(emulator, ecr):
    emulator.faults.fail("DescribeRegistry", skip=2, count=1)
    assert [_is_refused(ecr.describe_registry) for _ in range(4)] == [False, False, True, False]


def test_nobody_waits_for_a_latency_while_the_clock_stands_still(emulator, ecr):
    noon = emulator.clock.freeze()
    slow = emulator.faults.delay("*", seconds=3600)
    emulator.faults.throttle("DescribeRegistry", count=1)
    assert error_of(ecr.describe_registry)[1] == "ThrottlingException"
    assert ecr.describe_registry()
    assert (slow.hits, emulator.clock.now()) == (2, noon)


def test_a_latency_is_a_pause_of_the_clock(emulator, ecr, monkeypatch):
    pauses = []
    monkeypatch.setattr("ecr_emulator.system.time.sleep", pauses.append)
    emulator.faults.delay("DescribeRegistry", seconds=1.5, count=1)
    ecr.describe_registry()
    ecr.describe_registry()
    assert pauses == [1.5]


def test_faults_end_with_a_reset_and_come_back_with_a_snapshot(emulator, ecr):
    emulator.faults.throttle("DescribeRegistry", count=2)
    assert _is_refused(ecr.describe_registry)
    snapshot = emulator.snapshot()
    assert _is_refused(ecr.describe_registry)
    emulator.restore(snapshot)
    assert [_is_refused(ecr.describe_registry) for _ in range(2)] == [True, False]
    emulator.faults.fail("*")
    emulator.reset()
    assert ecr.describe_registry()


def test_a_reset_of_one_account_ends_its_faults_only(emulator, ecr):
    emulator.faults.fail("DescribeRegistry", account="111111111111")
    emulator.faults.fail("DescribeRegistry", account=emulator.account)
    emulator.reset(account="111111111111")
    assert _is_refused(ecr.describe_registry)
    assert emulator.client(account="111111111111", config=ONCE).describe_registry()


def test_a_star_stands_for_any_account_and_region(emulator):
    emulator.faults.fail("DescribeRegistry", account="1111*", region="eu-*", count=1)
    assert emulator.client(config=ONCE).describe_registry()
    assert _is_refused(emulator.client(account="111111111111", region_name="eu-west-1", config=ONCE).describe_registry)


@pytest.mark.parametrize(
    ("inject", "sentence"),
    [
        (lambda faults: faults.throttle("PutImages"), "target is 'PutImages'; did you mean PutImage?"),
        (lambda faults: faults.fail("GET blob"), "target is 'GET blob'; did you mean GET blobs?"),
        (lambda faults: faults.fail(count=0), r"count must be a whole number from 1 to \d+, not 0"),
        (lambda faults: faults.fail(probability=2), "probability must be a number above 0, at most 1, not 2"),
        (lambda faults: faults.delay(seconds=-1), "seconds must be a number above 0, at most 3600, not -1"),
        (lambda faults: faults.fail(lasts="soon"), "lasts: 'soon' is not a length of time; write seconds"),
        (lambda faults: faults.fail(acount="1"), "a fault server_error has no key 'acount'; did you mean account?"),
        (lambda faults: faults.throttle(repository=["a"]), r"repository must be text, not \['a'\]"),
        (lambda faults: faults.fail(repository="Team App"), "name of a repository, or several with .*, not 'Team App'"),
        (lambda faults: faults.fail(repository="Team/*"), r"like team/\*, not 'Team/\*'"),
        (lambda faults: faults.at_upstream("quay.io").answer(503, repository="a//b"), "not 'a//b'"),
        (lambda faults: faults.fail(account="12"), "account must be 12 digits, as text, not '12'"),
        (lambda faults: faults.fail(account=123456789012), "account must be 12 digits, as text, not 123456789012"),
        (lambda faults: faults.fail(region="mars"), "region must be a Region, like eu-west-1, not 'mars'"),
        (lambda faults: faults.fail(lasts="0s"), "lasts must be longer than no time, not '0s'"),
    ],
)
def test_a_fault_that_cannot_be_is_explained(emulator, inject, sentence):
    with pytest.raises(ValueError, match=sentence):
        inject(emulator.faults)
    assert emulator.client(config=ONCE).describe_registry()
