"""Texts of strangers in the console: they are escaped, and no page grows beyond its limit."""

import json
from dataclasses import replace

import pytest

from ecr_emulator.domain.events import IMPORT, Event
from ecr_emulator.domain.findings import ToldFindings
from ecr_emulator.testing.upstream.images import Content, artifact, image
from tests.support.console import MOST_BYTES, Browser
from tests.support.images import put_image, put_manifest, upload_layers

SCRIPT = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>{{ 7 * 7 }}"
"""A text that would run a script, break out of an attribute, or be read as a template."""


@pytest.fixture(autouse=True)
def repository(ecr):
    ecr.create_repository(repositoryName="team/app")


def with_config(config, **members):
    """Return an image with a config and further members of its manifest."""
    plain = image("of its own")
    raw = config if isinstance(config, bytes) else json.dumps(config).encode()
    content = Content(raw, plain.config.media_type)
    manifest = json.dumps(json.loads(plain.raw) | {"config": content.descriptor} | members).encode()
    return replace(plain, raw=manifest, config=content)


def open_image(browser, digest):
    return browser.open(f"image/{digest}/team/app")


def test_config_annotations_and_findings_are_escaped(browser, ecr, emulator):
    config = {
        "os": SCRIPT,
        "architecture": SCRIPT,
        "created": SCRIPT,
        "config": {"Env": [SCRIPT], "Labels": {SCRIPT: SCRIPT}, "Cmd": [SCRIPT], "ExposedPorts": {SCRIPT: {}}},
        "history": [{"created_by": SCRIPT}],
    }
    digest = put_image(ecr, "team/app", with_config(config, annotations={SCRIPT: SCRIPT}), "v1")
    finding = {"name": SCRIPT, "severity": "HIGH", "description": SCRIPT}
    with emulator.services.store.writing() as work:
        work.known_findings.put(digest, ToldFindings([finding]))
    ecr.start_image_scan(repositoryName="team/app", imageId={"imageDigest": digest})
    for page in (open_image(browser, digest), browser.open("repository/team/app")):
        assert page.status == 200
        assert SCRIPT in page.text
        assert "<script" not in page.html
        assert "<img" not in page.html


def test_artifact_types_and_platforms_are_escaped(browser, ecr):
    subject = image("subject")
    digest = put_image(ecr, "team/app", subject, "v1")
    referrer = put_image(ecr, "team/app", artifact(subject, artifact_type=SCRIPT))
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [subject.descriptor | {"platform": {"os": SCRIPT, "architecture": SCRIPT}}],
    }
    listing = put_manifest(ecr, "team/app", json.dumps(index).encode(), "all")
    for page in (
        *(open_image(browser, each) for each in (digest, referrer, listing)),
        browser.open("repository/team/app"),
    ):
        assert page.status == 200
        assert "<script" not in page.html


def test_texts_in_the_address_are_escaped(browser):
    for path in (f"repository/{SCRIPT}", f"image/{SCRIPT}/team/app", f"settings/{SCRIPT}", SCRIPT):
        page = browser.open(path)
        assert page.status == 404
        assert "<script" not in page.html
    for query in ({"part": SCRIPT}, {"order": SCRIPT}, {"after": SCRIPT}):
        assert "<script" not in browser.open("repositories", **query).html
    assert "<script" not in browser.open("repository/team/app", tag=SCRIPT).html


@pytest.mark.parametrize(
    "config",
    [b"null", b"[]", b"{", b"\xff\xfe", b"[" * 50_000, b'{"config": 5, "history": {"a": 1}, "os": {}}',
     b'{"config": {"Env": "A", "Labels": [1], "Cmd": {"a": 1}, "Entrypoint": [1, null]}}',
     b'{"history": [1, {"created_by": 5}]}',
     b'{"os": "\\ud800", "config": {"Labels": {"\\ud800": "\\udfff"}}}'],
)  # fmt: skip
def test_a_config_of_any_bytes_is_a_page(browser, ecr, config):
    digest = put_image(ecr, "team/app", with_config(config), "v1")
    assert open_image(browser, digest).status == 200
    assert browser.open("repository/team/app").status == 200


