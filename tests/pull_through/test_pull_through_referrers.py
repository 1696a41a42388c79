"""Signatures and other referrers of an upstream's images, pulled through the cache."""

import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from ecr_emulator.domain.manifest import OCI_INDEX
from ecr_emulator.testing.upstream.faults import answers
from ecr_emulator.testing.upstream.images import SIGNATURE, artifact, image
from tests.support.pull_through import ACCOUNT
from tests.support.refusals import refusal

NAME = "quay/team/app"
APP = image("app")
SIGNED = artifact(APP)
SBOM = "application/spdx+json"


@pytest.fixture
def pulled(cache, upstream):
    """An image that is signed upstream, pulled through."""
    upstream.add_image("team/app", APP, "v1")
    upstream.add_image("team/app", SIGNED)
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    upstream.requests.clear()


def over_http(cache):
    answer = cache.get(f"/v2/{NAME}/referrers/{APP.digest}")
    assert (answer.status_code, answer.content_type) == (200, OCI_INDEX)
    return [each["digest"] for each in answer.json["manifests"]]


def over_the_api(cache, **more):
    answer = cache.ecr.list_image_referrers(repositoryName=NAME, subjectId={"imageDigest": APP.digest}, **more)
    return [each["digest"] for each in answer["referrers"]]


@pytest.fixture(params=[over_http, over_the_api], ids=["registry", "API"])
def listed(cache, request):
    return lambda: request.param(cache)


@pytest.mark.usefixtures("pulled")
def test_an_upstreams_signatures_are_listed_by_either_plane(cache, upstream, listed):
    assert listed() == [SIGNED.digest]
    assert [request.path for request in upstream.requests] == [f"/v2/team/app/referrers/{APP.digest}"]


@pytest.mark.usefixtures("pulled")
def test_both_planes_describe_a_referrer_as_the_upstream_does(cache):
    described = cache.get(f"/v2/{NAME}/referrers/{APP.digest}").json["manifests"]
    assert described == [SIGNED.descriptor | {"artifactType": SIGNATURE}]
    answer = cache.ecr.list_image_referrers(repositoryName=NAME, subjectId={"imageDigest": APP.digest})
    assert answer["referrers"] == [SIGNED.descriptor | {"artifactType": SIGNATURE, "artifactStatus": "ACTIVE"}]


@pytest.mark.usefixtures("pulled")
def test_the_upstream_is_asked_once_a_day(cache, upstream, listed):
    listed()
    upstream.add_image("team/app", artifact(APP, "second"))
    cache.advance(hours=23, minutes=59)
    assert listed() == [SIGNED.digest]
    assert upstream.count("GET", "/referrers/") == 1
    cache.advance(minutes=2)
    assert listed() == sorted([SIGNED.digest, artifact(APP, "second").digest])
    assert upstream.count("GET", "/referrers/") == 2


@pytest.mark.usefixtures("pulled")
def test_a_refresh_of_the_tag_makes_a_new_signature_known(cache, upstream, listed):
    listed()
    second = artifact(APP, "second")
    upstream.add_image("team/app", second)
    assert listed() == [SIGNED.digest]
    assert cache.http.post("/_ecr/refresh", json={"image": f"{NAME}:v1", "account": ACCOUNT}).status_code == 200
    assert listed() == sorted([SIGNED.digest, second.digest])
    cache.http.post("/_ecr/refresh", json={"image": f"{NAME}:v1", "account": ACCOUNT})
    upstream.fail("/referrers/", answers(503), count=99)
    assert listed() == sorted([SIGNED.digest, second.digest]), "the known referrers are listed while the upstream fails"


@pytest.mark.usefixtures("pulled")
def test_an_empty_listing_is_good_for_a_day_too(cache, upstream, listed):
    upstream.remove("team/app", SIGNED.digest)
    assert listed() == listed() == []
    assert upstream.count("GET", "/referrers/") == 1


@pytest.mark.usefixtures("pulled")
def test_a_listing_outlives_the_upstream(cache, upstream, listed):
    listed()
    cache.advance(days=2)
    upstream.fail("/referrers/", answers(503), count=99)
    assert listed() == [SIGNED.digest]
    asked = len(upstream.requests)
    assert listed() == [SIGNED.digest]
    assert len(upstream.requests) == asked, "a failed check is not repeated at once"
    assert cache.events()[-1]["failure-code"] == "UpstreamUnavailable"


@pytest.mark.usefixtures("pulled")
@pytest.mark.parametrize("status", [403, 429, 500])
def test_a_failure_is_never_remembered_as_an_empty_listing(cache, upstream, status):
    upstream.fail("/referrers/", answers(status), count=99)
    assert over_http(cache) == []
    request = {"repositoryName": NAME, "subjectId": {"imageDigest": APP.digest}}
    code, message = refusal(cache.ecr.list_image_referrers, **request)
    assert code == "UnableToListUpstreamImageReferrersException"
    assert message.startswith("The referrer or referrers were unable to be listed using the pull through cache rule.")
    assert cache.events()[-1]["image-digest"] == APP.digest
    upstream.heal()
    cache.advance(seconds=10)  # the time for which it is not asked after a 429
    assert over_http(cache) == over_the_api(cache) == [SIGNED.digest]


