"""The repositories that are scanned, the images that can be scanned, and the findings that users may set."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ecr_emulator.domain.findings import ToldFindings, read_findings
from ecr_emulator.domain.image import Image
from ecr_emulator.domain.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, ORAS_ARTIFACT, SCHEMA1
from ecr_emulator.domain.scanning import (
    Coverage,
    Scan,
    check_configuration,
    coverage_of,
    filter_matches,
    is_scannable,
)
from ecr_emulator.errors import InvalidParameterException
from tests.support.storage import NOW, a_repository

NAMES = ("prod", "repo-prod", "prod-repo", "repo-prod-repo", "prodrepo")
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
CVE = {"name": "CVE-2026-1", "severity": "HIGH"}


def rule(frequency, *filters):
    return {"scanFrequency": frequency, "repositoryFilters": [applied(each) for each in filters]}


def applied(pattern):
    return {"filter": pattern, "filterType": "WILDCARD"}


def coverage(name, *rules, scan_type="ENHANCED", scan_on_push=False):
    repository = replace(a_repository(name), scan_on_push=scan_on_push)
    return coverage_of({"scanType": scan_type, "rules": list(rules)}, repository)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("prod", "YYYYY"), ("*prod", "YYnnn"), ("prod*", "YnYnY"), ("*prod*", "YYYYY"), ("prod*repo", "nnYnY")],
)
def test_a_filter_without_wildcard_is_contained_and_one_with_it_is_the_whole_name(pattern, expected):
    assert "".join("Y" if filter_matches(pattern, name) else "n" for name in NAMES) == expected


def test_a_repository_that_no_rule_matches_is_scanned_by_hand():
    assert coverage("app") == coverage("app", rule("CONTINUOUS_SCAN", "prod")) == Coverage("MANUAL", ())


def test_continuous_scanning_wins_in_any_order():
    rules = [rule("SCAN_ON_PUSH", "prod"), rule("CONTINUOUS_SCAN", "prod*"), rule("MANUAL", "*")]
    expected = Coverage("CONTINUOUS_SCAN", (applied("prod*"),))
    assert coverage("prod-1", *rules) == coverage("prod-1", *reversed(rules)) == expected
    assert coverage("a-prod", *rules) == Coverage("SCAN_ON_PUSH", (applied("prod"),))
    assert coverage("a", *rules) == Coverage("MANUAL", (applied("*"),))


def test_of_several_filters_that_match_the_last_is_the_one_applied():
    assert coverage("prod", rule("SCAN_ON_PUSH", "*", "prod", "other")).filters == (applied("prod"),)


def test_a_repositorys_own_setting_counts_for_basic_scanning_alone():
    assert coverage("app", scan_type="BASIC", scan_on_push=True) == Coverage("SCAN_ON_PUSH", ())
    assert coverage("app", scan_type="ENHANCED", scan_on_push=True) == Coverage("MANUAL", ())
    by_rule = coverage("app", rule("SCAN_ON_PUSH", "*"), scan_type="BASIC", scan_on_push=True)
    assert by_rule == Coverage("SCAN_ON_PUSH", (applied("*"),))


@pytest.mark.parametrize(
    ("scan_type", "frequencies", "reason"),
    [
        ("BASIC", ["CONTINUOUS_SCAN"], "Invalid scan frequency for scanType BASIC: CONTINUOUS_SCAN"),
        (
            "ENHANCED",
            ["SCAN_ON_PUSH", "SCAN_ON_PUSH"],
            r"Invalid input. Contains duplicate scan frequencies: \[SCAN_ON_PUSH\]",
        ),
    ],
)
def test_rules_must_fit_their_scan_type_and_each_other(scan_type, frequencies, reason):
    configuration = {"scanType": scan_type, "rules": [rule(each, "*") for each in frequencies]}
    expected = f"^Invalid parameter failed to satisfy constraint: '{reason}'$"
    with pytest.raises(InvalidParameterException, match=expected):
        check_configuration(configuration)


@pytest.mark.parametrize(
    ("media_type", "artifact_media_type", "expected"),
    [
        (OCI_MANIFEST, OCI_CONFIG, True),
        (DOCKER_MANIFEST, "application/vnd.docker.container.image.v1+json", True),
        (SCHEMA1, None, True),
        (OCI_MANIFEST, "application/vnd.cncf.helm.config.v1+json", False),
        (ORAS_ARTIFACT, None, False),
        (OCI_INDEX, None, False),
        (DOCKER_LIST, None, False),
    ],
)
def test_images_can_be_scanned_and_nothing_else_can(media_type, artifact_media_type, expected):
    image = Image("sha256:1", media_type, NOW, artifact_media_type=artifact_media_type)
    assert is_scannable(image) is expected


def test_a_scan_completes_with_findings_or_fails():
    scan = Scan(NOW)
    later = NOW + timedelta(seconds=1)
    complete = scan.complete([CVE, {"name": "x", "severity": "LOW"}, CVE], later)
    assert (complete.status, complete.completed_at) == ("COMPLETE", later)
    assert complete.severity_counts == {"HIGH": 2, "LOW": 1}
    assert scan.fail(later) == Scan(
        NOW,
        "FAILED",
        "UnsupportedImageError: The operating system and/or package manager are not supported.",
        later,
    )


def test_an_image_can_be_scanned_once_a_day():
    scan = Scan(NOW)
    assert scan.prevents_another(NOW + timedelta(hours=24) - timedelta(milliseconds=1))
    assert not scan.prevents_another(NOW + timedelta(hours=24))


@pytest.mark.parametrize(
    "findings",
    [
        [],
        [CVE],
        [
            CVE
            | {
                "description": "",
                "uri": "https://example.org",
                "attributes": [{"key": "package_name", "value": "bash"}, {"key": "k"}],
            }
        ],
        [CVE | {"attributes": [{"key": "k" * 128, "value": "v" * 256}] * 50}],
    ],
)
def test_findings_have_the_shape_of_ecrs(findings):
    assert read_findings({"findings": findings}) == ToldFindings(findings)


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (None, r"\$"),
        ([], r"\$"),
        ({}, "'findings' is a required property"),
        ({"findings": [], "more": 1}, "'more' was unexpected"),
        ({"findings": {}}, r"\$.findings"),
        ({"findings": [1]}, r"\$.findings\[0\]"),
        ({"findings": [CVE, {"name": "CVE"}]}, r"\$.findings\[1\]: 'severity' is a required property"),
        ({"findings": [{"severity": "LOW"}]}, "'name' is a required property"),
        ({"findings": [CVE | {"severity": "high"}]}, r"\$.findings\[0\].severity: 'high' is not one of"),
        ({"findings": [CVE | {"name": ""}]}, r"\$.findings\[0\].name"),
        ({"findings": [CVE | {"uri": 1}]}, r"\$.findings\[0\].uri"),
        ({"findings": [CVE | {"score": 1}]}, "'score' was unexpected"),
        ({"findings": [CVE | {"attributes": [{"value": "v"}]}]}, "'key' is a required property"),
        ({"findings": [CVE | {"attributes": [{"key": "k", "value": ""}]}]}, r"attributes\[0\].value"),
        ({"findings": [CVE | {"attributes": [{"key": "k" * 129}]}]}, r"attributes\[0\].key"),
        ({"findings": [CVE | {"attributes": [{"key": "k", "value": "v" * 257}]}]}, r"attributes\[0\].value"),
        ({"findings": [CVE | {"attributes": [{"key": "k"}] * 51}]}, r"\.attributes"),
    ],
)
def test_invalid_findings_are_refused_with_the_place_of_the_error(document, place):
    with pytest.raises(ValueError, match=place):
        read_findings(document)
