"""Artifacts that are not images: files, attachments, signatures, Helm charts."""

import json

import pytest

from tests.support.clients import Aws, Crane, Helm, Oras, Regctl, logged_in
from tests.support.layouts import COSIGN_ARTIFACT, SIMPLE_SIGNING, Layout, signature, signature_tag, single_image

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

NAME = "team/app"
SBOM = "application/spdx+json"
SIGNERS = [Crane, Oras, Regctl]


@pytest.fixture
def oras(emulator, aws):
    with logged_in(Oras, emulator) as oras:
        yield oras


@pytest.fixture
def image(oras, repository, tmp_path):
    image = single_image(tmp_path / "image", seed=1)
    oras.push(image, f"{repository}:v1")
    return image


def test_oras_pushes_a_file_and_pulls_it_byte_for_byte(aws, oras, repository, tmp_path):
    model = bytes(range(256)) * 5000
    (oras.folder / "model.bin").write_bytes(model)
    artifact_type = "--artifact-type=application/vnd.example.model"
    oras.run("push", "--plain-http", artifact_type, f"{repository}:model", "model.bin:application/vnd.example.weights")
    (pushed,) = aws.images(NAME)
    assert pushed["artifactMediaType"] == "application/vnd.example.model"
    for reference in (":model", f"@{pushed['imageDigest']}"):
        pulled = tmp_path / reference[1:6]
        oras.run("pull", "--plain-http", f"--output={pulled}", f"{repository}{reference}")
        assert (pulled / "model.bin").read_bytes() == model


def test_oras_attaches_a_file_and_discovers_it(aws, oras, repository, image, tmp_path):
    sbom = b'{"spdxVersion": "SPDX-2.3"}'
    attach(oras, repository, sbom, SBOM)
    attach(oras, repository, b"all is well", "application/vnd.example.scan")
    assert {each["artifactType"] for each in discover(oras, repository)} == {SBOM, "application/vnd.example.scan"}
    (found,) = discover(oras, repository, f"--artifact-type={SBOM}")
    oras.run("pull", "--plain-http", f"--output={tmp_path / 'pulled'}", f"{repository}@{found['digest']}")
    assert (tmp_path / "pulled" / "attached").read_bytes() == sbom
    described = {each["imageDigest"]: each for each in aws.images(NAME)}
    assert len(described) == 3
    assert described[found["digest"]]["artifactMediaType"] == SBOM
    assert described[found["digest"]]["subjectManifestDigest"] == image.top()


def test_oras_copies_an_image_with_its_attachments(aws, emulator, oras, repository, image):
    attach(oras, repository, b"{}", SBOM)
    aws.create_repository("mirror/app")
    mirror = f"{emulator.host}/mirror/app"
    insecure = ["--from-plain-http", "--to-plain-http"]
    oras.run("cp", "--no-tty", "--recursive", *insecure, f"{repository}:v1", f"{mirror}:v1")
    assert discovered(oras, mirror) == discovered(oras, repository) != set()
    assert {each["imageDigest"] for each in aws.images("mirror/app")} == {
        each["imageDigest"] for each in aws.images(NAME)
    }


@pytest.mark.parametrize("kind", SIGNERS, ids=lambda kind: kind.name)
def test_a_signature_is_found_by_its_tag(emulator, aws, repository, image, kind, tmp_path):
    signed = signature(tmp_path / "signature", image, refers=False)
    place = f"{repository}:{signature_tag(image)}"
    with logged_in(kind, emulator) as client:
        client.push(signed, place)
        found = Layout(tmp_path / "found")
        client.pull_into(found, place)
    assert (found.top(), found.blobs()) == (signed.top(), signed.blobs())
    (payload,) = found.manifest()["layers"]
    assert payload["mediaType"] == SIMPLE_SIGNING
    assert json.loads(found.read(payload["digest"]))["critical"]["image"]["docker-manifest-digest"] == image.top()
    assert tags(aws) == {image.top(): ["v1"], signed.top(): [signature_tag(image)]}


@pytest.mark.parametrize("kind", SIGNERS, ids=lambda kind: kind.name)
def test_a_signature_is_found_because_it_refers_to_the_image(emulator, oras, repository, image, kind, tmp_path):
    signed = signature(tmp_path / "signature", image, refers=True)
    with logged_in(kind, emulator) as client:
        client.push(signed, f"{repository}@{signed.top()}")
    (found,) = discover(oras, repository, f"--artifact-type={COSIGN_ARTIFACT}")
    assert found["digest"] == signed.top()
    with logged_in(Regctl, emulator) as regctl:
        listed = json.loads(regctl.run("artifact", "list", f"{repository}:v1", "--format={{json .}}"))
    assert [each["digest"] for each in listed["descriptors"]] == [signed.top()]
    assert tags(Aws(emulator)) == {image.top(): ["v1"], signed.top(): None}, "nobody falls back to a tag for referrers"


def test_regctl_puts_an_artifact_that_refers_to_an_image(emulator, oras, repository, image):
    with logged_in(Regctl, emulator) as regctl:
        put = ["artifact", "put", f"--artifact-type={SBOM}", f"--subject={repository}:v1"]
        regctl.run(*put, stdin='{"spdxVersion": "SPDX-2.3"}')
        (found,) = discover(oras, repository)
        assert regctl.run("artifact", "get", f"{repository}@{found['digest']}") == '{"spdxVersion": "SPDX-2.3"}'
        latest = ["artifact", "get", f"--subject={repository}:v1", f"--filter-artifact-type={SBOM}"]
        assert regctl.run(*latest) == '{"spdxVersion": "SPDX-2.3"}'


def test_helm_pushes_a_chart_shows_it_and_pulls_it_byte_for_byte(emulator, aws, tmp_path):
    aws.create_repository("charts/shop")
    with logged_in(Helm, emulator) as helm:
        charts = {version: helm.package("shop", version) for version in ("0.1.0", "0.2.0+build.7")}
        for chart in charts.values():
            helm.run("push", "--plain-http", str(chart), f"oci://{emulator.host}/charts")
        shop = f"oci://{emulator.host}/charts/shop"
        assert "version: 0.2.0+build.7" in helm.run("show", "chart", "--plain-http", shop), "the newest"
        for version, chart in charts.items():
            assert f"version: {version}" in helm.run("show", "chart", "--plain-http", f"--version={version}", shop)
            (tmp_path / version).mkdir()
            helm.run("pull", "--plain-http", f"--version={version}", f"--destination={tmp_path / version}", shop)
            assert (tmp_path / version / chart.name).read_bytes() == chart.read_bytes()
    described = aws.images("charts/shop")
    assert {each["artifactMediaType"] for each in described} == {"application/vnd.cncf.helm.config.v1+json"}
    assert {tag for each in described for tag in each["imageTags"]} == {"0.1.0", "0.2.0_build.7"}


def attach(oras, repository, data, artifact_type):
    (oras.folder / "attached").write_bytes(data)
    oras.run("attach", "--plain-http", f"--artifact-type={artifact_type}", f"{repository}:v1", "attached:text/plain")


def discover(oras, repository, *options):
    found = json.loads(oras.run("discover", "--plain-http", "--format=json", *options, f"{repository}:v1"))
    return found["referrers"]


def discovered(oras, repository):
    return {each["digest"] for each in discover(oras, repository)}


def tags(aws):
    return {each["imageDigest"]: each.get("imageTags") for each in aws.images(NAME)}
