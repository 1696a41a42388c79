"""Referrers through boto3."""

from __future__ import annotations

import pytest

from tests.support.images import an_image, put_image
from tests.support.refusals import refusal

NAME = "team/app"
SUBJECT = an_image()
SBOM = "application/spdx+json"


@pytest.fixture
def repository(ecr):
    ecr.create_repository(repositoryName=NAME)
    put_image(ecr, NAME, SUBJECT, "v1")


def refer(client, seed, subject=SUBJECT, **members):
    return put_image(client, NAME, an_image(seed, subject=subject.descriptor, **members))


def referrers(client, subject=SUBJECT.digest, **request):
    return client.list_image_referrers(repositoryName=NAME, subjectId={"imageDigest": subject}, **request)


def digests(answer):
    return [referrer["digest"] for referrer in answer["referrers"]]


@pytest.mark.usefixtures("repository")
def test_an_artifact_refers_to_its_subject(ecr):
    artifact = an_image("sbom", subject=SUBJECT.descriptor, artifactType=SBOM, annotations={"made": "today"})
    digest = put_image(ecr, NAME, artifact)
    assert referrers(ecr)["referrers"] == [
        {
            "digest": digest,
            "mediaType": artifact.media_type,
            "artifactType": SBOM,
            "size": artifact.size,
            "annotations": {"made": "today"},
            "artifactStatus": "ACTIVE",
        }
    ]
    assert ecr.describe_images(repositoryName=NAME, imageIds=[{"imageDigest": digest}])["imageDetails"][0][
        "subjectManifestDigest"
    ] == (SUBJECT.digest)


@pytest.mark.usefixtures("repository")
def test_without_an_artifact_type_the_type_of_the_config_applies(ecr):
    refer(ecr, "plain")
    assert referrers(ecr)["referrers"][0]["artifactType"] == SUBJECT.config.media_type
    assert "annotations" not in referrers(ecr)["referrers"][0]


@pytest.mark.usefixtures("repository")
def test_referrers_come_in_pages_of_20(ecr):
    everything = sorted(refer(ecr, number) for number in range(45))
    assert digests(referrers(ecr)) == everything[:20]
    pages, token = [], {}
    while token is not None:
        answer = referrers(ecr, maxResults=30, **token)
        pages.append(digests(answer))
        token = {"nextToken": answer["nextToken"]} if "nextToken" in answer else None
    assert pages == [everything[:30], everything[30:]]


@pytest.mark.usefixtures("repository")
def test_filters_choose_by_type_and_status(ecr):
    sbom = refer(ecr, "sbom", artifactType=SBOM)
    signature = refer(ecr, "signature", artifactType="application/vnd.dev.cosign.v1")
    ecr.update_image_storage_class(repositoryName=NAME, imageId={"imageDigest": sbom}, targetStorageClass="ARCHIVE")

    def chosen(**wanted):
        return digests(referrers(ecr, filter=wanted))

    both = sorted([sbom, signature])
    assert chosen() == chosen(artifactStatus="ACTIVE") == [signature]
    assert chosen(artifactStatus="ARCHIVED") == [sbom]
    assert chosen(artifactStatus="ANY") == chosen(artifactStatus="ANY", artifactTypes=[]) == both
    assert chosen(artifactStatus="ANY", artifactTypes=[SBOM]) == [sbom]
    assert chosen(artifactStatus="ANY", artifactTypes=["none", SBOM]) == [sbom]


@pytest.mark.usefixtures("repository")
def test_an_absent_subject_may_have_referrers(ecr):
    assert digests(referrers(ecr, subject="sha256:" + "0" * 64)) == []
    absent = an_image("absent")
    early = refer(ecr, "early", subject=absent)
    assert digests(referrers(ecr, subject=absent.digest)) == [early]


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(("count", "bound"), [(0, "greater than or equal to 1"), (51, "less than or equal to 50")])
def test_a_page_has_at_most_50(ecr, count, bound):
    request = {"repositoryName": NAME, "subjectId": {"imageDigest": SUBJECT.digest}, "maxResults": count}
    assert bound in refusal(ecr.list_image_referrers, **request)[1]


def test_invalid_requests_for_referrers_are_refused(ecr, ecr_of):
    request = {"repositoryName": NAME, "subjectId": {"imageDigest": SUBJECT.digest}}
    assert refusal(ecr.list_image_referrers, **request)[0] == "RepositoryNotFoundException"
    ecr.create_repository(repositoryName=NAME)
    assert refusal(ecr.list_image_referrers, **request, nextToken="x")[0] == "InvalidParameterException"
    request["subjectId"]["imageDigest"] = "v1"
    assert "image digest should satisfy the regex" in refusal(ecr.list_image_referrers, **request)[1]
    other = ecr_of("111122223333")
    assert referrers(other, registryId="000000000000")["referrers"] == []
