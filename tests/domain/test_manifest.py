import json

import pytest

from ecr_emulator.domain.manifest import DOCKER_LIST, OCI_INDEX, OCI_MANIFEST, SCHEMA1, SCHEMA1_SIGNED, read_manifest
from ecr_emulator.errors import InvalidParameterException

DIGEST = "sha256:" + "1" * 64
OTHER = "sha256:" + "2" * 64


def raw(**document):
    return json.dumps({"schemaVersion": 2} | document).encode()


def descriptor(digest=DIGEST, size=10, **more):
    return {"digest": digest, "size": size, "mediaType": "application/octet-stream"} | more


def test_the_size_of_an_image_is_config_plus_layers():
    manifest = read_manifest(
        raw(mediaType=OCI_MANIFEST, config=descriptor(size=7), layers=[descriptor(size=11), descriptor(OTHER, 13)])
    )
    assert manifest.size_in_bytes == 31
    assert [blob.size for blob in manifest.blobs] == [7, 11, 13]


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    ],
)
def test_foreign_layers_need_not_be_pushed_and_are_listed(media_type):
    foreign = descriptor(OTHER, mediaType=media_type)
    manifest = read_manifest(raw(mediaType=OCI_MANIFEST, config=descriptor(), layers=[foreign]))
    assert [blob.digest for blob in manifest.blobs] == [DIGEST]
    assert [blob.digest for blob in manifest.listed_blobs] == [DIGEST, OTHER]


@pytest.mark.parametrize(
    "members",
    [
        {"urls": ["https://example.com/layer"]},
        {"mediaType": "application/vnd.foreign-office.dossier.v1+json"},
        {"mediaType": "application/vnd.example.nondistributable.v1.tar"},
        {"mediaType": "application/vnd.oci.image.layer.v1.tar+foreign"},
    ],
)
def test_neither_urls_nor_a_word_in_a_media_type_make_a_layer_foreign(members):
    manifest = read_manifest(raw(mediaType=OCI_MANIFEST, config=descriptor(), layers=[descriptor(OTHER, **members)]))
    assert [blob.digest for blob in manifest.blobs] == [DIGEST, OTHER]


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_an_index_lists_children_and_has_no_blobs(media_type):
    manifest = read_manifest(raw(mediaType=media_type, manifests=[descriptor(), descriptor(OTHER)]))
    assert manifest.is_index
    assert [child.digest for child in manifest.children] == [DIGEST, OTHER]
    assert manifest.blobs == ()


def test_the_declared_media_type_counts_when_the_manifest_has_none():
    assert read_manifest(raw(manifests=[]), OCI_INDEX).media_type == OCI_INDEX


@pytest.mark.parametrize(("signatures", "media_type"), [({}, SCHEMA1), ({"signatures": []}, SCHEMA1_SIGNED)])
def test_schema_1_names_no_media_type_and_is_known_by_its_version(signatures, media_type):
    manifest = read_manifest(json.dumps({"schemaVersion": 1, "fsLayers": [{"blobSum": DIGEST}]} | signatures).encode())
    assert manifest.media_type == media_type
    assert [layer.digest for layer in manifest.layers] == [DIGEST]


def test_the_artifact_type_is_the_configs_type_unless_the_manifest_says_otherwise():
    plain = raw(mediaType=OCI_MANIFEST, config=descriptor(mediaType="application/vnd.oci.image.config.v1+json"))
    artifact = raw(mediaType=OCI_MANIFEST, artifactType="text/x", config=descriptor())
    assert read_manifest(plain).artifact_media_type == "application/vnd.oci.image.config.v1+json"
    assert read_manifest(artifact).artifact_media_type == "text/x"


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"not json",
        raw(mediaType=OCI_INDEX, manifests=[]).decode().encode("utf-16"),
        b"[]",
        b"{}",
        b"[" * 100_000,
        raw(mediaType="application/x-unheard-of"),
        raw(mediaType=OCI_MANIFEST),
        raw(mediaType=OCI_MANIFEST, config={"digest": DIGEST}),
        raw(mediaType=OCI_MANIFEST, config=descriptor(size=-1)),
        raw(mediaType=OCI_MANIFEST, config=descriptor(size="10")),
        raw(mediaType=OCI_MANIFEST, config=[], layers=3),
        raw(mediaType=OCI_INDEX, manifests=None, config=4) + b"x",
        raw(mediaType=OCI_INDEX),
        raw(mediaType=OCI_INDEX, manifests=[], annotations=[1]),
        raw(mediaType=["a"]),
        raw(mediaType=OCI_INDEX, manifests=[descriptor(mediaType="application/vnd.oci.image.layer.v1.tar+gzip")]),
        raw(mediaType=DOCKER_LIST, manifests=[descriptor(mediaType="application/vnd.buildkit.cacheconfig.v0")]),
    ],
)
def test_what_is_no_manifest_is_refused_in_ecrs_words(broken):
    with pytest.raises(
        InvalidParameterException,
        match="Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'",
    ):
        read_manifest(broken)


def test_a_manifest_without_any_media_type_is_refused():
    with pytest.raises(InvalidParameterException, match="imageManifestMediaType"):
        read_manifest(raw(layers=[]))


def test_a_declared_media_type_may_not_contradict_the_manifest():
    with pytest.raises(InvalidParameterException, match="imageManifestMediaType"):
        read_manifest(raw(mediaType=OCI_INDEX, manifests=[]), OCI_MANIFEST)
