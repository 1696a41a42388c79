"""Layers through boto3: availability, uploads in parts, download URLs."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from ecr_emulator.domain.names import Registry, digest_of
from ecr_emulator.services import layer_urls
from ecr_emulator.services.tokens import Tokens
from tests.support.images import an_image, put_image, upload_layer
from tests.support.refusals import refusal, refused

REPOSITORY = "team/app"
ACCOUNT = "000000000000"
ABSENT = "sha256:" + "0" * 64
MIB = 1024 * 1024
NO_UPLOAD = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def _repository(ecr):
    ecr.create_repository(repositoryName=REPOSITORY)


def begin(ecr):
    return ecr.initiate_layer_upload(repositoryName=REPOSITORY)["uploadId"]


def part(upload_id, data, first=0):
    return {
        "repositoryName": REPOSITORY,
        "uploadId": upload_id,
        "partFirstByte": first,
        "partLastByte": first + len(data) - 1,
        "layerPartBlob": data,
    }


def completion(upload_id, digest):
    return {"repositoryName": REPOSITORY, "uploadId": upload_id, "layerDigests": [digest]}


# --- BatchCheckLayerAvailability -------------------------------------------------------------------------


def available(ecr, *digests):
    return ecr.batch_check_layer_availability(repositoryName=REPOSITORY, layerDigests=list(digests))


def test_a_layer_has_the_media_type_in_its_manifest(ecr):
    image = an_image()
    put_image(ecr, REPOSITORY, image, "v1")
    assert available(ecr, *(blob.digest for blob in image.blobs))["layers"] == [
        {
            "layerDigest": blob.digest,
            "layerAvailability": "AVAILABLE",
            "layerSize": blob.size,
            "mediaType": blob.media_type,
        }
        for blob in image.blobs
    ]


def test_a_layer_without_image_has_the_type_of_docker_layers(ecr):
    digest = upload_layer(ecr, REPOSITORY, b"bytes")
    [layer] = available(ecr, digest)["layers"]
    assert layer["mediaType"] == "application/vnd.docker.image.rootfs.diff.tar.gzip"


def test_an_unknown_layer_is_unavailable_and_no_failure(ecr):
    assert {"layers", "failures"} <= available(ecr, ABSENT).keys()
    assert available(ecr, ABSENT)["layers"] == [{"layerDigest": ABSENT, "layerAvailability": "UNAVAILABLE"}]
    assert available(ecr, ABSENT)["failures"] == []


def test_a_layer_of_another_repository_is_unavailable(ecr):
    ecr.create_repository(repositoryName="other/app")
    digest = upload_layer(ecr, "other/app", b"bytes")
    assert available(ecr, digest)["layers"] == [{"layerDigest": digest, "layerAvailability": "UNAVAILABLE"}]


@pytest.mark.parametrize(
    ("digest", "code", "reason"),
    [
        ("", "MissingLayerDigest", "Invalid request parameters: layer digest cannot be null or empty"),
        (
            "latest",
            "InvalidLayerDigest",
            "Invalid request parameters: layer digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        ),
    ],
)
def test_an_ill_formed_digest_is_a_failure(ecr, digest, code, reason):
    answer = available(ecr, digest, ABSENT)
    assert answer["failures"] == [{"layerDigest": digest, "failureCode": code, "failureReason": reason}]
    assert [layer["layerDigest"] for layer in answer["layers"]] == [ABSENT]


def test_at_most_100_layers_are_checked_at_once(ecr):
    assert refusal(ecr.batch_check_layer_availability, repositoryName=REPOSITORY, layerDigests=[ABSENT] * 101) == (
        "InvalidParameterException",
        "Invalid parameter at 'layerDigests' failed to satisfy constraint: "
        "'Member must have length less than or equal to 100'",
    )


# --- Uploads ---------------------------------------------------------------------------------------------


def test_an_upload_begins_with_an_id_and_a_part_size(ecr):
    answer = ecr.initiate_layer_upload(repositoryName=REPOSITORY)
    assert answer["partSize"] == 10_485_760
    assert answer.keys() - {"ResponseMetadata"} == {"uploadId", "partSize"}


def test_a_layer_is_uploaded_in_parts(ecr):
    first, second = b"a" * (5 * MIB), b"b" * 10
    upload_id = begin(ecr)
    whole = {"registryId": ACCOUNT, "repositoryName": REPOSITORY, "uploadId": upload_id}
    answers = [
        ecr.upload_layer_part(**part(upload_id, first)),
        ecr.upload_layer_part(**part(upload_id, second, first=len(first))),
        ecr.complete_layer_upload(**completion(upload_id, digest_of(first + second))),
    ]
    for answer in answers:
        del answer["ResponseMetadata"]
    assert answers == [
        whole | {"lastByteReceived": len(first) - 1},
        whole | {"lastByteReceived": len(first) + 9},
        whole | {"layerDigest": digest_of(first + second)},
    ]
    assert available(ecr, digest_of(first + second))["layers"][0]["layerSize"] == len(first) + 10


@pytest.mark.parametrize(("first", "last"), [(1, 4), (0, 4), (0, 2), (4, 3), (8, 11)])
def test_a_part_must_follow_the_last_one_and_have_the_announced_length(ecr, first, last):
    upload_id = begin(ecr)
    ecr.upload_layer_part(**part(upload_id, b"0123"))
    response = refused(
        ecr.upload_layer_part,
        repositoryName=REPOSITORY,
        uploadId=upload_id,
        partFirstByte=first,
        partLastByte=last,
        layerPartBlob=b"4567",
    )
    assert response["Error"]["Code"] == "InvalidLayerPartException"
    assert {key: response[key] for key in ("registryId", "repositoryName", "uploadId", "lastValidByteReceived")} == {
        "registryId": ACCOUNT,
        "repositoryName": REPOSITORY,
        "uploadId": upload_id,
        "lastValidByteReceived": 3,
    }


def test_a_refused_part_does_not_change_the_upload(ecr):
    upload_id = begin(ecr)
    ecr.upload_layer_part(**part(upload_id, b"0123"))
    refused(ecr.upload_layer_part, **part(upload_id, b"0123"))
    ecr.complete_layer_upload(**completion(upload_id, digest_of(b"0123")))


def test_an_empty_part_is_invalid(ecr):
    response = refused(ecr.upload_layer_part, **(part(begin(ecr), b"") | {"partLastByte": 0}))
    assert (response["Error"]["Code"], response["lastValidByteReceived"]) == ("InvalidLayerPartException", 0)


def test_a_part_has_at_most_20_mib(ecr):
    upload_id = begin(ecr)
    assert refusal(ecr.upload_layer_part, **part(upload_id, b"x" * (20 * MIB + 1))) == (
        "InvalidParameterException",
        "Invalid parameter at 'layerPartBlob' failed to satisfy constraint: "
        "'Member must have length less than or equal to 20971520'",
    )
    ecr.upload_layer_part(**part(upload_id, b"x" * (20 * MIB)))


@pytest.mark.parametrize(("limit", "value"), [("MAX_PARTS", 1), ("MAX_LAYER_SIZE", 7)])
def test_an_upload_has_a_limit_of_parts_and_of_bytes(ecr, monkeypatch, limit, value):
    monkeypatch.setattr(f"ecr_emulator.services.uploads.{limit}", value)
    upload_id = begin(ecr)
    ecr.upload_layer_part(**part(upload_id, b"0123"))
    assert refusal(ecr.upload_layer_part, **part(upload_id, b"4567", first=4))[0] == "LimitExceededException"


def test_an_upload_without_parts_cannot_be_completed(ecr):
    upload_id = begin(ecr)
    assert refusal(ecr.complete_layer_upload, **completion(upload_id, digest_of(b""))) == (
        "EmptyUploadException",
        "The specified layer upload does not contain any layer parts.",
    )


def test_every_part_but_the_last_has_at_least_5_mib(ecr):
    upload_id = begin(ecr)
    ecr.upload_layer_part(**part(upload_id, b"a" * 10))
    ecr.upload_layer_part(**part(upload_id, b"b" * 10, first=10))
    assert refusal(ecr.complete_layer_upload, **completion(upload_id, digest_of(b"a" * 10 + b"b" * 10))) == (
        "LayerPartTooSmallException",
        "All layer parts except the last part should be at least 5MB",
    )


def test_a_layer_must_have_the_digest_that_was_announced(ecr):
    upload_id = begin(ecr)
    ecr.upload_layer_part(**part(upload_id, b"bytes"))
    assert refusal(ecr.complete_layer_upload, **completion(upload_id, ABSENT)) == (
        "InvalidLayerException",
        "The layer digest calculation performed by Amazon ECR upon receipt of the image layer "
        "does not match the digest specified.",
    )
    assert refusal(ecr.complete_layer_upload, **completion(upload_id, digest_of(b"bytes")))[0] == (
        "UploadNotFoundException"
    )
    assert available(ecr, digest_of(b"bytes"))["layers"][0]["layerAvailability"] == "UNAVAILABLE"


def test_a_digest_that_ecr_cannot_compute_is_not_checked(ecr):
    upload_id = begin(ecr)
    ecr.upload_layer_part(**part(upload_id, b"bytes"))
    answer = ecr.complete_layer_upload(**completion(upload_id, "md5:00"))
    assert answer["layerDigest"] == digest_of(b"bytes")


@pytest.mark.parametrize("wrong", ["sha256:00", digest_of(b"bytes") + "00", "sha512:00"])
def test_a_digest_of_a_wrong_length_is_wrong(ecr, wrong):
    upload_id = begin(ecr)
    ecr.upload_layer_part(**part(upload_id, b"bytes"))
    assert refusal(ecr.complete_layer_upload, **completion(upload_id, wrong))[0] == "InvalidLayerException"


def test_a_digest_may_be_in_capitals(ecr):
    upload_id = begin(ecr)
    ecr.upload_layer_part(**part(upload_id, b"bytes"))
    announced = "sha256:" + digest_of(b"bytes").removeprefix("sha256:").upper()
    assert ecr.complete_layer_upload(**completion(upload_id, announced))["layerDigest"] == digest_of(b"bytes")


def test_a_layer_that_is_uploaded_again_already_exists(ecr):
    upload_layer(ecr, REPOSITORY, b"bytes")
    upload_id = begin(ecr)
    ecr.upload_layer_part(**part(upload_id, b"bytes"))
    assert refusal(ecr.complete_layer_upload, **completion(upload_id, digest_of(b"bytes"))) == (
        "LayerAlreadyExistsException",
        "The image layer already exists in the associated repository.",
    )


@pytest.mark.parametrize("elsewhere", [False, True])
def test_an_upload_is_found_by_its_id_and_repository(ecr, elsewhere):
    name, upload_id = REPOSITORY, NO_UPLOAD
    if elsewhere:
        name, upload_id = "other/app", begin(ecr)
        ecr.create_repository(repositoryName=name)
    expected = (
        "UploadNotFoundException",
        f"Upload with id '{upload_id}' could not be found for the repository with name '{name}' "
        f"in the registry with id '{ACCOUNT}'",
    )
    assert refusal(ecr.upload_layer_part, **(part(upload_id, b"bytes") | {"repositoryName": name})) == expected
    assert refusal(ecr.complete_layer_upload, **(completion(upload_id, ABSENT) | {"repositoryName": name})) == expected


def test_an_upload_id_is_a_uuid(ecr):
    code, message = refusal(ecr.upload_layer_part, **part("nonsense", b"bytes"))
    assert code == "InvalidParameterException"
    assert "'uploadId'" in message


# --- GetDownloadUrlForLayer ------------------------------------------------------------------------------


def test_a_download_url_leads_to_the_emulator_and_is_valid_for_an_hour(ecr):
    image = an_image()
    put_image(ecr, REPOSITORY, image, "v1")
    answer = ecr.get_download_url_for_layer(repositoryName=REPOSITORY, layerDigest=image.layers[0].digest)
    url = urlsplit(answer["downloadUrl"])
    assert answer["layerDigest"] == image.layers[0].digest
    assert f"{url.scheme}://{url.netloc}" == ecr.meta.endpoint_url
    assert url.path.startswith("/_ecr/layers/")
    assert parse_qs(url.query)["X-Amz-Expires"] == ["3600"]


def test_an_unknown_layer_has_no_download_url(ecr):
    assert refusal(ecr.get_download_url_for_layer, repositoryName=REPOSITORY, layerDigest=ABSENT) == (
        "LayersNotFoundException",
        f"The layer with digest '{ABSENT}' does not exist within the repository with name '{REPOSITORY}' "
        f"in the registry with id '{ACCOUNT}'",
    )


def test_a_layer_that_no_image_refers_to_is_inaccessible(ecr):
    digest = upload_layer(ecr, REPOSITORY, b"bytes")
    assert refusal(ecr.get_download_url_for_layer, repositoryName=REPOSITORY, layerDigest=digest) == (
        "LayerInaccessibleException",
        "The specified layer is not available because it is not associated with an image. "
        "Unassociated image layers may be cleaned up at any time.",
    )


def test_a_malformed_digest_has_no_download_url(ecr):
    assert refusal(ecr.get_download_url_for_layer, repositoryName=REPOSITORY, layerDigest="latest")[0] == (
        "InvalidParameterException"
    )


# --- All operations --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("batch_check_layer_availability", {"layerDigests": [ABSENT]}),
        ("initiate_layer_upload", {}),
        ("upload_layer_part", part(NO_UPLOAD, b"bytes")),
        ("complete_layer_upload", completion(NO_UPLOAD, ABSENT)),
        ("get_download_url_for_layer", {"layerDigest": ABSENT}),
    ],
)
@pytest.mark.parametrize("registry_id", [ACCOUNT, "111122223333"])
def test_layers_need_a_repository(ecr, operation, request_, registry_id):
    request_ = request_ | {"repositoryName": "nowhere", "registryId": registry_id}
    assert refusal(getattr(ecr, operation), **request_) == (
        "RepositoryNotFoundException",
        f"The repository with name 'nowhere' does not exist in the registry with id '{registry_id}'",
    )


# --- Signed URLs -----------------------------------------------------------------------------------------


def verified(url, now, digest=ABSENT, key=b"key"):
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    return layer_urls.verify(Tokens(key), Registry(ACCOUNT, "us-east-1"), REPOSITORY, digest, query, now)


def test_a_url_opens_one_layer_until_it_expires(clock):
    now = clock.now()
    tokens, registry = Tokens(b"key"), Registry(ACCOUNT, "us-east-1")
    url = layer_urls.mint(tokens, "http://localhost", registry, REPOSITORY, ABSENT, now + layer_urls.LIFE)
    assert verified(url, now)
    assert not verified(url, now + layer_urls.LIFE + timedelta(seconds=1))
    assert not verified(url, now, digest="sha256:" + "1" * 64)
    assert not verified(url, now, key=b"another")
    assert not verified(url.replace("X-Amz-Date=2", "X-Amz-Date=3"), now)
    assert not verified("http://localhost/", now)
