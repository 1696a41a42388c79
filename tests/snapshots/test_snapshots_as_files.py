"""Portable snapshots: the whole state as one file, from one emulator to another."""

import gzip
import io
import json
import tarfile
from datetime import timedelta

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.seeds.image_files import read_oci_layout
from ecr_emulator.settings import Settings
from ecr_emulator.storage.migration_scripts import MIGRATIONS
from tests.support.boto import client_of
from tests.support.images import an_image, put_image
from tests.support.limits import largest_file
from tests.support.planes import EmulatorClient
from tests.support.storage import rows

ABOUT = "ecr-emulator/snapshot.json"
DATABASE = "ecr-emulator/ecr.sqlite"
HOST = "000000000000.dkr.ecr.us-east-1.amazonaws.com"


@pytest.fixture
def other():
    """Another emulator, which is not empty."""
    with Emulator(Settings()) as emulator:
        other = EmulatorClient(emulator)
        other.ecr.create_repository(repositoryName="team/other")
        put_image(other.ecr, "team/other", an_image("other"), "v1")
        yield other


@pytest.fixture
def saved(client):
    """The file of an emulator with an image, a rule and a secret."""
    put_image(client.ecr, "team/app", an_image("app"), "v1")
    client_of(client.emulator, "secretsmanager").create_secret(Name="kept", SecretString="one")
    client.ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    with client.http.get("/_ecr/state") as answer:
        data = answer.data
    assert (answer.status_code, answer.content_type) == (200, "application/x-tar")
    assert list((client.emulator.data_dir / "snapshots").iterdir()) == []
    return data


@pytest.mark.parametrize("times", [1, 2])
def test_every_row_but_those_of_the_state_is_loaded_as_it_was(client, saved, other, times):
    for _ in range(times):
        assert load(other, saved).status_code < 300
    here, there = (stored_rows(each) for each in (client, other))
    assert here == there


def stored_rows(client):
    """The rows that an emulator has stored, without those of its own state, tasks and uploads."""
    return {row for row in rows(client.emulator.data_dir / "ecr.sqlite") if row[0] not in ("state", "tasks", "uploads")}


def load(client, data):
    return client.http.put("/_ecr/state", data=data, content_type="application/x-tar")


def repositories(client):
    return [each["repositoryName"] for each in client.ecr.describe_repositories()["repositories"]]