def test_control_characters_are_not_sent_to_the_browser(browser, ecr):
    labels = {"a\x00b": "c\x1bd\u202ee"}
    digest = put_image(ecr, "team/app", with_config({"config": {"Labels": labels, "Env": ["A=\x00"]}}), "v1")
    page = open_image(browser, digest)
    assert "a b c d e" in page.text
    assert not {"\x00", "\x1b", "\u202e"} & set(page.html)


def test_a_subject_of_any_text_is_a_page(browser, ecr):
    for text in ("", "../../settings/team/app", SCRIPT, "sha256:0"):
        raw = json.dumps(json.loads(image().raw) | {"subject": image().descriptor | {"digest": text}}).encode()
        upload_layers(ecr, "team/app", image())
        try:
            digest = put_manifest(ecr, "team/app", raw)
        except ecr.exceptions.ClientError:
            continue
        page = open_image(browser, digest)
        assert page.status == 200
        assert "<script" not in page.html


def test_no_page_grows_with_what_others_have_written(browser, ecr, emulator):
    long = "<" * 5_000
    config = {
        "os": long,
        "config": {
            "Env": [long] * 300,
            "Labels": {f"{number}{long}": long for number in range(300)},
            "Cmd": [long],
            "Entrypoint": [long],
            "User": long,
            "WorkingDir": long,
            "StopSignal": long,
            "ExposedPorts": {long: {}},
            "Volumes": {long: {}},
        },
        "history": [{"created_by": long}] * 500,
    }
    raw = json.dumps(config).encode()
    many = with_config(raw[: 500 * 1024] if len(raw) < 500 * 1024 else json.dumps(config | {"history": []}).encode())
    digest = put_image(ecr, "team/app", many, "v1")
    for number in range(120):
        put_manifest(ecr, "team/app", many.raw, f"{number:03}" + "x" * 125)
    with emulator.services.store.writing() as work:
        finding = {"name": long, "severity": "HIGH", "description": long}
        work.known_findings.put(digest, ToldFindings([finding] * 300))
    ecr.start_image_scan(repositoryName="team/app", imageId={"imageDigest": digest})
    page = open_image(browser, digest)
    assert (page.status, len(page.html) > MOST_BYTES / 10) == (200, True)
    assert "and 298 more" in page.text or "more" in page.text
    assert browser.open("repository/team/app").status == 200


def test_an_image_of_many_layers_is_a_page(browser, ecr):
    plain = image("many")
    layers = [plain.layers[0].descriptor] * 5_000
    digest = put_manifest_of(ecr, plain, layers)
    page = open_image(browser, digest)
    assert (page.status, "and 4,940 more" in page.text) == (200, True)


def put_manifest_of(ecr, plain, layers):
    upload_layers(ecr, "team/app", plain)
    return put_manifest(ecr, "team/app", json.dumps(json.loads(plain.raw) | {"layers": layers}).encode(), "v1")


def test_a_console_on_another_port_has_a_session_of_its_own(emulator):
    first, second = Browser(emulator), Browser(emulator, "http://localhost:4567")
    first.open()
    second.open()
    assert first.client.get_cookie("ecr_emulator_http_4566", path="/_ecr")
    assert second.client.get_cookie("ecr_emulator_http_4567", path="/_ecr")


def test_errors_of_upstreams_in_events_are_escaped(browser, emulator):
    detail = {
        "ecr-repository-prefix": "quay",
        "repository-name": "quay/app",
        "image-tag": SCRIPT,
        "failure-code": "UpstreamUnavailable",
        "failure-reason": SCRIPT,
    }
    with emulator.services.store.writing() as work:
        work.events.add(Event(emulator.services.home, emulator.clock.now(), IMPORT, detail))
    for page in (browser.open(), browser.open("activity")):
        assert f"import failed quay/app:{SCRIPT}" in page.text
        assert "<script>alert" not in page.html
