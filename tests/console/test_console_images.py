"""Images in the console: the list, one image with its contents, and its forms."""

import json
import re
from dataclasses import replace

import pytest

from ecr_emulator.domain.findings import ToldFindings
from ecr_emulator.testing.upstream.images import Content, artifact, image, index, layer, multi_arch
from tests.support.console import Browser
from tests.support.iam_principals import ACCOUNT, IamAccount, allow, enforcing
from tests.support.images import an_image, put_image, put_manifest


@pytest.fixture(autouse=True)
def repository(ecr):
    ecr.create_repository(repositoryName="team/app")


def put_index(ecr, content, *tags):
    for each in content.images:
        put_image(ecr, "team/app", each)
    for tag in tags:
        put_manifest(ecr, "team/app", content.raw, tag)


def open_image(browser, digest, **query):
    return browser.open(f"image/{digest}/team/app", **query)


# --- Indexes -------------------------------------------------------------------------------------------------------


def test_an_index_of_nothing_and_an_index_of_indexes_say_so(browser, ecr):
    empty = put_manifest(ecr, "team/app", index_of(), "empty")
    assert "The index lists no images." in open_image(browser, empty).text
    put_index(ecr, multi_arch(), "v1")
    outer = open_image(browser, put_manifest(ecr, "team/app", index_of(multi_arch().descriptor), "outer"))
    assert re.search(r"index sha256:\w{12} 2 images", outer.text)


def index_of(*descriptors):
    media_type = "application/vnd.oci.image.index.v1+json"
    return json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": list(descriptors)}).encode()


# --- The list ------------------------------------------------------------------------------------------------------


def test_an_index_is_listed_with_its_tags_and_platforms(browser, ecr):
    content = multi_arch()
    put_index(ecr, content, "v1", "latest")
    text = browser.open("repository/team/app").text
    assert f"latestv1 {content.digest[:19]} linux/amd64, linux/arm64" in text
    assert "never \N{EN DASH} none active" in text
    assert "3 images, the newest first." in text


def test_an_image_is_listed_with_the_platform_of_its_config_and_its_signature(browser, ecr):
    pushed = an_image()
    put_image(ecr, "team/app", pushed, "v1")
    assert "linux/amd64" in browser.open("repository/team/app").text
    put_image(ecr, "team/app", artifact(pushed))
    page = browser.open("repository/team/app")
    assert "signed active" in page.text
    assert "artifact" in page.text


def test_an_image_is_signed_by_cosigns_tag_too(browser, ecr):
    digest = put_image(ecr, "team/app", an_image(), "v1")
    put_image(ecr, "team/app", an_image(2), f"{digest.replace(':', '-')}.sig")
    assert browser.open("repository/team/app").text.count("signed") == 1


def test_a_scan_is_listed_by_its_worst_findings(browser, ecr, emulator):
    digest = put_image(ecr, "team/app", an_image(), "v1")
    found = [{"name": f"CVE-{number}", "severity": severity} for number, severity in enumerate(["LOW", "HIGH", "HIGH"])]
    with emulator.services.store.writing() as work:
        work.known_findings.put(digest, ToldFindings(found))
    before = open_image(browser, digest)
    page = browser.submit(before.form("/scan"))
    assert "The scan has started." in page.text
    assert "2 high, 1 low" in browser.open("repository/team/app").text
    assert "high CVE-1" in open_image(browser, digest).text
    assert "Start a scan" not in page.text  # it would be refused for a day
    assert "The scan quota per image has been exceeded." in browser.submit(before.form("/scan")).text


@pytest.mark.parametrize("reason", ["an artifact", "an index", "archived", "an enhanced registry"])
def test_a_scan_that_would_be_refused_is_not_offered(browser, ecr, reason):
    pushed = an_image()
    digest = put_image(ecr, "team/app", pushed, "v1")
    assert "Start a scan" in open_image(browser, digest).text
    if reason == "an artifact":
        digest = put_image(ecr, "team/app", artifact(pushed))
    elif reason == "an index":
        both = index(image(2))
        put_index(ecr, both, "index")
        digest = both.digest
    elif reason == "archived":
        ecr.update_image_storage_class(
            repositoryName="team/app", imageId={"imageDigest": digest}, targetStorageClass="ARCHIVE"
        )
    else:
        ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=[])
    assert "Start a scan" not in open_image(browser, digest).text


