"""IAM that is kept across restarts of the process."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
from tests.support.certificates import Authority
from tests.support.iam_entities import create_everything, everything
from tests.support.iam_principals import ACCOUNT, IamAccount, allow, policy

IAM_FILE = Path("companions") / "iam.json"
OTHER = "210987654321"
TRUST = policy({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})


@pytest.fixture
def certificate(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates")).file.read_text()


def opened(tmp_path, **more):
    return Emulator(Settings(account=ACCOUNT, data_dir=tmp_path, **more))


def iam_of(emulator, account=ACCOUNT, region="us-east-1"):
    return client_of(emulator, "iam", account=account, region=region)


def kept_in(tmp_path):
    return json.loads((tmp_path / IAM_FILE).read_text())["accounts"]


def test_a_restart_changes_nothing_about_iam(tmp_path, certificate):
    with opened(tmp_path) as emulator:
        for account in (ACCOUNT, OTHER):
            create_everything(iam_of(emulator, account), certificate)
        before = [everything(iam_of(emulator, account)) for account in (ACCOUNT, OTHER)]
    with opened(tmp_path) as emulator:
        assert [everything(iam_of(emulator, account)) for account in (ACCOUNT, OTHER)] == before
    assert before[0]["get_user"]["User"]["UserId"] != before[1]["get_user"]["User"]["UserId"]


def test_partitions_are_kept_apart(tmp_path):
    regions = ("us-east-1", "cn-north-1")
    with opened(tmp_path) as emulator:
        arns = [iam_of(emulator, region=region).create_user(UserName="ann")["User"]["Arn"] for region in regions]
    with opened(tmp_path) as emulator:
        assert [iam_of(emulator, region=region).get_user(UserName="ann")["User"]["Arn"] for region in regions] == arns
    assert list(kept_in(tmp_path)[ACCOUNT]) == ["aws", "aws-cn"]


def test_what_was_deleted_stays_deleted_and_what_was_changed_changed(tmp_path):
    with opened(tmp_path) as emulator:
        iam = iam_of(emulator)
        for name in ("ann", "bob"):
            iam.create_user(UserName=name)
        key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    with opened(tmp_path) as emulator:
        iam = iam_of(emulator)
        iam.delete_user(UserName="bob")
        iam.update_access_key(UserName="ann", AccessKeyId=key, Status="Inactive")
    with opened(tmp_path) as emulator:
        assert [user["UserName"] for user in iam_of(emulator).list_users()["Users"]] == ["ann"]
        assert iam_of(emulator).list_access_keys(UserName="ann")["AccessKeyMetadata"][0]["Status"] == "Inactive"


def test_permissions_are_enforced_after_a_restart_for_keys_and_tokens(tmp_path):
    with opened(tmp_path, iam="enforce") as emulator:
        iam = IamAccount(emulator)
        iam.root().ecr.create_repository(repositoryName="app")
        ann = iam.user(allow("ListImages"))
        token = ann.log_in()
    with opened(tmp_path, iam="enforce") as emulator:
        ecr = client_of(emulator, keys=ann.keys)
        assert ecr.list_images(repositoryName="app")["imageIds"] == []
        with pytest.raises(ClientError, match="no identity-based policy allows the ecr:DescribeImages action"):
            ecr.describe_images(repositoryName="app")
    with opened(tmp_path, iam="enforce") as emulator:
        again = type(ann)(emulator, ann.arn, ann.keys)
        assert again.send("GET", "/v2/app/tags/list", token).status_code == 200
        assert again.send("GET", "/v2/app/manifests/v1", token).status_code == 403


def test_the_key_of_a_user_belongs_to_its_account_after_a_restart(tmp_path):
    with opened(tmp_path) as emulator:
        iam = iam_of(emulator, OTHER)
        iam.create_user(UserName="ann")
        key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    with opened(tmp_path) as emulator:
        assert client_of(emulator, account=key).describe_registry()["registryId"] == OTHER


# --- The file --------------------------------------------------------------------------------------------


def test_the_file_is_for_its_owner_only(tmp_path):
    with opened(tmp_path) as emulator:
        iam_of(emulator).create_user(UserName="ann")
        assert stat.S_IMODE((tmp_path / IAM_FILE).stat().st_mode) == 0o600


def test_the_file_is_written_only_when_iam_changes(tmp_path):
    with opened(tmp_path) as emulator:
        iam = iam_of(emulator)
        client_of(emulator, "sts").get_caller_identity()
        iam.list_users()
        assert not (tmp_path / IAM_FILE).exists()
        iam.create_user(UserName="ann")
        key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
        written = (tmp_path / IAM_FILE).stat()
        iam.get_user(UserName="ann")
        client_of(emulator, "sts", account=key).get_caller_identity()
        assert (tmp_path / IAM_FILE).stat() == written


@pytest.mark.slow
def test_no_moto_is_imported_for_requests_that_need_no_iam(tmp_path):
    with opened(tmp_path) as emulator:
        iam_of(emulator).create_user(UserName="ann")
    code = (
        "import sys; from pathlib import Path; from ecr_emulator.emulator import Emulator;"
        "from ecr_emulator.settings import Settings; from tests.support.boto import client_of\n"
        "with Emulator(Settings(data_dir=Path(sys.argv[1]))) as emulator:\n"
        "    client_of(emulator, account='123456789012').describe_registry()\n"
        "    print('moto' in sys.modules)\n"
        "    client_of(emulator, account='AKIAUNKNOWN').describe_registry()\n"
        "    print('moto' in sys.modules)\n"
    )
    out = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True)
    assert out.stdout.split() == ["False", "True"]


KILLED = """
import os, signal, sys
from pathlib import Path
from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
emulator = Emulator(Settings(data_dir=Path(sys.argv[1])))
client_of(emulator, "iam").create_role(RoleName="deployer", AssumeRolePolicyDocument=sys.argv[2])
client_of(emulator, "iam").create_user(UserName="ann")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_a_process_that_is_killed_loses_nothing_that_it_acknowledged(tmp_path):
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), TRUST], check=False)
    assert ended.returncode == -signal.SIGKILL
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        assert client_of(emulator, "iam").get_user(UserName="ann")
        assert client_of(emulator, "iam").get_role(RoleName="deployer")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{broken", "JSONDecodeError"),
        ("[]", "TypeError"),
        ('{"version": 2, "accounts": {}}', "its version is 2, not 1"),
        ('{"version": 1, "accounts": {"123456789012": {"aws": {}}}}', "KeyError"),
        ('{"version": 1, "accounts": {"123456789012": {"aws": {"policies": 7}}}}', "TypeError"),
        (
            '{"version": 1, "accounts": {"123456789012": {"aws": {"policies": [], "users": [{"name": "ann"}]}}}}',
            "one of its users lacks managed_policies, region, tags",
        ),
    ],
)
def test_a_broken_file_is_named_by_every_request_that_needs_iam_and_left_alone(tmp_path, content, reason):
    (tmp_path / IAM_FILE).parent.mkdir()
    (tmp_path / IAM_FILE).write_text(content)
    sentence = rf"{IAM_FILE} does not hold users, roles and policies of IAM as this emulator writes them: .*{reason}"
    with opened(tmp_path, iam="enforce") as emulator:
        for _ in range(2):
            with pytest.raises(ClientError, match=rf"InternalFailure.*{sentence}"):
                iam_of(emulator).create_user(UserName="ann")
            with pytest.raises(ClientError, match=rf"ServerException.*{sentence}"):
                client_of(emulator, account="AKIAANN").describe_registry()
        assert client_of(emulator, account=ACCOUNT).describe_registry()["registryId"] == ACCOUNT
        assert (tmp_path / IAM_FILE).read_text() == content
        (tmp_path / IAM_FILE).unlink()
        assert iam_of(emulator).list_users()["Users"] == []


