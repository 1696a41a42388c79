"""Sessions that are kept across restarts of the process until they expire."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import Keys, client_of
from tests.support.iam_principals import ACCOUNT, IamAccount, IamPrincipal, allow, policy, repository_policy, to

STS_FILE = Path("companions") / "sts.json"
LISTING = policy(allow("ListImages", "GetAuthorizationToken"))


def opened(tmp_path):
    return Emulator(Settings(account=ACCOUNT, data_dir=tmp_path, iam="enforce"))


def again(principal, emulator):
    """Return the same principal, with the same keys, at another emulator."""
    return IamPrincipal(emulator, principal.arn, principal.keys)


def begin_sessions(emulator):
    """Return a session of each kind, all limited to list images."""
    iam = IamAccount(emulator)
    iam.root().ecr.create_repository(repositoryName="app")
    ann = iam.user(allow("*"))
    listing = iam.client.create_policy(PolicyName="listing", PolicyDocument=LISTING)["Policy"]["Arn"]
    return {
        "inline": iam.session(iam.role(allow("*")), Policy=LISTING),
        "managed": iam.session(iam.role(allow("*")), PolicyArns=[{"arn": listing}]),
        "role": iam.session(iam.role(allow("ListImages"))),
        "user": iam.session_token(iam.user(allow("ListImages"))),
        "federated": iam.federated(ann, Policy=LISTING),
    }


def may(call, **request):
    try:
        call(**request)
    except ClientError as refused:
        if refused.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return False
    return True


def test_sessions_keep_their_keys_limits_and_tokens(tmp_path):
    with opened(tmp_path) as emulator:
        sessions = begin_sessions(emulator)
        tokens = {kind: session.log_in() for kind, session in sessions.items()}
        identities = {kind: identity(session) for kind, session in sessions.items()}
    with opened(tmp_path) as emulator:
        for kind, session in sessions.items():
            after = again(session, emulator)
            assert identity(after) == identities[kind]
            assert may(after.ecr.list_images, repositoryName="app"), kind
            assert not may(after.ecr.describe_images, repositoryName="app"), kind
            assert after.send("GET", "/v2/app/tags/list", tokens[kind]).status_code == 200
            assert after.send("GET", "/v2/app/manifests/v1", tokens[kind]).status_code == 403


def identity(principal):
    told = principal.client("sts").get_caller_identity()
    return told["UserId"], told["Account"], told["Arn"]


def test_a_repository_policy_for_a_session_still_passes_its_limits(tmp_path):
    with opened(tmp_path) as emulator:
        session = begin_sessions(emulator)["inline"]
        granted = repository_policy(to(session.arn, allow("DescribeImages")))
        IamAccount(emulator).root().ecr.set_repository_policy(repositoryName="app", policyText=granted)
    with opened(tmp_path) as emulator:
        assert may(again(session, emulator).ecr.describe_images, repositoryName="app")


def test_conditions_still_know_the_attributes_of_a_session(tmp_path):
    team = {"Key": "team", "Value": "red"}
    mfa = {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/ann", "TokenCode": "123456"}
    condition = {
        "StringEquals": {"aws:PrincipalTag/team": "red", "aws:SourceIdentity": "ann"},
        "Bool": {"aws:MultiFactorAuthPresent": "true"},
    }
    with opened(tmp_path) as emulator:
        iam = IamAccount(emulator)
        iam.root().ecr.create_repository(repositoryName="app")
        role = iam.role(allow("ListImages", Condition=condition))
        known = iam.session(role, Tags=[team], SourceIdentity="ann", TransitiveTagKeys=["team"], **mfa)
        plain = iam.session(role)
    with opened(tmp_path) as emulator:
        assert may(again(known, emulator).ecr.list_images, repositoryName="app")
        assert not may(again(plain, emulator).ecr.list_images, repositoryName="app")
        sts = again(known, emulator).client("sts")
        given = sts.assume_role(RoleArn=role, RoleSessionName="next", **mfa)["Credentials"]
        chained = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        assert may(client_of(emulator, keys=chained).list_images, repositoryName="app")


def test_a_session_that_has_expired_by_the_emulators_clock_is_not_brought_back(tmp_path):
    with opened(tmp_path) as emulator:
        iam = IamAccount(emulator)
        short, long = (iam.session(iam.role(allow("*")), DurationSeconds=seconds) for seconds in (900, 7200))
        emulator.clock.advance(timedelta(hours=1))
        with pytest.raises(ClientError, match="ExpiredTokenException"):
            short.ecr.describe_registry()
    with opened(tmp_path) as emulator:
        assert again(long, emulator).ecr.describe_registry()
        with pytest.raises(ClientError, match="UnrecognizedClientException"):
            again(short, emulator).ecr.describe_registry()
        emulator.clock.advance(timedelta(hours=1))
        with pytest.raises(ClientError, match="ExpiredTokenException"):
            again(long, emulator).ecr.describe_registry()
        client_of(emulator, "sts").get_caller_identity()
        assert json.loads((tmp_path / STS_FILE).read_text())["sessions"] == []


KILLED = """
import os, signal, sys
from pathlib import Path
from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
emulator = Emulator(Settings(data_dir=Path(sys.argv[1])))
given = client_of(emulator, "sts", account="210987654321").get_session_token()["Credentials"]
print(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_a_process_that_is_killed_loses_no_session_that_it_issued(tmp_path):
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL
    with opened(tmp_path) as emulator:
        keys = Keys(*ended.stdout.split())
        assert client_of(emulator, keys=keys).describe_registry()["registryId"] == "210987654321"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "JSONDecodeError"),
        ('{"version": 2, "sessions": []}', "its version is 2, not 1"),
        ('{"version": 1, "sessions": [{"access_key": 7}]}', "access_key is 7"),
        ('{"version": 1, "sessions": [{"access_key": "A"}]}', "KeyError"),
    ],
)
def test_a_broken_file_is_named_and_left_alone(tmp_path, content, reason):
    (tmp_path / STS_FILE).parent.mkdir()
    (tmp_path / STS_FILE).write_text(content)
    sentence = rf"{STS_FILE} does not hold sessions of STS as this emulator writes them: .*{reason}"
    with opened(tmp_path) as emulator:
        with pytest.raises(ClientError, match=rf"InternalFailure.*{sentence}"):
            client_of(emulator, "sts", account=ACCOUNT).get_session_token()
        with pytest.raises(ClientError, match=rf"ServerException.*{sentence}"):
            client_of(emulator, account="ASIAANN").describe_registry()
        assert (tmp_path / STS_FILE).read_text() == content