def rewritten(data, change):
    """The file with the members that ``change`` makes of those that it has: a dictionary of bytes by name."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = {member.name: archive.extractfile(member).read() for member in archive}
    change(members)
    return tar_of(members)


def tar_of(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def test_another_emulator_goes_on_with_everything(client, saved, other):
    token = other.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    assert load(other, saved).json["status"] == "loaded"
    assert repositories(other) == ["team/app"]
    assert other.tags("team/app") == {"v1": an_image("app").digest}
    layer = an_image("app").layers[0]
    assert other.call("GET", f"/v2/team/app/blobs/{layer.digest}", follow_redirects=True).data == layer.raw
    assert len(other.ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]) == 1
    secrets = client_of(other.emulator, "secretsmanager")
    assert secrets.get_secret_value(SecretId="kept")["SecretString"] == "one"
    assert other.http.get("/_ecr/events").json == client.http.get("/_ecr/events").json
    assert other.http.get("/v2/", headers={"Authorization": f"Basic {token}"}).status_code == 200, "tokens stay good"
    files = {path.name for path in (other.emulator.data_dir / "blobs").rglob("*") if path.is_file()}
    assert files == {blob.digest.removeprefix("sha256:") for blob in an_image("app").blobs}
    assert not list((other.emulator.data_dir / "snapshots").iterdir())


def test_time_goes_on_from_that_of_the_file(client, other):
    client.emulator.clock.restore(other.emulator.clock.now() + timedelta(days=400))
    now = client.emulator.clock.now()
    load(other, client.http.get("/_ecr/state").data)
    assert other.emulator.clock.now() >= now


def test_a_data_directory_keeps_what_was_loaded(saved, tmp_path):
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        assert load(EmulatorClient(emulator), saved).status_code == 200
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        assert EmulatorClient(emulator).tags("team/app") == {"v1": an_image("app").digest}
        secrets = client_of(emulator, "secretsmanager")
        assert secrets.get_secret_value(SecretId="kept")["SecretString"] == "one"


def test_the_file_is_an_oci_layout(client, saved, tmp_path):
    app = an_image("app")
    (tmp_path / "snapshot.tar").write_bytes(saved)
    found = read_oci_layout(tmp_path / "snapshot.tar", f"{HOST}/team/app:v1")
    assert (found.digest, {blob.digest for blob in found.blobs}) == (app.digest, {blob.digest for blob in app.blobs})
    assert [blob.open().read() for blob in found.blobs] == [blob.raw for blob in app.blobs]


def test_keys_are_in_the_file_with_the_repositories_that_they_encrypt(client, other):
    kms = client_of(client.emulator, "kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    for name, more in (("team/own", {"kmsKey": key}), ("team/managed", {})):
        encryption = {"encryptionType": "KMS", **more}
        client.ecr.create_repository(repositoryName=name, encryptionConfiguration=encryption)
        put_image(client.ecr, name, an_image("app"), "v1")
    kms.disable_key(KeyId=key)
    assert load(other, client.http.get("/_ecr/state").data).status_code == 200
    theirs = client_of(other.emulator, "kms")
    assert len(theirs.list_grants(KeyId="alias/aws/ecr")["Grants"]) == 2
    assert other.call("GET", "/v2/team/managed/manifests/v1").status_code == 200
    assert other.call("GET", "/v2/team/own/manifests/v1").status_code == 403
    theirs.enable_key(KeyId=key)
    assert other.call("GET", "/v2/team/own/manifests/v1").status_code == 200


def test_a_file_of_format_1_has_no_keys(other, saved):
    def of_format_1(members):
        about = json.loads(members[ABOUT])
        for name in ("keys", "iam", "sessions"):
            del members[f"ecr-emulator/{name}.json"], about["sha256"][f"ecr-emulator/{name}.json"]
        members[ABOUT] = json.dumps(about | {"format": 1}).encode()

    client_of(other.emulator, "kms").create_key()
    assert load(other, rewritten(saved, of_format_1)).status_code == 200
    assert client_of(other.emulator, "kms").list_keys()["Keys"] == []
    assert client_of(other.emulator, "secretsmanager").get_secret_value(SecretId="kept")["SecretString"] == "one"


def test_the_key_that_signs_tokens_stays_at_home(client, saved):
    assert client.emulator._store.signing_key() not in saved


def newer_format(members):
    members[ABOUT] = json.dumps(json.loads(members[ABOUT]) | {"format": 3}).encode()


def newer_schema(members):
    newer = bytearray(members[DATABASE])
    newer[60:64] = (len(MIGRATIONS) + 1).to_bytes(4, "big")
    replace_database(members, bytes(newer))


def no_database(members):
    replace_database(members, b"SQLite format 3\0 and no more")


def replace_database(members, content):
    import hashlib

    about = json.loads(members[ABOUT])
    about["sha256"][DATABASE] = hashlib.sha256(content).hexdigest()
    members |= {ABOUT: json.dumps(about).encode(), DATABASE: content}


def no_format(members):
    members[ABOUT] = b'{"format": "2"}'


def no_list(members):
    members[ABOUT] = b'{"format": 1, "sha256": {}, "blobs": [1]}'


def no_json(members):
    members[ABOUT] = b"[" * 100_000


def no_secrets(members):
    del members["ecr-emulator/secrets.json"]


def other_secrets(members):
    members["ecr-emulator/secrets.json"] = b"{}"


def wrong_blob(members):
    members[next(name for name in members if name.startswith("blobs/"))] = b"other bytes"


def missing_blob(members):
    about = json.loads(members[ABOUT])
    del members["blobs/" + about["blobs"][0].replace(":", "/")]


def foreign_file(members):
    members["../../etc/passwd"] = b"root"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (newer_format, "A newer ecr-emulator wrote it"),
        (newer_schema, "A newer ecr-emulator wrote it: its database"),
        (no_database, "It is damaged: file is not a database"),
        (no_format, "snapshot.json lacks the number of the format"),
        (no_list, "snapshot.json does not list the other files"),
        (no_json, "snapshot.json is not JSON"),
        (no_secrets, "It is damaged: it lacks ecr-emulator/secrets.json"),
        (other_secrets, "ecr-emulator/secrets.json has other bytes"),
        (wrong_blob, "has other bytes than its name says"),
        (missing_blob, "It is damaged: it lacks 1 blobs"),
        (foreign_file, "it has a file '../../etc/passwd'"),
    ],
)
def test_a_file_that_is_damaged_or_too_new_is_refused_and_nothing_is_lost(saved, other, change, reason):
    refused(other, rewritten(saved, change), reason)


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.9])
def test_a_file_that_ends_early_is_refused_and_nothing_is_lost(saved, other, share):
    refused(other, saved[: int(len(saved) * share)], "This file cannot be loaded; nothing has changed.")


def test_a_blob_that_is_there_twice_is_refused(saved, other):
    with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
        blob = next(member for member in archive if member.name.startswith("blobs/"))
        twice = saved[blob.offset : blob.offset_data + -(-blob.size // 512) * 512]
        end = max(member.offset_data + -(-member.size // 512) * 512 for member in archive.getmembers())
    refused(other, saved[:end] + twice + saved[end:], "twice")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it does not begin as a tar file"),
        (b"no tar file at all", "it does not begin as a tar file"),
        (b"\0" * 10_240, "it is empty"),
        (gzip.compress(b"a snapshot", mtime=0), "it is compressed; decompress it first"),
        (tar_of({"manifest.json": b"[]"}), "its first file is 'manifest.json'"),
    ],
)
def test_another_file_is_refused_and_nothing_is_lost(other, data, reason):
    refused(other, data, f"It is no snapshot of ecr-emulator, or a damaged one: {reason}")


def test_a_disk_that_is_too_small_for_the_file_is_named_and_nothing_is_lost(saved, other):
    with largest_file(len(saved) - 1):
        for answer in (other.http.get("/_ecr/state"), load(other, saved)):
            assert answer.status_code == 503
            assert answer.json["error"] == "the data directory cannot be written: File too large"
    assert repositories(other) == ["team/other"]
    assert not list((other.emulator.data_dir / "snapshots").iterdir())
    assert load(other, saved).status_code == 200


def test_a_disk_that_is_too_small_for_the_database_is_named_and_nothing_is_lost(saved, other):
    data = rewritten(saved, empty_database)
    with largest_file(len(data)):
        answer = load(other, data)
    assert (answer.status_code, answer.json["error"]) == (503, "the data directory cannot be written: disk I/O error")
    assert repositories(other) == ["team/other"]
    assert load(other, data).status_code == 200


def empty_database(members):
    """A database without tables, which gets them when it is loaded and is larger than the whole file then."""
    replace_database(members, b"")


def refused(client, data, reason):
    answer = load(client, data)
    assert answer.status_code == 400
    assert answer.json["error"].startswith("This file cannot be loaded; nothing has changed.")
    assert reason in answer.json["error"]
    assert repositories(client) == ["team/other"]
    assert client.tags("team/other") == {"v1": an_image("other").digest}
    assert not list((client.emulator.data_dir / "snapshots").iterdir())
