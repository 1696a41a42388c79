"""Lock files from the push of an image to Inspector's findings: the package manager and the path of each."""

import gzip

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import OCI_LAYER, Content, image
from tests.support.advisories import advisory, affected, fixed, write
from tests.support.boto import client_of
from tests.support.image_layers import tar
from tests.support.images import put_image

APP = "team/app"
LODASH = "lodash@4.17.20"
FILES = {
    "app/requirements.txt": "Flask==1.0\n",
    "app/Pipfile.lock": '{"default": {"flask": {"version": "==1.0"}}}',
    "app/poetry.lock": '[[package]]\nname = "flask"\nversion = "1.0"\n',
    "app/uv.lock": '[[package]]\nname = "flask"\nversion = "1.0"\nsource = {registry = "https://packages.example/simple"}\n',
    "ios/Package.resolved": (
        '{"pins": [{"location": "git@github.com:apple/swift-nio-http2.git", "state": {"version": "1.19.1"}}], '
        '"version": 2}'
    ),
    "web/yarn.lock": 'lodash@^4.17.20:\n  version "4.17.20"\n',
    "web/pnpm-lock.yaml": (
        f"lockfileVersion: '9.0'\nimporters: {{.: {{dependencies: {{lodash: {{version: 4.17.20}}}}}}}}\n"
        f"packages: {{{LODASH}: {{}}}}\nsnapshots: {{{LODASH}: {{}}}}\n"
    ),
    "src/go.mod": "module app\nrequire golang.org/x/net v0.10.0\n",
    "src/pom.xml": (
        "<project><dependencies><dependency><groupId>org.apache.logging.log4j</groupId>"
        "<artifactId>log4j-core</artifactId><version>2.14.1</version></dependency></dependencies></project>"
    ),
    "src/packages.config": '<packages><package id="Newtonsoft.Json" version="12.0.1"/></packages>',
    "src/broken/yarn.lock": "<<<<<<< HEAD\n",
}
ADVISORIES = [
    advisory("GHSA-1", affected("PyPI", "flask", *fixed("1.1"))),
    advisory("GHSA-2", affected("npm", "lodash", *fixed("4.17.21"), kind="SEMVER")),
    advisory("GHSA-3", affected("Go", "golang.org/x/net", *fixed("0.17.0"), kind="SEMVER")),
    advisory("GHSA-4", affected("Maven", "org.apache.logging.log4j:log4j-core", *fixed("2.15.0"))),
    advisory("GHSA-6", affected("SwiftURL", "github.com/apple/Swift-NIO-http2", *fixed("1.19.2"), kind="SEMVER")),
    advisory("GHSA-5", affected("NuGet", "Newtonsoft.Json", *fixed("13.0.1"))),
]


def findings(folder):
    """Return the findings of Inspector in an image with all files."""
    with Emulator(Settings(vulnerabilities=write(folder / "osv", *ADVISORIES))) as emulator:
        ecr = client_of(emulator)
        ecr.create_repository(repositoryName=APP)
        rule = {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}
        ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=[rule])
        put_image(ecr, APP, image("v1", Content(gzip.compress(tar(FILES)), OCI_LAYER)), "v1")
        answer = ecr.describe_image_scan_findings(repositoryName=APP, imageId={"imageTag": "v1"})
        return answer["imageScanFindings"]["enhancedFindings"]


def test_findings_name_the_package_manager_and_the_lock_file(tmp_path):
    found = findings(tmp_path)
    packages = [package for each in found for package in each["packageVulnerabilityDetails"]["vulnerablePackages"]]
    assert {
        (each.get("packageManager"), each["filePath"], each["name"], each["version"], each["fixedInVersion"])
        for each in packages
    } == {
        ("PIP", "app/requirements.txt", "flask", "1.0", "1.1"),
        ("PIPENV", "app/Pipfile.lock", "flask", "1.0", "1.1"),
        ("POETRY", "app/poetry.lock", "flask", "1.0", "1.1"),
        ("PIP", "app/uv.lock", "flask", "1.0", "1.1"),
        (None, "ios/Package.resolved", "github.com/apple/swift-nio-http2", "1.19.1", "1.19.2"),
        ("YARN", "web/yarn.lock", "lodash", "4.17.20", "4.17.21"),
        ("NPM", "web/pnpm-lock.yaml", "lodash", "4.17.20", "4.17.21"),
        ("GOMOD", "src/go.mod", "golang.org/x/net", "0.10.0", "0.17.0"),
        ("POM", "src/pom.xml", "org.apache.logging.log4j:log4j-core", "2.14.1", "2.15.0"),
        ("NUGET", "src/packages.config", "Newtonsoft.Json", "12.0.1", "13.0.1"),
    }
    assert len(found) == 6


def test_the_log_names_the_image_of_a_lock_file_that_is_skipped(tmp_path, caplog):
    (finding, *_) = findings(tmp_path)
    digest = finding["resources"][0]["details"]["awsEcrContainerImage"]["imageHash"]
    assert [message.partition(" cannot be read: ")[0] for message in caplog.messages if "yarn" in message] == [
        f"{APP}@{digest}: /src/broken/yarn.lock"
    ]
