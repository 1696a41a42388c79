"""Signatures and SBOMs of upstream images, found and pulled through the cache with real clients."""

import json

import pytest

from tests.support.clients import Aws, Crane, Oras, Regctl, logged_in
from tests.support.layouts import Layout, signature, signature_tag, single_image
from tests.support.processes import serving
from tests.support.programs import Distribution

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ACCOUNT = "123456789012"
SBOM = "application/spdx+json"
SIGNATURE = "application/vnd.example.signature"


@pytest.fixture
def without_referrers_api(tmp_path):
    """Distribution 2.8, where oras keeps referrers in an index under a tag."""
    distribution = Distribution(tmp_path, is_open=True)
    distribution.start()
    yield distribution.url
    distribution.stop()


@pytest.fixture
def with_referrers_api(tmp_path):
    """Another emulator, with an open registry."""
    folder = tmp_path / "upstream"
    folder.mkdir()
    with serving(folder, "--port", "0", "--registry-auth", "open", "--account", ACCOUNT) as upstream:
        Aws(upstream).create_repository("team/app")
        yield f"http://{upstream.host}"
        assert upstream.stop() == 0


@pytest.fixture(params=["without_referrers_api", "with_referrers_api"])
def upstream(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def served(tmp_path, upstream):
    with serving(tmp_path, "--port", "0", "--upstream-map", f"quay.io={upstream}") as emulator:
        rule = ["--ecr-repository-prefix=quay", "--upstream-registry-url=quay.io"]
        Aws(emulator).json("ecr", "create-pull-through-cache-rule", *rule)
        yield emulator
        assert emulator.stop() == 0


@pytest.fixture
def image(tmp_path, upstream):
    """Push an image with an attached SBOM and a signature to the upstream."""
    image = single_image(tmp_path / "image", seed=1)
    place = f"{upstream.removeprefix('http://')}/team/app"
    folder = tmp_path / "pusher"
    folder.mkdir()
    oras = Oras(folder)
    oras.push(image, f"{place}:v1")
    for artifact_type, text in ((SBOM, '{"spdxVersion": "SPDX-2.3"}'), (SIGNATURE, "signed")):
        (oras.folder / "attached").write_text(text)
        oras.run("attach", "--plain-http", f"--artifact-type={artifact_type}", f"{place}:v1", "attached:text/plain")
    return image


def discovered(oras, place, *options):
    found = json.loads(oras.run("discover", "--plain-http", "--format=json", *options, f"{place}:v1"))
    return {each["artifactType"]: each["digest"] for each in found["referrers"]}


def test_referrers_of_an_upstream_image_are_discovered_and_pulled(served, image, tmp_path):
    place = f"{served.host}/quay/team/app"
    with logged_in(Oras, served) as oras:
        found = discovered(oras, place)
        assert found.keys() == {SBOM, SIGNATURE}
        assert discovered(oras, place, f"--artifact-type={SBOM}") == {SBOM: found[SBOM]}
        oras.run("pull", "--plain-http", f"--output={tmp_path / 'pulled'}", f"{place}@{found[SIGNATURE]}")
        assert (tmp_path / "pulled" / "attached").read_text() == "signed"
    with logged_in(Regctl, served) as regctl:
        latest = ["artifact", "get", f"--subject={place}:v1", f"--filter-artifact-type={SBOM}"]
        assert regctl.run(*latest) == '{"spdxVersion": "SPDX-2.3"}'
    subject = ["--repository-name=quay/team/app", f"--subject-id=imageDigest={image.top()}"]
    listed = Aws(served).json("ecr", "list-image-referrers", *subject)["referrers"]
    assert {each["artifactType"]: each["digest"] for each in listed} == found


def test_an_image_is_copied_out_of_the_cache_with_its_referrers(served, image, tmp_path):
    with logged_in(Oras, served) as oras:
        copied = Layout(tmp_path / "copied")
        oras.pull_into(copied, f"{served.host}/quay/team/app:v1", "--recursive")
        assert copied.top() == image.top()
        assert image.blobs() < copied.blobs()
    stored = Aws(served).images("quay/team/app")
    assert {each.get("artifactMediaType") for each in stored} >= {SBOM, SIGNATURE}


def test_a_signature_of_an_upstream_image_is_found_by_its_tag(served, upstream, image, tmp_path):
    signed = signature(tmp_path / "signature", image, refers=False)
    Oras(tmp_path / "pusher").push(signed, f"{upstream.removeprefix('http://')}/team/app:{signature_tag(image)}")
    with logged_in(Crane, served) as crane:
        found = Layout(tmp_path / "found")
        crane.pull_into(found, f"{served.host}/quay/team/app:{signature_tag(image)}")
    assert (found.top(), found.blobs()) == (signed.top(), signed.blobs())
