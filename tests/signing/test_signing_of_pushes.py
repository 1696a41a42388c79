"""Pushes that ECR signs: signatures that anybody can verify, and the reasons why there is none."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from ecr_emulator.domain.names import digest_of
from tests.support.boto import client_of
from tests.support.docker import ACCOUNT
from tests.support.images import an_image, an_index
from tests.support.notation import NotVerified, verify
from tests.support.signatures import NOTATION

IMAGE = an_image()


def test_a_push_gets_a_signature_that_verifies(signatures):
    profile = signatures.profile()
    signatures.sign(profile)
    assert signatures.docker.push(IMAGE, "v1").status_code == 201
    assert signatures.status(IMAGE.digest) == [(profile, "COMPLETE", None)]
    (signature,) = signatures.of(IMAGE.digest)
    verified = signatures.verified(IMAGE.digest, signature)
    assert verified.target == IMAGE.descriptor
    assert verified.signer == "CN=team,O=ecr-emulator,ST=WA,C=US"
    assert verified.signed_at == signatures.emulator.clock.now().replace(microsecond=0)


def test_a_signature_is_for_no_other_bytes(signatures):
    signatures.sign(signatures.profile())
    signatures.docker.push(IMAGE, "v1")
    (signature,) = signatures.of(IMAGE.digest)
    manifest, envelope = signatures.read(signature)
    root, now = signatures.root(), signatures.emulator.clock.now()
    changed = IMAGE.raw.replace(b"1", b"2", 1)
    with pytest.raises(NotVerified, match="the subject is another image"):
        verify(changed, manifest, envelope, root, now)
    of_another = manifest.replace(IMAGE.digest.encode(), an_image(2).digest.encode())
    with pytest.raises(NotVerified, match="another image was signed"):
        verify(an_image(2).raw, of_another, envelope, root, now)


def test_every_byte_of_an_envelope_counts(signatures):
    signatures.sign(signatures.profile())
    signatures.docker.push(IMAGE, "v1")
    manifest, envelope = signatures.read(signatures.of(IMAGE.digest)[0])
    document = json.loads(envelope)
    for part in ("payload", "protected", "signature"):
        text = document[part]
        middle = len(text) // 2
        for other in "AB":
            forged = document | {part: text[:middle] + other + text[middle + 1 :]}
            if forged == document:
                continue
            raw = json.dumps(forged).encode()
            listed = json.loads(manifest)
            listed["layers"][0] |= {"digest": digest_of(raw)}
            with pytest.raises((NotVerified, ValueError)):
                verify(IMAGE.raw, json.dumps(listed).encode(), raw, signatures.root(), signatures.emulator.clock.now())


def test_an_index_is_signed_like_its_images(signatures):
    signatures.sign(signatures.profile())
    children = [an_image(1), an_image(2)]
    for child in children:
        signatures.docker.push(child)
    index = an_index(*children)
    signatures.docker.put(index, "v1")
    for image in (index, *children):
        (signature,) = signatures.of(image.digest)
        assert signatures.verified(image.digest, signature).target["mediaType"] == image.media_type


def test_each_profile_makes_a_signature_and_none_is_signed_itself(signatures):
    profiles = [signatures.profile("first"), signatures.profile("second")]
    signatures.sign(*profiles)
    signatures.docker.push(IMAGE, "v1")
    found = signatures.of(IMAGE.digest)
    assert {signatures.verified(IMAGE.digest, each).signer[:9] for each in found} == {"CN=first,", "CN=second"}
    assert [signatures.status(each) for each in found] == [[], []]
    assert [signatures.of(each) for each in found] == [[], []]


def test_an_image_is_signed_once_however_often_it_is_pushed(signatures):
    signatures.sign(signatures.profile())
    for tag in ("v1", "v1", "v2"):
        signatures.docker.push(IMAGE, tag)
    assert len(signatures.of(IMAGE.digest)) == 1


def test_a_signature_is_valid_for_the_period_of_its_profile(signatures):
    signatures.sign(signatures.profile(signatureValidityPeriod={"value": 30, "type": "DAYS"}))
    signatures.docker.push(IMAGE, "v1")
    (signature,) = signatures.of(IMAGE.digest)
    verified = signatures.verified(IMAGE.digest, signature)
    assert verified.expires_at - verified.signed_at == timedelta(days=30)
    signatures.emulator.clock.advance(timedelta(days=30))
    signatures.docker.log_in()
    with pytest.raises(NotVerified, match="has expired"):
        signatures.verified(IMAGE.digest, signature)


@pytest.mark.parametrize(
    ("period", "last"),
    [
        ({"value": 1, "type": "MONTHS"}, "2026-02-28"),
        ({"value": 13, "type": "MONTHS"}, "2027-02-28"),
        ({"value": 2, "type": "YEARS"}, "2028-01-31"),
        (None, "2037-04-30"),
    ],
)
def test_a_period_of_months_ends_on_a_day_that_exists(signatures, period, last):
    clock = signatures.emulator.clock
    clock.advance(datetime(2026, 1, 31, 12, tzinfo=UTC) - clock.now())
    signatures.docker.log_in()
    signatures.sign(signatures.profile(**({"signatureValidityPeriod": period} if period else {})))
    signatures.docker.push(IMAGE, "v1")
    expires_at = signatures.verified(IMAGE.digest, signatures.of(IMAGE.digest)[0]).expires_at
    assert expires_at.date().isoformat() == last


# --- Failures ----------------------------------------------------------------------------------------------


def test_a_profile_that_does_not_exist_cannot_sign(signatures):
    profile = f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/no"
    signatures.sign(profile)
    signatures.docker.push(IMAGE, "v1")
    assert signatures.status(IMAGE.digest) == [(profile, "FAILED", "ResourceNotFoundException")]
    assert signatures.of(IMAGE.digest) == []


def test_a_cancelled_profile_signs_no_more(signatures):
    profile = signatures.profile()
    signatures.sign(profile)
    signatures.docker.push(IMAGE, "v1")
    signatures.signer.cancel_signing_profile(profileName="team")
    signatures.docker.push(an_image(2), "v2")
    assert signatures.status(an_image(2).digest) == [(profile, "FAILED", "ValidationException")]
    signatures.verified(IMAGE.digest, *signatures.of(IMAGE.digest))


def test_a_profile_for_functions_cannot_sign_images(signatures):
    answer = signatures.signer.put_signing_profile(profileName="functions", platformId="AWSLambda-SHA384-ECDSA")
    signatures.sign(answer["arn"])
    signatures.docker.push(IMAGE, "v1")
    described = signatures.ecr.describe_image_signing_status(
        repositoryName="team/app", imageId={"imageDigest": IMAGE.digest}
    )
    assert described["signingStatuses"] == [
        {
            "signingProfileArn": answer["arn"],
            "status": "FAILED",
            "failureCode": "ValidationException",
            "failureReason": f"The platform of {answer['arn']} is AWSLambda-SHA384-ECDSA; images need {NOTATION}.",
        }
    ]


@pytest.mark.parametrize("tag", ["v1", "v2"])
def test_a_push_after_the_cause_is_mended_is_signed(signatures, tag):
    profile = signatures.profile()
    signatures.sign(profile)
    signatures.signer.cancel_signing_profile(profileName="team")
    signatures.docker.push(IMAGE, "v1")
    signatures.profile()
    signatures.docker.push(IMAGE, tag)
    assert signatures.status(IMAGE.digest) == [(profile, "COMPLETE", None)]


def test_an_image_that_was_not_to_be_signed_is_not_signed_by_the_same_push_again(signatures):
    signatures.docker.push(IMAGE, "v1")
    signatures.sign(signatures.profile())
    signatures.docker.push(IMAGE, "v1")
    assert signatures.status(IMAGE.digest) == []


@pytest.mark.parametrize("settings", [{"background_delay": 5}])
def test_a_repository_whose_key_is_disabled_gets_no_signature(signatures, emulator):
    kms = client_of(emulator, "kms", account=ACCOUNT)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    signatures.ecr.create_repository(
        repositoryName="team/secret", encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key}
    )
    profile = signatures.profile()
    signatures.sign(profile)
    signatures.docker.push(IMAGE, "v1", "team/secret")
    kms.disable_key(KeyId=key)
    emulator.clock.advance(timedelta(seconds=5))
    assert signatures.status(IMAGE.digest, "team/secret") == [(profile, "FAILED", "KmsException")]
