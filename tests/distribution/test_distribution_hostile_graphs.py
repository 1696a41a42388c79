"""Images that list and refer to each other in hostile shapes: chains, diamonds, fans."""

import json
from datetime import timedelta

import pytest

from ecr_emulator.domain.image import ARCHIVED
from ecr_emulator.domain.manifest import OCI_MANIFEST
from ecr_emulator.domain.names import Registry, digest_of
from ecr_emulator.services.images import Origin, Push, store_image
from ecr_emulator.testing.upstream.images import Content, image, layer
from tests.support.docker import ACCOUNT, Docker, refusal
from tests.support.images import an_image, an_index

DEEP = 1_100
"""Depth that exceeds Python's recursion limit."""
VERY_DEEP = 2_500
LAYERS = 40
HOME = Registry(ACCOUNT, "us-east-1")
ELSEWHERE = Registry(ACCOUNT, "eu-west-1")
INNERMOST = image("innermost", layer("innermost", 3_000))
SIZE = sum(blob.size for blob in INNERMOST.blobs)


def chain(depth=DEEP):
    """Return an image, an index that lists it, an index that lists that index, and so on."""
    images = [INNERMOST]
    while len(images) <= depth:
        images.append(an_index(images[-1]))
    return images


def diamonds():
    """Return levels of two indexes. Both list both indexes of the level below: a trillion paths lead to the image."""
    images = [INNERMOST]
    below = [INNERMOST]
    for _ in range(LAYERS):
        below = [an_index(*below), an_index(*below, *below)]
        images += below
    return [*images, an_index(*below)]


def referrers(subject, number=DEEP):
    """Return artifacts. The first refers to the subject, each other one to the artifact before it."""
    found = []
    for _ in range(number):
        empty = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": INNERMOST.config.descriptor, "layers": []}
        subject = Content(json.dumps(empty | {"subject": subject.descriptor}).encode(), OCI_MANIFEST)
        found.append(subject)
    return found


@pytest.fixture(autouse=True)
def innermost(docker):
    docker.push(INNERMOST)


def store(docker, contents, origin=Origin.CLIENT):
    """Store images in one transaction, instead of many pushes."""
    with docker.emulator.services.store.writing() as work:
        repository = work.repositories.get(HOME, "team/app")
        for content in contents:
            store_image(work, repository, Push(content.raw), docker.emulator.clock.now(), origin)


def ids(contents):
    return [{"imageDigest": content.digest} for content in contents]


def size_of(client, content):
    (detail,) = client.ecr.describe_images(repositoryName="team/app", imageIds=ids([content]))["imageDetails"]
    return detail["imageSizeInBytes"]


def digests_of(client):
    pages = client.ecr.get_paginator("list_images").paginate(repositoryName="team/app")
    return {each["imageDigest"] for page in pages for each in page["imageIds"]}


def replicated(docker, content):
    """Push an image and return a client of the registry to which it is replicated."""
    destination = {"region": ELSEWHERE.region, "registryId": ELSEWHERE.id}
    docker.ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [destination]}]})
    assert docker.put(content, "top").status_code == 201
    return Docker(docker.emulator, region=ELSEWHERE.region)


SHAPES = pytest.mark.parametrize("shape", [chain, diamonds])


def test_a_chain_of_thousands_is_pulled_measured_replicated_and_deleted(docker):
    images = chain(VERY_DEEP)
    store(docker, images)
    outermost = images[-1]
    assert docker.get(f"/v2/team/app/manifests/{outermost.digest}").data == outermost.raw
    assert size_of(docker, outermost) == SIZE
    there = replicated(docker, outermost)
    assert size_of(there, outermost) == SIZE
    assert there.get(f"/v2/team/app/manifests/{INNERMOST.digest}").data == INNERMOST.raw
    assert docker.send("DELETE", "/v2/team/app/manifests/top").status_code == 202
    assert refusal(docker.send("DELETE", f"/v2/team/app/manifests/{INNERMOST.digest}"))[:2] == (405, "UNSUPPORTED")


@SHAPES
def test_an_index_over_all_is_as_large_as_the_image_below_all(docker, shape):
    images = shape()
    store(docker, images)
    assert docker.get(f"/v2/team/app/manifests/{images[-1].digest}").data == images[-1].raw
    assert size_of(docker, images[-1]) == SIZE


@SHAPES
def test_sizes_are_right_if_the_image_arrives_after_its_indexes(docker, shape):
    images = shape()
    docker.ecr.batch_delete_image(repositoryName="team/app", imageIds=ids([INNERMOST]))
    store(docker, reversed(images[1:]), Origin.UPSTREAM)
    assert size_of(docker, images[-1]) == 0
    docker.put(INNERMOST)
    assert size_of(docker, images[-1]) == SIZE


