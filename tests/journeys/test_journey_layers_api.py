"""skopeo pulls an image that was pushed only by the API's layer operations, in many parts."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.boto import client_at
from tests.support.clients import Aws, Skopeo
from tests.support.layouts import single_image

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

NAME = "team/app"


def upload(ecr, data):
    """Upload a layer in parts of the size that ECR requests."""
    begun = ecr.initiate_layer_upload(repositoryName=NAME)
    for first in range(0, len(data), begun["partSize"]):
        part = data[first : first + begun["partSize"]]
        answer = ecr.upload_layer_part(
            repositoryName=NAME,
            uploadId=begun["uploadId"],
            partFirstByte=first,
            partLastByte=first + len(part) - 1,
            layerPartBlob=part,
        )
        assert answer["lastByteReceived"] == first + len(part) - 1
    return begun["uploadId"]


def test_skopeo_pulls_the_image_that_was_pushed_through_the_api(emulator, tmp_path):
    ecr = client_at(emulator.url, account="123456789012")
    ecr.create_repository(repositoryName=NAME)
    image = single_image(tmp_path / "image", seed="api", sizes=(25_000_000, 11_000_000, 0, 1))
    manifest = image.manifest()
    for described in [manifest["config"], *manifest["layers"]]:
        upload_id = upload(ecr, image.read(described["digest"]))
        ecr.complete_layer_upload(repositoryName=NAME, uploadId=upload_id, layerDigests=[described["digest"]])
    ecr.put_image(repositoryName=NAME, imageManifest=image.read(image.top()).decode(), imageTag="v1")

    with TemporaryDirectory() as folder:
        skopeo = Skopeo(Path(folder))
        skopeo.login(emulator.host, Aws(emulator).password())
        pulled = skopeo.pull(f"{emulator.host}/{NAME}:v1")
    assert pulled == (image.top(), image.diff_ids())
