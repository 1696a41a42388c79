"""``save_snapshot`` and ``load_snapshot`` of an emulator in this process and of one elsewhere."""

from threading import Event, Thread

import pytest
from botocore.exceptions import ClientError

from ecr_emulator import EcrEmulator
from ecr_emulator.seeds.client import CallRefused
from ecr_emulator.testing.running import RunningEcrEmulator
from tests.support.limits import largest_file
from tests.support.processes import serving

SECRET = {"Name": "hub", "SecretString": "token"}


@pytest.fixture
def embedded():
    with EcrEmulator() as emulator:
        yield emulator


@pytest.fixture(params=["in this process", "running"])
def emulator(request, embedded):
    if request.param == "in this process":
        yield embedded
    else:
        with RunningEcrEmulator(embedded.endpoint_url, account="123456789012") as running:
            yield running


@pytest.fixture
def file(tmp_path):
    return tmp_path / "state.tar"


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_another_emulator_goes_on_with_the_file(emulator, file):
    pushed = emulator.push_image("team/app", "1.0", platforms=["linux/amd64", "linux/arm64"])
    emulator.client("secretsmanager").create_secret(**SECRET)
    emulator.save_snapshot(str(file))
    assert (names_in(file.parent), file.stat().st_mode & 0o777) == (["state.tar"], 0o600)
    with EcrEmulator(account=emulator.account) as other:
        other.push_image("team/other")
        other.load_snapshot(file)
        assert other.pull("team/app:1.0").digest == pushed.digest
        assert other.client("secretsmanager").get_secret_value(SecretId="hub")["SecretString"] == "token"
        assert len(other.client().describe_repositories()["repositories"]) == 1


def test_users_roles_and_sessions_go_on(file):
    """The role of ECR, which a rule needs, is in IAM and in the database."""
    trust = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "*"}]}'
    reads = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
    with EcrEmulator(iam="enforce") as first, EcrEmulator(iam="enforce") as second:
        iam = first.client("iam")
        iam.create_user(UserName="ann")
        iam.attach_user_policy(UserName="ann", PolicyArn=reads)
        user = iam.create_access_key(UserName="ann")["AccessKey"]
        role = iam.create_role(RoleName="ci", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        session = first.client("sts").assume_role(RoleArn=role, RoleSessionName="one")["Credentials"]
        first.client().create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
        first.save_snapshot(file)
        second.client("iam").create_user(UserName="bob")
        for _ in range(2):
            second.load_snapshot(file)
        users = [each["UserName"] for each in second.client("iam").list_users()["Users"]]
        roles = {each["RoleName"] for each in second.client("iam").list_roles()["Roles"]}
        assert (users, roles) == (["ann"], {"ci", "AWSServiceRoleForECRPullThroughCache"})
        keys = {"aws_access_key_id": user["AccessKeyId"], "aws_secret_access_key": user["SecretAccessKey"]}
        ann = second.client("ecr", **keys)
        assert ann.describe_repositories()["repositories"] == []
        with pytest.raises(ClientError, match="AccessDenied"):
            ann.create_repository(repositoryName="team/app")
        keys = {"aws_access_key_id": session["AccessKeyId"], "aws_secret_access_key": session["SecretAccessKey"]}
        sts = second.client("sts", **keys, aws_session_token=session["SessionToken"])
        assert sts.get_caller_identity()["Arn"].endswith("assumed-role/ci/one")


def test_a_newer_file_replaces_an_older_one(emulator, file):
    emulator.save_snapshot(file)
    emulator.push_image("team/app", "1.0")
    emulator.save_snapshot(file)
    emulator.client().delete_repository(repositoryName="team/app", force=True)
    emulator.load_snapshot(file)
    assert emulator.pull("team/app:1.0")


def test_a_damaged_file_is_refused_with_the_reason(emulator, file):
    emulator.push_image("team/app", "1.0")
    emulator.save_snapshot(file)
    file.write_bytes(file.read_bytes()[:20_000])
    with pytest.raises(CallRefused, match=r"This file cannot be loaded; nothing has changed\. It is damaged: "):
        emulator.load_snapshot(file)
    assert emulator.pull("team/app:1.0")


def test_a_file_that_cannot_be_written_or_read_is_named(emulator, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere/state\.tar"):
        emulator.save_snapshot(tmp_path / "nowhere" / "state.tar")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="folder"):
        emulator.save_snapshot(tmp_path / "folder")
    with pytest.raises(FileNotFoundError, match=r"nothing\.tar"):
        emulator.load_snapshot(tmp_path / "nothing.tar")
    assert names_in(tmp_path) == ["folder"]


def test_nothing_is_left_of_a_file_that_filled_the_disk(tmp_path, file):
    """The older file stays, and so does the emulator, which another process runs on another disk."""
    file.write_bytes(b"older")
    with (
        serving(tmp_path, "--port", "0", variables={"HOME": str(tmp_path)}) as served,
        RunningEcrEmulator(served.url) as running,
    ):
        running.push_image("team/app", size=3_000_000)
        before = names_in(tmp_path)
        with largest_file(1_000_000), pytest.raises(OSError, match=r"File too large: .*state\.tar"):
            running.save_snapshot(file)
        assert (names_in(tmp_path), file.read_bytes()) == (before, b"older")
        running.save_snapshot(file)
        assert file.stat().st_size > 3_000_000


def test_pulls_that_run_meanwhile_get_whole_images_or_none(embedded, file):
    """Each state has an image of the same name, which only this state has."""
    first = embedded.push_image("team/app", "1.0", size=3_000_000)
    embedded.save_snapshot(file)
    embedded.reset()
    second = embedded.push_image("team/app", "1.0", layers=2)
    pulled, over = [], Event()

    def pull():
        while not over.is_set():
            try:
                pulled.append(embedded.pull("team/app:1.0").digest)
            except CallRefused as refused:
                pulled.append(refused.code)

    threads = [Thread(target=pull) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        embedded.load_snapshot(file)
        embedded.push_image("team/app", "1.0", layers=2)
    embedded.load_snapshot(file)
    over.set()
    for thread in threads:
        thread.join()
    assert embedded.pull("team/app:1.0").digest == first.digest
    assert {first.digest, second.digest} & set(pulled)
    assert set(pulled) <= {first.digest, second.digest, "BLOB_UNKNOWN"}