def test_a_reset_ends_all_sessions_or_those_of_an_account(tmp_path):
    with opened(tmp_path) as emulator:
        here, there = (
            IamAccount(emulator, account).session_token(IamAccount(emulator, account).root())
            for account in (ACCOUNT, "210987654321")
        )
        emulator.reset("210987654321")
        assert here.ecr.describe_registry()
        with pytest.raises(ClientError, match="UnrecognizedClientException"):
            there.ecr.describe_registry()
        emulator.reset()
        assert not (tmp_path / STS_FILE).exists()
        with pytest.raises(ClientError, match="UnrecognizedClientException"):
            here.ecr.describe_registry()


def test_a_snapshot_brings_back_its_sessions_and_no_others(tmp_path):
    with opened(tmp_path) as emulator:
        iam = IamAccount(emulator)
        before = iam.session_token(iam.root())
        snapshot = emulator.snapshots.take()
        after = iam.session_token(iam.root())
        emulator.snapshots.restore(snapshot)
        assert before.ecr.describe_registry()
        with pytest.raises(ClientError, match="UnrecognizedClientException"):
            after.ecr.describe_registry()
    with opened(tmp_path) as emulator:
        assert again(before, emulator).ecr.describe_registry()
        with pytest.raises(ClientError, match="UnrecognizedClientException"):
            again(after, emulator).ecr.describe_registry()
