"""Managed signing with the identity that pushes, which needs a permission of AWS Signer."""

from __future__ import annotations

import pytest

from tests.support.docker import ACCOUNT
from tests.support.iam_principals import allow
from tests.support.images import an_image, put_image

PROFILE = f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/team"
PUSH = (
    "BatchCheckLayerAvailability",
    "InitiateLayerUpload",
    "UploadLayerPart",
    "CompleteLayerUpload",
    "PutImage",
)


@pytest.fixture
def signing(root):
    """Let the registry sign all images."""
    root.client("signer").put_signing_profile(profileName="team", platformId="Notation-OCI-SHA384-ECDSA")
    root.ecr.put_signing_configuration(signingConfiguration={"rules": [{"signingProfileArn": PROFILE}]})
    yield
    root.ecr.delete_signing_configuration()


def status(root, name, digest):
    answer = root.ecr.describe_image_signing_status(repositoryName=name, imageId={"imageDigest": digest})
    (found,) = answer["signingStatuses"]
    return found


@pytest.mark.usefixtures("signing")
def test_who_may_sign_payloads_pushes_signed_images(iam, root):
    root.ecr.create_repository(repositoryName="signing/allowed")
    ann = iam.user(allow(*PUSH), allow("signer:SignPayload", on=PROFILE))
    digest = put_image(ann.ecr, "signing/allowed", an_image())
    assert status(root, "signing/allowed", digest)["status"] == "COMPLETE"


@pytest.mark.usefixtures("signing")
def test_who_may_not_sign_payloads_pushes_images_without_signatures(iam, root):
    root.ecr.create_repository(repositoryName="signing/denied")
    ben = iam.user(allow(*PUSH), allow("signer:SignPayload", on=f"{PROFILE}2"))
    digest = put_image(ben.ecr, "signing/denied", an_image())
    assert status(root, "signing/denied", digest) == {
        "signingProfileArn": PROFILE,
        "status": "FAILED",
        "failureCode": "AccessDeniedException",
        "failureReason": (
            "The identity that pushed the image is not authorized to perform: "
            f"signer:SignPayload on resource: {PROFILE}"
        ),
    }


@pytest.mark.usefixtures("signing")
def test_docker_needs_the_permission_too(iam, root):
    root.ecr.create_repository(repositoryName="signing/docker")
    image = an_image()
    digest = put_image(root.ecr, "signing/docker", image)
    ben = iam.user(allow(*PUSH))
    other = an_image(2)
    put_image(root.ecr, "signing/docker", other)
    root.ecr.batch_delete_image(repositoryName="signing/docker", imageIds=[{"imageDigest": other.digest}])
    path = f"/v2/signing/docker/manifests/{other.digest}"
    pushed = ben.send("PUT", path, headers={"Content-Type": other.media_type}, data=other.raw)
    assert pushed.status_code == 201
    assert status(root, "signing/docker", digest)["status"] == "COMPLETE"
    assert status(root, "signing/docker", other.digest)["failureCode"] == "AccessDeniedException"
