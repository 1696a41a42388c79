"""Images in seeds that come from files: OCI layouts and archives of ``docker save``."""

import gzip
import json
import tarfile
from io import BytesIO

import pytest

from ecr_emulator.seeds.image_files import read_docker_archive, read_oci_layout
from tests.support.layouts import multi_architecture_image, single_image, tar

SMALL = (3_000, 700)


def docker_archive(path, *images):
    """Write an archive as ``docker save`` does: images are names with the contents of their layers."""
    described = []
    with tarfile.open(path, "w") as archive:

        def add(name, content):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
            return name

        for name, layers in images:
            config = add(f"{name}.json", b'{"architecture": "amd64", "os": "linux"}')
            names = [add(f"{name}-{number}/layer.tar", content) for number, content in enumerate(layers)]
            link = tarfile.TarInfo(f"{name}-again/layer.tar")
            link.type, link.linkname = tarfile.SYMTYPE, f"../{name}-0/layer.tar"
            archive.addfile(link)
            described.append({"Config": config, "RepoTags": [f"{name}:1.0"], "Layers": [*names, link.name]})
        add("manifest.json", json.dumps(described).encode())
    return path


@pytest.mark.parametrize("form", ["folder", "tar file"])
@pytest.mark.parametrize("make", [single_image, multi_architecture_image])
def test_a_layout_is_pushed_as_it_is(emulator, seed, tmp_path, form, make):
    layout = (
        make(tmp_path / "layout", "app")
        if make is multi_architecture_image
        else make(tmp_path / "layout", "app", sizes=SMALL)
    )
    layout.archive(tmp_path / "layout.tar")
    path = "layout" if form == "folder" else "layout.tar"
    text = f'[[repositories]]\nname = "team/app"\nimages = [{{ oci_layout = "{path}", tags = ["1.0"] }}]\n'
    emulator.seed(seed(text))
    image = emulator.client("ecr").describe_images(repositoryName="team/app", imageIds=[{"imageTag": "1.0"}])
    assert image["imageDetails"][0]["imageDigest"] == layout.top()
    assert emulator.seed(seed(text)).unchanged == 2


def test_an_archive_of_docker_save_becomes_an_image(emulator, seed, tmp_path):
    docker_archive(tmp_path / "app.tar", ("app", [tar("one", b"1"), tar("two", b"2")]))
    emulator.seed(
        seed('[[repositories]]\nname = "team/app"\nimages = [{ docker_archive = "app.tar", tags = ["1.0"] }]\n')
    )
    got = emulator.client("ecr").batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "1.0"}])
    manifest = json.loads(got["images"][0]["imageManifest"])
    first, _, again = [layer["digest"] for layer in manifest["layers"]]
    assert first == again, "docker save links equal layers"


def test_blobs_are_read_at_the_same_time_and_in_pieces(tmp_path):
    image = read_docker_archive(docker_archive(tmp_path / "app.tar", ("app", [tar("one", b"1"), tar("two", b"2")])))
    _, one, two, _ = image.blobs
    with one.open() as first, two.open() as second:
        pieces = [first.read(1_000), second.read(1_000), first.read(), second.read()]
    assert pieces[0] + pieces[2] == tar("one", b"1")
    assert pieces[1] + pieces[3] == tar("two", b"2")


def test_a_compressed_file_is_the_same_image(tmp_path):
    archive = docker_archive(tmp_path / "app.tar", ("app", [tar("one", b"1"), tar("two", b"2")]))
    layout = single_image(tmp_path / "layout", "app", sizes=SMALL)
    layout.archive(tmp_path / "layout.tar")
    for read, path in ((read_docker_archive, archive), (read_oci_layout, tmp_path / "layout.tar")):
        compressed = path.with_suffix(".tar.gz")
        compressed.write_bytes(gzip.compress(path.read_bytes()))
        image, same = read(path), read(compressed)
        assert image.digest == same.digest
        assert [blob.open().read() for blob in image.blobs] == [blob.open().read() for blob in same.blobs]


def test_one_image_of_several_is_selected(tmp_path):
    archive = docker_archive(tmp_path / "apps.tar", ("app", [tar("one", b"1")]), ("web", [tar("two", b"2")]))
    app, web = (read_docker_archive(archive, name) for name in ("app:1.0", "web:1.0"))
    assert app.digest != web.digest
    with pytest.raises(ValueError, match=r"has several images; select one of: app:1.0; web:1.0"):
        read_docker_archive(archive)
    with pytest.raises(ValueError, match=r"has no shop:1.0; select one of"):
        read_docker_archive(archive, "shop:1.0")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ('oci_layout = "nowhere"', "nowhere: No such file or directory"),
        ('oci_layout = "empty"', "empty is no OCI layout, because it lacks index.json"),
        ('oci_layout = "text.tar"', "text.tar is neither a folder nor a tar file, or it is damaged"),
        ('oci_layout = "cut.tar.gz"', "cut.tar.gz is neither a folder nor a tar file, or it is damaged"),
        ('docker_archive = "strange.tar"', "strange.tar is no archive of docker save, because it lacks manifest.json"),
        ('docker_archive = "broken"', "it lacks manifest.json; it is an OCI layout: use oci_layout"),
        ('docker_archive = "old"', "it lacks manifest.json; Docker before 1.10 wrote it: load it and save it again"),
        ('docker_archive = "text"', "text is damaged: its manifest.json is not JSON"),
        ('docker_archive = "none"', "none has no images"),
        ('oci_layout = "none"', "it lacks index.json; it is an archive of docker save: use docker_archive"),
        ('oci_layout = "dir"', "it lacks index.json; skopeo wrote it as dir: make a layout with `skopeo copy dir:"),
        ('docker_archive = "dir"', "is no archive of docker save; skopeo wrote it as dir: make a layout with"),
        ('oci_layout = "broken"', "the files are no image: KeyError('manifests')"),
    ],
)
def test_files_that_are_no_image_are_refused_with_the_place_in_the_seed(emulator, seed, tmp_path, source, reason):
    for name, file, content in (
        ("empty", "readme", ""),
        ("broken", "index.json", "{}"),
        ("old", "repositories", "{}"),
        ("text", "manifest.json", "{"),
        ("none", "manifest.json", "[]"),
        ("dir", "manifest.json", '{"schemaVersion": 2, "layers": []}'),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(content)
    (tmp_path / "cut.tar.gz").write_bytes(gzip.compress(tar("strange", b"text"))[:-20])
    (tmp_path / "text.tar").write_text("no tar file")
    (tmp_path / "strange.tar").write_bytes(tar("strange", b""))
    with pytest.raises(ValueError, match=r"seed.toml, line 3: repositories\[0\].images\[0\]: ") as refused:
        emulator.seed(seed(f'[[repositories]]\nname = "team/app"\nimages = [{{ {source} }}]\n'))
    assert reason in str(refused.value)


def test_a_layout_that_lacks_a_layer_is_refused(tmp_path):
    layout = single_image(tmp_path / "layout", "app", sizes=SMALL)
    layer = layout.manifest()["layers"][0]["digest"]
    layout.path(layer).unlink()
    image = read_oci_layout(layout.folder)
    with pytest.raises(FileNotFoundError, match=layer.removeprefix("sha256:")):
        next(blob for blob in image.blobs if blob.digest == layer).open()
