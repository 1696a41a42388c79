"""Packages that an SBOM lists, in SPDX and in CycloneDX."""

import pytest

from ecr_emulator.domain.packages import Distribution, ImageContents, Package
from ecr_emulator.ports.image_contents import UnreadableImage
from ecr_emulator.scanner.sboms.documents import read_sbom
from ecr_emulator.scanner.sboms.package_urls import read_package_url

NAME = "the SBOM"


@pytest.mark.parametrize(
    ("url", "kind", "name", "version"),
    [
        ("pkg:deb/debian/libc6@2.36-9%2Bdeb12u3?arch=amd64", "dpkg", "libc6", "2.36-9+deb12u3"),
        ("pkg:deb/debian/bsdutils@2.38-1?epoch=1", "dpkg", "bsdutils", "1:2.38-1"),
        ("pkg:apk/alpine/musl@1.2.4-r2", "apk", "musl", "1.2.4-r2"),
        ("pkg:rpm/redhat/openssl-libs@3.0.7-24.el9?epoch=1", "rpm", "openssl-libs", "1:3.0.7-24.el9"),
        ("pkg:pypi/Flask_Login@0.6.2", "PyPI", "flask-login", "0.6.2"),
        ("pkg:npm/%40types/node@20.0.0", "npm", "@types/node", "20.0.0"),
        ("pkg:npm/lodash@4.17.20", "npm", "lodash", "4.17.20"),
        ("pkg:golang/golang.org/x/net@v0.10.0#html", "Go", "golang.org/x/net", "0.10.0"),
        (
            "pkg:maven/org.springframework/spring-core@5.3.17?type=jar",
            "Maven",
            "org.springframework:spring-core",
            "5.3.17",
        ),
        ("pkg:gem/rack@2.2.3", "RubyGems", "rack", "2.2.3"),
        ("pkg:cargo/time@0.1.43", "crates.io", "time", "0.1.43"),
        ("pkg:composer/symfony/http-kernel@v5.4.1", "Packagist", "symfony/http-kernel", "5.4.1"),
        ("pkg:swift/github.com/apple/swift-nio@2.41.0", "SwiftURL", "github.com/apple/swift-nio", "2.41.0"),
        ("pkg:nuget/Newtonsoft.Json@12.0.1", "NuGet", "Newtonsoft.Json", "12.0.1"),
    ],
)
def test_package_urls_name_packages(url, kind, name, version):
    package = read_package_url(url, NAME).package
    assert (package.kind, package.name, package.version, package.path) == (kind, name, version, NAME)


@pytest.mark.parametrize("url", ["", "pkg:pypi/flask", "pkg:hex/phoenix@1.0", "https://example.com/a@1", "pkg:@1"])
def test_other_texts_name_no_package(url):
    assert read_package_url(url, NAME) is None


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("pkg:deb/debian/libssl3@3.0.11-1?upstream=openssl", ("openssl", "3.0.11-1")),
        ("pkg:deb/debian/libc6@2.36-9%2Bb1?upstream=glibc%402.36-9", ("glibc", "2.36-9")),
        ("pkg:rpm/rhel/openssl-libs@3.0.7-24.el9?upstream=openssl-3.0.7-24.el9.src.rpm", ("openssl", "3.0.7-24.el9")),
    ],
)
def test_package_urls_name_the_source(url, source):
    assert read_package_url(url, NAME).package.names[-1] == source


OPENSSL = Package("dpkg", "libssl3", "3.0.11-1", NAME, architecture="amd64", source_name="openssl")
URL = "pkg:deb/debian/libssl3@3.0.11-1?arch=amd64&upstream=openssl&distro=debian-11"


@pytest.mark.parametrize(
    ("document", "distribution"),
    [
        (
            """{"bomFormat": "CycloneDX", "components": [
            {"type": "operating-system", "name": "Debian", "version": "12"},
            {"type": "application", "name": "app", "components": [{"type": "library", "purl": "%s"}]}]}""",
            Distribution("debian", "12"),
        ),
        ('{"bomFormat": "CycloneDX", "components": [{"type": "library", "purl": "%s"}]}', Distribution("debian", "11")),
        (
            """{"spdxVersion": "SPDX-2.3", "packages": [
            {"name": "debian", "versionInfo": "12", "primaryPackagePurpose": "OPERATING-SYSTEM"},
            {"name": "libssl3", "versionInfo": "3.0.11-1", "externalRefs": [
              {"referenceType": "cpe23Type", "referenceLocator": "cpe:2.3:a"},
              {"referenceType": "purl", "referenceLocator": "%s"}]}]}""",
            Distribution("debian", "12"),
        ),
    ],
)
def test_the_packages_and_the_system_of_an_sbom_are_read(document, distribution):
    assert read_sbom((document % URL).encode(), NAME) == ImageContents(distribution, (OPENSSL,), source=NAME)


@pytest.mark.parametrize("text", [b"", b"\xff", b"[]", b"{}", b'{"bomFormat": "other"}', b"[" * 200_000])
def test_another_document_is_no_sbom(text):
    with pytest.raises(UnreadableImage, match=r"^the SBOM is "):
        read_sbom(text, NAME)


def test_components_of_other_types_than_expected_are_left_out():
    text = b'{"bomFormat": "CycloneDX", "components": [1, {"purl": 2}, {"components": {}}]}'
    assert read_sbom(text, NAME) == ImageContents(None, (), source=NAME)
