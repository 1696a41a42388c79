"""Archiving and restoring images through boto3."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.images import an_image, an_index, put_image, put_manifest, upload_layer
from tests.support.refusals import refusal

NAME = "team/app"
DELAY = timedelta(minutes=1)


@pytest.fixture
def background_delay():
    return DELAY


@pytest.fixture
def digest(ecr):
    """Push an image ``v1`` and return its digest."""
    ecr.create_repository(repositoryName=NAME)
    return put_image(ecr, NAME, an_image(), "v1")


def move(client, storage_class, **image_id):
    answer = client.update_image_storage_class(repositoryName=NAME, imageId=image_id, targetStorageClass=storage_class)
    assert (answer["repositoryName"], answer["imageId"]) == (NAME, image_id)
    return answer["imageStatus"]


def described(client, **image_id):
    return client.describe_images(repositoryName=NAME, imageIds=[image_id])["imageDetails"][0]


def pulled(client, **image_id):
    answer = client.batch_get_image(repositoryName=NAME, imageIds=[image_id])
    return [failure["failureCode"] for failure in answer["failures"]]


def test_an_image_is_archived_at_once(ecr, clock, digest):
    assert move(ecr, "ARCHIVE", imageTag="v1") == "ARCHIVED"
    image = described(ecr, imageDigest=digest)
    assert (image["imageStatus"], image["lastArchivedAt"]) == ("ARCHIVED", clock.now())
    assert "lastActivatedAt" not in image


def test_an_archived_image_cannot_be_pulled(ecr, digest):
    move(ecr, "ARCHIVE", imageTag="v1")
    assert pulled(ecr, imageTag="v1") == ["ImageInaccessible"]
    assert pulled(ecr, imageDigest=digest) == ["ImageInaccessible"]


def test_archived_images_are_listed_only_on_request(ecr, digest):
    other = put_image(ecr, NAME, an_image(2), "v2")
    move(ecr, "ARCHIVE", imageTag="v1")

    def found(list_of, **wanted):
        answer = list_of(repositoryName=NAME, **({"filter": wanted} if wanted else {}))
        return [image["imageDigest"] for image in answer.get("imageIds", answer.get("imageDetails"))]

    for list_of in (ecr.list_images, ecr.describe_images):
        assert found(list_of) == found(list_of, imageStatus="ACTIVE") == [other]
        assert found(list_of, imageStatus="ARCHIVED") == [digest]
        assert sorted(found(list_of, imageStatus="ANY")) == sorted([digest, other])


def test_a_restored_image_is_activating_for_a_while(ecr, clock, digest):
    move(ecr, "ARCHIVE", imageTag="v1")
    assert move(ecr, "STANDARD", imageTag="v1") == "ACTIVATING"
    assert described(ecr, imageTag="v1")["imageStatus"] == "ACTIVATING"
    assert pulled(ecr, imageTag="v1") == ["ImageInaccessible"]
    clock.advance(DELAY)
    image = described(ecr, imageTag="v1")
    assert (image["imageStatus"], image["lastActivatedAt"]) == ("ACTIVE", clock.now())
    assert pulled(ecr, imageTag="v1") == []


def test_the_storage_class_that_an_image_already_has_stays(ecr, clock, digest):
    assert move(ecr, "STANDARD", imageTag="v1") == "ACTIVE"
    move(ecr, "ARCHIVE", imageTag="v1")
    archived_at = clock.now()
    clock.advance(DELAY)
    assert move(ecr, "ARCHIVE", imageTag="v1") == "ARCHIVED"
    assert described(ecr, imageTag="v1")["lastArchivedAt"] == archived_at
    move(ecr, "STANDARD", imageTag="v1")
    assert move(ecr, "STANDARD", imageTag="v1") == "ACTIVATING"


def test_an_image_that_is_being_restored_cannot_be_archived(ecr, digest):
    move(ecr, "ARCHIVE", imageTag="v1")
    move(ecr, "STANDARD", imageTag="v1")
    refused = refusal(
        ecr.update_image_storage_class,
        repositoryName=NAME,
        imageId={"imageTag": "v1"},
        targetStorageClass="ARCHIVE",
    )
    assert refused == (
        "ImageStorageClassUpdateNotSupportedException",
        "The requested image storage class update is not supported.",
    )


def test_a_child_is_not_archived_without_its_index(ecr):
    ecr.create_repository(repositoryName=NAME)
    child = an_image()
    digest = put_image(ecr, NAME, child)
    put_manifest(ecr, NAME, an_index(child).raw, "v1")
    request = {"repositoryName": NAME, "imageId": {"imageDigest": digest}, "targetStorageClass": "ARCHIVE"}
    assert refusal(ecr.update_image_storage_class, **request)[0] == "ImageStorageClassUpdateNotSupportedException"
    assert move(ecr, "ARCHIVE", imageTag="v1") == "ARCHIVED"


def test_referrers_are_archived_with_their_subject(ecr, digest):
    subject = an_image().descriptor
    signature = put_image(ecr, NAME, an_image("signature", subject=subject))
    move(ecr, "ARCHIVE", imageDigest=digest)
    assert described(ecr, imageDigest=signature)["imageStatus"] == "ARCHIVED"


def test_pushing_an_archived_image_again_restores_it(ecr, clock, digest):
    move(ecr, "ARCHIVE", imageTag="v1")
    clock.advance(DELAY)
    assert put_manifest(ecr, NAME, an_image().raw, "v1") == digest
    image = described(ecr, imageTag="v1")
    assert (image["imageStatus"], image["lastActivatedAt"]) == ("ACTIVE", clock.now())
    assert refusal(ecr.put_image, repositoryName=NAME, imageManifest=an_image().raw.decode(), imageTag="v1")[0] == (
        "ImageAlreadyExistsException"
    )


def test_an_immutable_tag_does_not_keep_its_image_archived(ecr, digest):
    ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    move(ecr, "ARCHIVE", imageTag="v1")
    put_manifest(ecr, NAME, an_image().raw, "v1")
    assert pulled(ecr, imageTag="v1") == []


def test_layers_that_only_archived_images_have_are_archived(ecr, digest):
    shared, own = an_image().layers[0].digest, an_image().config.digest
    other = an_image(2)
    layers = [an_image().layers[0].descriptor]
    move(ecr, "ARCHIVE", imageTag="v1")

    def availability():
        answer = ecr.batch_check_layer_availability(repositoryName=NAME, layerDigests=[shared, own])
        return [layer["layerAvailability"] for layer in answer["layers"]]

    assert availability() == ["ARCHIVED", "ARCHIVED"]
    assert refusal(ecr.get_download_url_for_layer, repositoryName=NAME, layerDigest=own)[0] == (
        "LayerInaccessibleException"
    )
    upload_layer(ecr, NAME, other.config.raw)
    put_manifest(ecr, NAME, an_image(2, layers=layers).raw, "v2")
    assert availability() == ["AVAILABLE", "ARCHIVED"]


def test_archived_images_count_when_a_repository_is_deleted(ecr, digest):
    move(ecr, "ARCHIVE", imageTag="v1")
    assert refusal(ecr.delete_repository, repositoryName=NAME)[0] == "RepositoryNotEmptyException"
    assert ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])["failures"] == []


def test_archiving_and_restoring_are_events(ecr, clock, services, digest):
    move(ecr, "ARCHIVE", imageTag="v1")
    move(ecr, "STANDARD", imageTag="v1")
    clock.advance(DELAY)
    ecr.describe_registry()
    with services.store.reading() as work:
        events = [event.envelope() for event in work.events.after(0, 100)]
    told = {
        event["detail"]["target-storage-class"]: event for event in events if "target-storage-class" in event["detail"]
    }
    image = an_image()
    expected = {
        "result": "SUCCESS",
        "repository-name": NAME,
        "image-digest": digest,
        "action-type": "UPDATE_STORAGE_CLASS",
        "target-storage-class": "ARCHIVE",
        "manifest-media-type": image.media_type,
        "artifact-media-type": image.config.media_type,
    }
    assert told["ARCHIVE"]["detail-type"] == "ECR Image Action"
    assert told["ARCHIVE"]["detail"] == expected
    assert told["STANDARD"]["detail"] == expected | {
        "target-storage-class": "STANDARD",
        "last-activated-at": "2026-03-04T05:07:07.08Z",
    }


def test_what_is_not_there_is_not_found(ecr):
    request = {"repositoryName": NAME, "imageId": {"imageTag": "v1"}, "targetStorageClass": "ARCHIVE"}
    assert refusal(ecr.update_image_storage_class, **request)[0] == "RepositoryNotFoundException"
    ecr.create_repository(repositoryName=NAME)
    assert refusal(ecr.update_image_storage_class, **request)[0] == "ImageNotFoundException"
