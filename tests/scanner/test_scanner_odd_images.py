"""Scans of odd and real images: attestations, other operating systems, layers that are no archives of files."""

import gzip
import json

import pytest

from ecr_emulator.domain.layer_types import is_encrypted, is_file_system, is_foreign
from ecr_emulator.domain.manifest import DOCKER_MANIFEST, OCI_MANIFEST
from ecr_emulator.testing.upstream.images import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    OCI_CONFIG,
    OCI_LAYER,
    Content,
)
from tests.support.enhanced_scans import APP, FLASK, SYSTEM, image_with, names, status
from tests.support.images import put_manifest, upload_layer

UNSUPPORTED = "UnsupportedImageError: The operating system and/or package manager are not supported."
LAYER = image_with(SYSTEM | FLASK).layers[0]
STATEMENT = Content(b'{"_type": "https://in-toto.io/Statement/v0.1"}', "application/vnd.in-toto+json")
FOUND = ["CVE-2024-0001", "GHSA-1"]
LINUX = b'{"os": "linux", "architecture": "amd64"}'
SIGNATURE = Content(b"{}", "application/vnd.dev.cosign.simplesigning.v1+json")
EMPTY = Content(gzip.compress(b"", mtime=0), OCI_LAYER)


def push(ecr, *layers, config=LINUX, docker=False, absent=()):
    """Push an image of these layers, without the bytes of the absent ones."""
    manifest_type, config_type = (DOCKER_MANIFEST, DOCKER_CONFIG) if docker else (OCI_MANIFEST, OCI_CONFIG)
    content = Content(config, config_type)
    for blob in {each.digest: each for each in (content, *layers)}.values():
        if blob not in absent:
            upload_layer(ecr, APP, blob.raw)
    document = {
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": content.descriptor,
        "layers": [each.descriptor for each in layers],
    }
    put_manifest(ecr, APP, json.dumps(document).encode(), "v1")


@pytest.mark.parametrize(
    "layers",
    [[], [STATEMENT], [SIGNATURE], [EMPTY]],
    ids=["no layers", "attestation", "signature of cosign", "empty layer"],
)
def test_an_image_without_files_is_unsupported(ecr, layers):
    push(ecr, *layers)
    assert status(ecr) == ("UNSUPPORTED_IMAGE", UNSUPPORTED)


def test_an_image_of_windows_is_unsupported_and_not_read(ecr):
    base = Content(b"absent", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
    push(ecr, base, LAYER, config=b'{"os": "windows", "architecture": "amd64"}', absent=[base])
    assert status(ecr) == ("UNSUPPORTED_IMAGE", UNSUPPORTED)


def test_a_foreign_layer_that_nobody_has_pushed_is_the_reason_of_the_failure(ecr):
    base = Content(b"absent", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")
    push(ecr, base, LAYER, absent=[base])
    assert status(ecr) == ("FAILED", f"Layer {base.digest} is missing: clients do not push foreign layers.")


def test_a_foreign_layer_that_somebody_has_pushed_is_read(ecr):
    push(ecr, Content(LAYER.raw, "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"))
    assert names(ecr) == FOUND


def test_an_encrypted_layer_is_the_reason_of_the_failure(ecr):
    secret = Content(b"\7" * 2_000, "application/vnd.oci.image.layer.v1.tar+gzip+encrypted")
    push(ecr, LAYER, secret)
    assert status(ecr) == ("FAILED", f"Layer {secret.digest} is encrypted.")


def test_a_layer_that_is_no_archive_is_left_out(ecr):
    push(ecr, LAYER, Content(b'{"spdxVersion": "SPDX-2.3"}', "application/spdx+json"))
    assert names(ecr) == FOUND


@pytest.mark.parametrize("config", [b"[1,2", b"{}", b'{"os": 5, "architecture": ["x"]}', b'{"os": "\\ud800"}'])
def test_a_config_that_is_none_prevents_no_scan(ecr, config):
    push(ecr, LAYER, config=config)
    assert names(ecr) == FOUND


def test_a_config_of_the_first_version_of_docker_prevents_no_scan(ecr):
    old = {"id": "a" * 64, "parent": None, "container_config": {"Cmd": ["sh"]}, "os": "linux", "Size": -1}
    push(ecr, Content(LAYER.raw, DOCKER_LAYER), config=json.dumps(old).encode(), docker=True)
    assert names(ecr) == FOUND


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        (OCI_LAYER, "files"),
        (DOCKER_LAYER, "files"),
        ("application/vnd.oci.image.layer.v1.tar", "files"),
        ("application/vnd.oci.image.layer.v1.tar+zstd", "files"),
        ("application/vnd.docker.container.image.rootfs.diff+x-gtar", "files"),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "files foreign"),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", "files foreign"),
        ("application/vnd.oci.image.layer.v1.tar+encrypted", "files encrypted"),
        ("application/vnd.oci.image.layer.nydus.blob.v1", ""),
        ("application/vnd.in-toto+json", ""),
        ("application/octet-stream", ""),
        ("application/vnd.example.start+json", ""),
    ],
)
def test_media_types_say_what_a_layer_is(media_type, expected):
    kinds = {"files": is_file_system, "foreign": is_foreign, "encrypted": is_encrypted}
    assert " ".join(name for name, is_kind in kinds.items() if is_kind(media_type)) == expected