@pytest.mark.usefixtures("pulled")
def test_pushed_referrers_and_those_of_the_upstream_are_listed_together(cache, upstream, listed):
    mine = artifact(APP, "mine", SBOM)
    for blob in mine.blobs:
        upload = cache.ecr.initiate_layer_upload(repositoryName=NAME)["uploadId"]
        cache.ecr.upload_layer_part(
            repositoryName=NAME, uploadId=upload, partFirstByte=0, partLastByte=blob.size - 1, layerPartBlob=blob.raw
        )
        cache.ecr.complete_layer_upload(repositoryName=NAME, uploadId=upload, layerDigests=[blob.digest])
    cache.ecr.put_image(repositoryName=NAME, imageManifest=mine.raw.decode())
    assert listed() == sorted([mine.digest, SIGNED.digest])
    upstream.stop()
    cache.advance(days=2)
    assert listed() == sorted([mine.digest, SIGNED.digest])


@pytest.mark.usefixtures("pulled")
def test_filters_apply_to_referrers_of_the_upstream(cache, upstream):
    upstream.add_image("team/app", artifact(APP, "sbom", SBOM))
    answer = cache.get(f"/v2/{NAME}/referrers/{APP.digest}?artifactType={quote(SBOM)}")
    assert [each["artifactType"] for each in answer.json["manifests"]] == [SBOM]
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    assert over_the_api(cache, filter={"artifactTypes": [SBOM]}) == [artifact(APP, "sbom", SBOM).digest]
    assert upstream.count("GET", "/referrers/") == 1


@pytest.mark.usefixtures("pulled")
def test_a_signature_is_pulled_when_somebody_asks_for_it(cache):
    assert SIGNED.digest not in cache.images(NAME)
    assert over_http(cache) == [SIGNED.digest]
    assert cache.pull(NAME, SIGNED.digest) == SIGNED.raw
    cache.settle()
    assert cache.images(NAME)[SIGNED.digest] == []
    assert over_http(cache) == [SIGNED.digest]


@pytest.mark.usefixtures("pulled")
def test_without_a_referrers_api_the_fallback_tag_is_read(cache, upstream, listed):
    upstream.referrers_page = 0
    index = {"schemaVersion": 2, "manifests": [SIGNED.descriptor]}
    body = json.dumps(index).encode()
    upstream.fail(f"/manifests/{APP.digest.replace(':', '-')}", answers(200, body, Content_Type=OCI_INDEX), count=1)
    assert listed() == [SIGNED.digest]
    assert len(upstream.requests) == 2


@pytest.mark.usefixtures("pulled")
def test_many_who_ask_at_once_make_one_request(cache, upstream):
    with ThreadPoolExecutor(8) as clients:
        listings = list(clients.map(lambda _: over_http(cache), range(16)))
    assert listings == [[SIGNED.digest]] * 16
    assert upstream.count("GET", "/referrers/") == 1


def test_a_repository_that_does_not_exist_has_what_its_upstream_lists(cache, upstream):
    upstream.add_image("team/app", SIGNED)
    cache.rule()
    assert over_http(cache) == over_the_api(cache) == [SIGNED.digest]
    assert cache.repositories() == [], "listing creates nothing"
    upstream.remove("team/app", SIGNED.digest)
    assert cache.get(f"/v2/{NAME}/referrers/{APP.digest}").status_code == 404
    request = {"repositoryName": NAME, "subjectId": {"imageDigest": APP.digest}}
    assert refusal(cache.ecr.list_image_referrers, **request)[0] == "RepositoryNotFoundException"


@pytest.mark.usefixtures("pulled")
def test_a_repository_without_its_rule_lists_the_referrers_that_it_knows(cache, upstream, listed):
    assert listed() == [SIGNED.digest]
    cache.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    cache.advance(days=9)
    upstream.requests.clear()
    assert listed() == [SIGNED.digest]
    assert upstream.requests == []


@pytest.mark.usefixtures("pulled")
def test_empty_listings_are_deleted_with_the_daily_garbage_and_others_are_kept(cache, upstream):
    over_http(cache)
    for number in range(3):
        cache.get(f"/v2/{NAME}/referrers/{image(number).digest}")
    with cache.emulator.services.store.reading() as work:
        repository = work.repositories.get(cache.registry, NAME)
        known = [work.referrer_listings.find(repository, image(number).digest) for number in range(3)]
    assert [listing.referrers for listing in known] == [(), (), ()]
    cache.advance(days=3)
    cache.repositories()
    with cache.emulator.services.store.reading() as work:
        known = [work.referrer_listings.find(repository, image(number).digest) for number in range(3)]
    assert known == [None, None, None]
    upstream.stop()
    assert over_http(cache) == [SIGNED.digest]


def test_in_a_strict_registry_a_listed_signature_can_be_pulled(strict_cache, upstream):
    cache = strict_cache
    upstream.add_image("team/app", APP, "v1")
    upstream.add_image("team/app", SIGNED)
    cache.rule()
    cache.pull(NAME, "v1")
    assert cache.manifest(NAME, SIGNED.digest).status_code == 404
    assert over_http(cache) == [SIGNED.digest]
    assert cache.pull(NAME, SIGNED.digest) == SIGNED.raw


@pytest.mark.parametrize("suffix", ["sig", "att", "sbom"])
def test_the_tags_under_which_cosign_keeps_things_are_tags_like_any_other(cache, upstream, suffix):
    tag = f"{APP.digest.replace(':', '-')}.{suffix}"
    upstream.add_image("team/app", SIGNED, tag)
    cache.rule()
    assert cache.pull(NAME, tag) == SIGNED.raw
    cache.settle()
    assert cache.images(NAME) == {SIGNED.digest: [tag]}