def test_a_record_that_lacks_newer_members_is_restored(tmp_path, certificate):
    with opened(tmp_path) as emulator:
        create_everything(iam_of(emulator), certificate)
    document = json.loads((tmp_path / IAM_FILE).read_text())
    for user in document["accounts"][ACCOUNT]["aws"]["users"]:
        del user["password_reset_required"]
        user["colour"] = "red"
    (tmp_path / IAM_FILE).write_text(json.dumps(document))
    with opened(tmp_path) as emulator:
        assert iam_of(emulator).get_login_profile(UserName="ann")["LoginProfile"]["PasswordResetRequired"] is False


def test_a_call_fails_if_its_change_cannot_be_written(tmp_path):
    with opened(tmp_path) as emulator:
        obstacle = tmp_path / "companions"
        obstacle.write_text("in the way of the folder")
        with pytest.raises(ClientError, match=r"InternalFailure.*FileExistsError"):
            iam_of(emulator).create_user(UserName="ann")
        obstacle.unlink()
        iam_of(emulator).get_user(UserName="ann")
        assert kept_in(tmp_path)[ACCOUNT]["aws"]["users"][0]["name"] == "ann"
    assert not os.path.exists(obstacle / "iam.unfinished")


# --- Resets and snapshots --------------------------------------------------------------------------------


def test_a_reset_forgets_iam_for_good_also_of_one_account(tmp_path):
    with opened(tmp_path) as emulator:
        for account in (ACCOUNT, OTHER):
            iam_of(emulator, account).create_user(UserName="ann")
        emulator.reset(OTHER)
        assert list(kept_in(tmp_path)) == [ACCOUNT]
    with opened(tmp_path) as emulator:
        emulator.reset()
        assert not (tmp_path / IAM_FILE).exists()
    with opened(tmp_path) as emulator:
        assert iam_of(emulator).list_users()["Users"] == []


def test_a_snapshot_before_the_first_use_of_moto_has_the_kept_iam(tmp_path):
    with opened(tmp_path) as emulator:
        iam_of(emulator).create_user(UserName="ann")
    with opened(tmp_path) as emulator:
        before = emulator.snapshots.take()
        iam_of(emulator).delete_user(UserName="ann")
        iam_of(emulator).create_user(UserName="bob")
        emulator.snapshots.restore(before)
        assert [user["UserName"] for user in iam_of(emulator).list_users()["Users"]] == ["ann"]
    assert [user["name"] for user in kept_in(tmp_path)[ACCOUNT]["aws"]["users"]] == ["ann"]


def test_a_temporary_emulator_writes_no_iam():
    with Emulator() as emulator:
        client_of(emulator, "iam").create_user(UserName="ann")
        assert not (emulator.data_dir / IAM_FILE).exists()


def test_roles_that_organizations_creates_are_kept(tmp_path):
    with opened(tmp_path) as emulator:
        organizations = client_of(emulator, "organizations", account=ACCOUNT)
        organizations.create_organization(FeatureSet="ALL")
        created = organizations.create_account(Email="ann@example.com", AccountName="ann", RoleName="Admin")
        account = created["CreateAccountStatus"]["AccountId"]
    with opened(tmp_path) as emulator:
        assert iam_of(emulator, account).get_role(RoleName="Admin")