@pytest.mark.parametrize("query", [{}, {"tag": "v"}])
def test_each_image_is_on_one_of_the_pages(browser, ecr, monkeypatch, query):
    monkeypatch.setattr("ecr_emulator.console.image_list.PER_PAGE", 2)
    digests = [put_image(ecr, "team/app", an_image(seed), f"v{seed}") for seed in range(5)]
    page = browser.open("repository/team/app", **query)
    found = []
    while True:
        found += [text for _, text in page.links if text in {digest[:19] for digest in digests}]
        if "Next page" not in page.text:
            break
        page = browser.open(page.link("Next page"))
    assert found == [digest[:19] for digest in (digests if query else digests[::-1])]


def test_images_are_found_by_the_beginning_of_a_tag(browser, ecr):
    put_image(ecr, "team/app", an_image(1), "v1.2")
    put_image(ecr, "team/app", an_image(2), "latest")
    page = browser.submit(browser.open("repository/team/app").forms[0], tag="v1")
    assert "v1.2" in page.text
    assert "latest" not in page.text
    assert "No tag begins with “w”." in browser.open("repository/team/app", tag="w").text


@pytest.mark.parametrize("place", ["x", "9" * 30, "-1", "٣"])
def test_a_place_that_is_none_leads_to_the_first_page(browser, ecr, place):
    put_image(ecr, "team/app", an_image(), "v1")
    assert "v1" in browser.open("repository/team/app", after=place, after_key="1").text


# --- One image -----------------------------------------------------------------------------------------------------


def test_an_index_shows_its_platforms_as_a_table_and_a_picture(browser, ecr):
    big, small = (
        image("big", layer(1, 3_000_000), layer(2, 1_000_000)),
        image("small", layer(3, 1_000), architecture="arm64"),
    )
    content = index(big, small)
    put_index(ecr, content, "v1")
    page = open_image(browser, content.digest)
    assert "linux/amd64 " + big.digest[:19] + " 2 4.00 MB" in page.text
    assert '<svg class="picture" role="img"' in page.html
    assert "2 images of 4.00 MB together: linux/amd64 4.00 MB, linux/arm64 1.1" in page.text
    child = browser.open(page.link(big.digest[:19]))
    assert "in the index " + content.digest[:19] in child.text
    assert "2 layers: 3.00 MB, 1.00 MB." in child.text


def test_an_image_shows_how_to_pull_it(browser, ecr):
    digest = put_image(ecr, "team/app", an_image(), "v1")
    text = open_image(browser, digest).text
    assert "docker pull localhost:4566/team/app:v1" in text
    assert "podman pull --tls-verify=false localhost:4566/team/app:v1" in text
    assert "crane pull --insecure localhost:4566/team/app:v1 image.tar" in text
    login = (
        "aws ecr get-login-password --region us-east-1 | docker login --username AWS --password-stdin localhost:4566"
    )
    assert (
        f"AWS_ENDPOINT_URL=http://localhost:4566 AWS_ACCESS_KEY_ID=000000000000 AWS_SECRET_ACCESS_KEY=any {login}"
        in text
    )


def test_an_untagged_image_is_pulled_by_its_digest_and_over_https_as_usual(emulator, ecr):
    digest = put_image(ecr, "team/app", an_image())
    text = open_image(Browser(emulator, "https://ecr.localhost"), digest).text
    assert f"podman pull ecr.localhost/team/app@{digest}" in text


def test_config_and_history_are_shown(browser, ecr):
    config = {
        "os": "linux",
        "architecture": "arm",
        "variant": "v7",
        "config": {
            "Entrypoint": ["/run", "--now"],
            "Env": ["A=1"],
            "Labels": {"team": "core"},
            "ExposedPorts": {"80/tcp": {}},
        },
        "history": [{"created_by": "COPY . /srv"}, {"created_by": "ENV A=1", "empty_layer": True}],
    }
    text = open_image(browser, put_image(ecr, "team/app", with_config(config))).text
    for words in (
        "linux/arm/v7",
        "Entrypoint /run --now",
        "Environment A=1",
        "Ports 80/tcp",
        "team core",
        "COPY . /srv",
    ):
        assert words in text


def with_config(config, **members):
    """Return an image with a config of one's own."""
    plain = image("of its own")
    content = Content(config if isinstance(config, bytes) else json.dumps(config).encode(), plain.config.media_type)
    raw = json.dumps(json.loads(plain.raw) | {"config": content.descriptor} | members).encode()
    return replace(plain, raw=raw, config=content)