@SHAPES
def test_a_nested_image_is_deleted_after_all_indexes_that_list_it(docker, shape):
    images = shape()
    store(docker, images)
    assert refusal(docker.send("DELETE", f"/v2/team/app/manifests/{INNERMOST.digest}"))[:2] == (405, "UNSUPPORTED")
    upmost = images[-2 * LAYERS :]
    gone = docker.ecr.batch_delete_image(repositoryName="team/app", imageIds=ids(upmost))
    assert (len(gone["imageIds"]), gone["failures"]) == (len(upmost), [])
    below = images[: -2 * LAYERS]
    assert digests_of(docker) == {each.digest for each in below}


@SHAPES
def test_nested_images_are_replicated_once(docker, shape):
    images = shape()
    store(docker, images)
    there = replicated(docker, images[-1])
    assert digests_of(there) == {each.digest for each in images}
    assert there.get("/v2/team/app/manifests/top").data == images[-1].raw
    assert size_of(there, images[-1]) == SIZE


@SHAPES
def test_a_repository_of_nested_images_is_deleted(docker, shape):
    store(docker, shape())
    docker.ecr.delete_repository(repositoryName="team/app", force=True)
    assert refusal(docker.get("/v2/team/app/tags/list"))[:2] == (404, "NAME_UNKNOWN")


def test_an_index_may_list_the_same_image_as_often_as_fits(docker):
    often = an_index(*[INNERMOST] * 20_000)
    assert docker.put(often, "often").status_code == 201
    assert size_of(docker, often) == SIZE
    there = replicated(docker, an_index(often, often))
    assert there.get(f"/v2/team/app/manifests/{often.digest}").data == often.raw


# --- Referrers ----------------------------------------------------------------------------------------------


def test_each_artifact_in_a_chain_of_thousands_lists_its_referrer(docker):
    links = referrers(INNERMOST, VERY_DEEP)
    store(docker, links)
    for subject, referrer in [(INNERMOST, links[0]), (links[-2], links[-1])]:
        found = docker.get(f"/v2/team/app/referrers/{subject.digest}").json["manifests"]
        assert [each["digest"] for each in found] == [referrer.digest]
    assert docker.get(f"/v2/team/app/referrers/{links[-1].digest}").json["manifests"] == []


def archived(docker):
    with docker.emulator.services.store.reading() as work:
        repository = work.repositories.get(HOME, "team/app")
        page = work.images.page(repository, "", DEEP + 10)
    return [each for each in page if each.status == ARCHIVED]


def archive(docker, content):
    docker.ecr.update_image_storage_class(
        repositoryName="team/app", imageId={"imageDigest": content.digest}, targetStorageClass="ARCHIVE"
    )


def test_a_chain_of_referrers_is_archived_to_its_end(docker):
    store(docker, referrers(INNERMOST))
    archive(docker, INNERMOST)
    assert len(archived(docker)) == DEEP + 1


def test_an_image_stays_with_a_referrer_that_cannot_be_archived(docker):
    links = referrers(INNERMOST, 3)
    store(docker, [*links, an_index(links[1])])
    with pytest.raises(docker.ecr.exceptions.ImageStorageClassUpdateNotSupportedException):
        archive(docker, INNERMOST)
    assert archived(docker) == []


def policy(action):
    rule = {
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1},
        "action": action,
    }
    return json.dumps({"rules": [rule]})


def test_a_chain_of_referrers_expires_to_its_end(docker):
    store(docker, referrers(INNERMOST))
    docker.ecr.put_lifecycle_policy(repositoryName="team/app", lifecyclePolicyText=policy({"type": "expire"}))
    docker.emulator.clock.advance(timedelta(days=2))
    assert digests_of(docker) == set()


def test_an_artifact_may_refer_to_an_absent_subject_and_is_listed_once(docker):
    nobody = {"mediaType": OCI_MANIFEST, "digest": "sha256:" + "0" * 64, "size": 1}
    odd = an_image("innermost", subject=nobody)
    for blob in odd.blobs:
        docker.push_blob(blob)
    assert docker.put(odd).headers["OCI-Subject"] == nobody["digest"]
    for _ in range(2):
        found = docker.get(f"/v2/team/app/referrers/{nobody['digest']}").json["manifests"]
        assert [each["digest"] for each in found] == [odd.digest]
        assert docker.put(odd, digest_of(odd.raw)).status_code == 201
