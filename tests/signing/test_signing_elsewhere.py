"""Signatures beyond one push: replicas, imports, restarts, resets, saved states, other accounts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.docker import ACCOUNT, json_of
from tests.support.images import an_image
from tests.support.notation import NotVerified
from tests.support.pull_through import running_cache
from tests.support.signatures import Signatures

FILE = Path("companions") / "signer.json"
IMAGE = an_image()


def test_a_signature_is_replicated_and_the_replica_is_not_signed_again(signatures, emulator):
    destination = {"destinations": [{"region": "eu-west-1", "registryId": ACCOUNT}]}
    signatures.ecr.put_replication_configuration(replicationConfiguration={"rules": [destination]})
    signatures.sign(signatures.profile())
    replicas = Signatures(emulator, region="eu-west-1")
    replicas.sign(replicas.profile("replicas"))
    signatures.docker.push(IMAGE, "v1")
    assert replicas.of(IMAGE.digest) == signatures.of(IMAGE.digest)
    assert replicas.verified(IMAGE.digest, *replicas.of(IMAGE.digest)).signer.startswith("CN=team,")
    assert replicas.status(IMAGE.digest) == []


def test_an_image_of_the_cache_is_not_signed():
    with ScriptedUpstream() as upstream, running_cache(upstream) as cache:
        upstream.add_image("team/app", IMAGE, "v1")
        cache.rule()
        signatures = Signatures(cache.emulator)
        profile = signatures.profile()
        signatures.sign(profile)
        cache.pull("quay/team/app", "v1")
        cache.settle()
        assert signatures.status(IMAGE.digest, "quay/team/app") == [(profile, "FAILED", "AccessDeniedException")]
        assert signatures.of(IMAGE.digest, "quay/team/app") == []


def test_a_deleted_image_loses_its_signature_with_its_other_referrers(signatures, emulator):
    signatures.sign(signatures.profile())
    signatures.docker.push(IMAGE, "v1")
    (signature,) = signatures.of(IMAGE.digest)
    signatures.ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageDigest": IMAGE.digest}])
    emulator.clock.advance(timedelta(hours=24))
    signatures.docker.log_in()
    assert signatures.docker.get(f"/v2/team/app/manifests/{signature}").status_code == 404


def test_profiles_and_the_authority_survive_a_restart(tmp_path):
    settings = Settings(data_dir=tmp_path, account=ACCOUNT)
    with Emulator(settings) as emulator:
        first = Signatures(emulator)
        first.ecr.create_repository(repositoryName="team/app")
        profile = first.profile(tags={"team": "a"})
        first.sign(profile)
        first.docker.push(IMAGE, "v1")
        root, described = first.root(), first.signer.get_signing_profile(profileName="team")
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    with Emulator(settings) as emulator:
        second = Signatures(emulator)
        assert second.root() == root
        again = second.signer.get_signing_profile(profileName="team")
        assert {**again, "ResponseMetadata": None} == {**described, "ResponseMetadata": None}
        second.docker.push(an_image(2), "v2")
        for digest in (IMAGE.digest, an_image(2).digest):
            second.verified(digest, *second.of(digest), root=root)


def test_the_authority_survives_a_reset_and_the_profiles_do_not(signatures, emulator):
    signatures.profile()
    root = signatures.root()
    emulator.reset()
    assert signatures.root() == root
    assert signatures.signer.list_signing_profiles()["profiles"] == []


def test_a_snapshot_holds_the_profiles(signatures, emulator):
    signatures.profile()
    taken = emulator.snapshots.take()
    signatures.signer.cancel_signing_profile(profileName="team")
    signatures.profile("other")
    emulator.snapshots.restore(taken)
    found = signatures.signer.list_signing_profiles(includeCanceled=True)["profiles"]
    assert [(each["profileName"], each["status"]) for each in found] == [("team", "Active")]


def test_a_saved_state_has_the_profiles_and_not_the_authority(signatures, tmp_path):
    profile = signatures.profile()
    signatures.sign(profile)
    signatures.docker.push(IMAGE, "v1")
    saved = signatures.docker.http.get("/_ecr/state").data
    with Emulator(Settings(account=ACCOUNT)) as emulator:
        other = Signatures(emulator)
        loaded = other.docker.http.put("/_ecr/state", data=saved, content_type="application/x-tar")
        assert loaded.status_code == 200, json_of(loaded)
        other.docker.log_in()
        assert other.signer.get_signing_profile(profileName="team")["arn"] == profile
        (signature,) = other.of(IMAGE.digest)
        with pytest.raises(NotVerified, match="the root is not trusted"):
            other.verified(IMAGE.digest, signature)
        other.verified(IMAGE.digest, signature, root=signatures.root())


def test_a_profile_of_another_account_signs(signatures, emulator):
    other = Signatures(emulator, "111122223333")
    signatures.sign(other.profile("shared"))
    signatures.docker.push(IMAGE, "v1")
    assert signatures.verified(IMAGE.digest, *signatures.of(IMAGE.digest)).signer.startswith("CN=shared,")