@pytest.mark.parametrize("path", ["image/sha256:00/team/app", "image/latest/team/app", "image/%00/team/app"])
def test_a_missing_image_is_a_page_with_the_sentence_of_aws(browser, path):
    page = browser.open(path)
    assert page.status == 404
    assert "does not exist within the repository with name 'team/app'" in page.text


# --- Forms ---------------------------------------------------------------------------------------------------------


def test_a_tag_is_added_and_removed(browser, ecr):
    digest = put_image(ecr, "team/app", an_image(), "v1")
    page = browser.submit(open_image(browser, digest).form("/tags"), tag="stable")
    assert "The tag stable points at this image." in page.text
    assert sorted(ecr.describe_images(repositoryName="team/app")["imageDetails"][0]["imageTags"]) == ["stable", "v1"]
    page = browser.submit(page.form("/delete"), ("tag", "stable"))
    assert "The tag stable was removed." in page.text
    assert ecr.describe_images(repositoryName="team/app")["imageDetails"][0]["imageTags"] == ["v1"]
    assert "Invalid parameter at 'imageTag'" in browser.submit(page.form("/tags"), tag="<script>").text


def test_adding_a_tag_counts_as_no_pull(browser, ecr):
    digest = put_image(ecr, "team/app", an_image(), "v1")
    browser.submit(open_image(browser, digest).form("/tags"), tag="stable")
    assert "lastRecordedPullTime" not in ecr.describe_images(repositoryName="team/app")["imageDetails"][0]


def test_an_image_is_deleted_with_all_its_tags(browser, ecr):
    digest = put_image(ecr, "team/app", an_image(), "v1")
    form = next(
        each for each in open_image(browser, digest).forms if each.action.endswith("/delete") and not each.buttons[0][0]
    )
    page = browser.submit(form)
    assert "The image was deleted." in page.text
    assert ecr.describe_images(repositoryName="team/app")["imageDetails"] == []


def test_an_image_that_an_index_needs_is_not_deleted(browser, ecr):
    content = multi_arch()
    put_index(ecr, content, "v1")
    form = open_image(browser, content.images[0].digest).form("/delete")
    assert "must be deleted first" in browser.submit(form).text or "referenced" in browser.submit(form).text


def test_an_image_is_archived_and_restored(browser, ecr):
    digest = put_image(ecr, "team/app", an_image(), "v1")
    page = browser.submit(open_image(browser, digest).form("/storage-class"), ("storage_class", "ARCHIVE"))
    assert "The image is archived now." in page.text
    page = browser.submit(page.form("/storage-class"), ("storage_class", "STANDARD"))
    assert "The image is activating now." in page.text


# --- Permissions ---------------------------------------------------------------------------------------------------


def test_a_caller_who_may_not_pull_sees_no_contents_and_changes_nothing():
    with enforcing() as emulator:
        iam = IamAccount(emulator)
        root = iam.root().ecr
        root.create_repository(repositoryName="team/app")
        digest = put_image(root, "team/app", an_image(), "v1")
        keys = iam.user(allow("DescribeImages"), name="viewer").keys
        browser = Browser(emulator)
        typed = {"access_key": keys.access_key, "secret_key": keys.secret}
        browser.submit(browser.open("/_ecr/").form("/sign-in"), **typed)
        page = browser.open(f"/_ecr/console/{ACCOUNT}/us-east-1/image/{digest}/team/app")
        denied = f"User: arn:aws:iam::{ACCOUNT}:user/viewer is not authorized to perform: "
        assert denied + "ecr:BatchGetImage" in page.text
        assert "Layer" not in page.text
        assert "AWS_ACCESS_KEY_ID" not in page.text
        assert denied + "ecr:BatchDeleteImage" in browser.submit(page.form("/delete"), ("tag", "v1")).text
        assert denied + "ecr:BatchGetImage" in browser.submit(page.form("/tags"), tag="new").text
        assert root.describe_images(repositoryName="team/app")["imageDetails"][0]["imageTags"] == ["v1"]
        forbidden = browser.open(f"/_ecr/console/{ACCOUNT}/us-east-1/settings/team/app")
        assert (forbidden.status, denied + "ecr:DescribeRepositories" in forbidden.text) == (403, True)
