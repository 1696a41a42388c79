"""Vulnerabilities of packages: which advisories match, and what a finding says."""

from datetime import UTC, datetime

import pytest

from ecr_emulator.domain.vulnerabilities import Score, Vulnerability
from tests.support.advisories import CRITICAL_VECTOR, advisory, affected, fixed, found, indexed, package

FLASK = package("PyPI", "flask", "1.0")


def flask(identifier="CVE-2024-0001", entry=None, **members):
    return advisory(identifier, affected("PyPI", "flask", *fixed("2.0"), **(entry or {})), **members)


def test_a_finding_says_everything_that_the_advisory_knows(tmp_path):
    document = flask(
        "GHSA-aaaa-bbbb-cccc",
        aliases=["CVE-2024-0001", "PYSEC-2024-1"],
        summary="Short",
        details="Flask is\nleaky.",
        published="2024-01-01T00:00:00Z",
        severity=[{"type": "CVSS_V3", "score": CRITICAL_VECTOR}],
        references=[{"type": "WEB", "url": "https://example.com/a"}, {"type": "WEB"}],
    )
    assert found(indexed(tmp_path, document), FLASK) == [
        Vulnerability(
            "CVE-2024-0001",
            FLASK,
            "CRITICAL",
            advisory="GHSA-aaaa-bbbb-cccc",
            description="Flask is\nleaky.",
            scores=(Score("3.1", 9.8, CRITICAL_VECTOR),),
            fixed_in="2.0",
            url="https://nvd.nist.gov/vuln/detail/CVE-2024-0001",
            references=("https://example.com/a",),
            aliases=("GHSA-aaaa-bbbb-cccc", "PYSEC-2024-1"),
            published_at=datetime(2024, 1, 1, tzinfo=UTC),
            modified_at=datetime(2024, 5, 1, 12, tzinfo=UTC),
        )
    ]


def test_an_advisory_without_a_cve_keeps_its_own_name(tmp_path):
    (only,) = found(indexed(tmp_path, flask("GHSA-aaaa-bbbb-cccc", summary="Short")), FLASK)
    assert (only.name, only.url) == ("GHSA-aaaa-bbbb-cccc", "https://osv.dev/vulnerability/GHSA-aaaa-bbbb-cccc")
    assert only.description == "Short"


@pytest.mark.parametrize("member", ["aliases", "upstream", "related"])
def test_an_advisory_about_several_cves_is_several_findings(tmp_path, member):
    document = flask("RHSA-2024:1", **{member: ["CVE-2024-0002", "CVE-2024-0001", "RHBA-1"]})
    assert [each.name for each in found(indexed(tmp_path, document), FLASK)] == ["CVE-2024-0001", "CVE-2024-0002"]


def test_two_advisories_about_one_cve_are_one_finding_with_scores(tmp_path):
    plain = flask("PYSEC-2024-1", aliases=["CVE-2024-0001"])
    scored = flask("GHSA-1", aliases=["CVE-2024-0001"], severity=[{"type": "CVSS_V3", "score": CRITICAL_VECTOR}])
    for number, documents in enumerate([(plain, scored), (scored, plain)]):
        (only,) = found(indexed(tmp_path / str(number), *documents), FLASK)
        assert only.advisory == "GHSA-1"


MEDIUM_VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"
HIGH_V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N"
HIGH_V2 = "AV:N/AC:L/Au:N/C:P/I:P/A:P"


@pytest.mark.parametrize(
    ("document", "severity"),
    [
        ({"severity": [{"type": "CVSS_V3", "score": CRITICAL_VECTOR}]}, "CRITICAL"),
        ({"severity": [{"type": "CVSS_V3", "score": MEDIUM_VECTOR}]}, "MEDIUM"),
        ({"severity": [{"type": "CVSS_V4", "score": HIGH_V4}]}, "HIGH"),
        ({"severity": [{"type": "CVSS_V2", "score": HIGH_V2}]}, "HIGH"),
        ({"severity": [{"type": "CVSS_V4", "score": HIGH_V4}, {"type": "CVSS_V3", "score": MEDIUM_VECTOR}]}, "MEDIUM"),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N"}]}, "UNDEFINED"),
        ({"severity": [{"type": "Ubuntu", "score": "low"}]}, "LOW"),
        ({"severity": "high"}, "UNDEFINED"),
        ({"database_specific": {"severity": "MODERATE"}}, "MEDIUM"),
        ({"entry": {"ecosystem_specific": {"urgency": "unimportant"}}}, "INFORMATIONAL"),
        ({"entry": {"severity": [{"type": "CVSS_V3", "score": MEDIUM_VECTOR}]}}, "MEDIUM"),
        (
            {
                "severity": [{"type": "CVSS_V3", "score": CRITICAL_VECTOR}],
                "entry": {"ecosystem_specific": {"severity": "Important"}},
            },
            "HIGH",
        ),
        ({"entry": {"ecosystem_specific": {"urgency": "not yet assigned"}}}, "UNDEFINED"),
        ({}, "UNDEFINED"),
    ],
)
def test_the_severity_is_that_of_the_distribution_or_else_of_the_score(tmp_path, document, severity):
    (only,) = found(indexed(tmp_path, flask(**document)), FLASK)
    assert only.severity == severity


def test_findings_are_ordered_by_severity_package_and_name(tmp_path):
    documents = [
        advisory("CVE-2024-0003", affected("PyPI", "b", *fixed("2"))),
        advisory("CVE-2024-0002", affected("PyPI", "a", *fixed("2"))),
        advisory("CVE-2024-0001", affected("PyPI", "a", *fixed("2"))),
        advisory("CVE-2024-0004", affected("PyPI", "b", *fixed("2")), database_specific={"severity": "HIGH"}),
    ]
    seen = found(indexed(tmp_path, *documents), package("PyPI", "b", "1"), package("PyPI", "a", "1"))
    assert [each.name[-1] for each in seen] == ["4", "1", "2", "3"]


@pytest.mark.parametrize(
    ("installed", "version", "is_affected"),
    [
        ({"source_name": "openssl"}, "3.0.11-1~deb12u1", True),
        ({"source_name": "openssl"}, "3.0.11-1~deb12u2", False),
        ({"source_name": "openssl", "source_version": "3.0.11-1~deb12u2"}, "1:1.0", False),
        ({"source_name": "openssl", "source_version": "3.0.11-1"}, "9", False),
        ({}, "3.0.11-1~deb12u1", False),
    ],
)
def test_packages_of_dpkg_are_looked_up_by_their_source(tmp_path, installed, version, is_affected):
    advisories = indexed(
        tmp_path, advisory("CVE-2024-0001", affected("Debian:12", "openssl", *fixed("3.0.11-1~deb12u2")))
    )
    assert bool(found(advisories, package("dpkg", "libssl3", version, **installed))) is is_affected


def test_packages_of_rpm_are_looked_up_by_their_own_name_and_their_source(tmp_path):
    libraries = package("rpm", "openssl-libs", "1:3.0.7-24.el9", source_name="openssl", source_version="1:3.0.7-24.el9")
    for number, name in enumerate(["openssl-libs", "openssl"]):
        entry = affected("Red Hat:enterprise_linux:9::baseos", name, *fixed("1:3.0.7-25.el9_3"))
        advisories = indexed(tmp_path / str(number), advisory("RHSA-2024:1", entry, upstream=["CVE-2024-0001"]))
        assert [each.fixed_in for each in found(advisories, libraries, distribution=("rhel", "9.3"))] == [
            "1:3.0.7-25.el9_3"
        ]


def test_packages_of_a_system_without_a_known_release_match_nothing(tmp_path):
    advisories = indexed(tmp_path, advisory("CVE-2024-0001", affected("Debian:12", "bash", *fixed("9"))))
    assert found(advisories, package("dpkg", "bash", "1"), distribution=("", "")) == []


@pytest.mark.parametrize(
    ("ecosystem", "name", "installed"),
    [
        ("NuGet", "Newtonsoft.Json", "newtonsoft.json"),
        ("Packagist", "Symfony/Http-Kernel", "symfony/http-kernel"),
        ("Maven", "org.springframework:spring-core", "org.springframework:spring-core"),
        ("Maven", "org.springframework:spring-core", ":spring-core"),
    ],
)
def test_names_of_packages_are_recognized(tmp_path, ecosystem, name, installed):
    advisories = indexed(tmp_path, advisory("CVE-2024-0001", affected(ecosystem, name, *fixed("2.0"))))
    assert len(found(advisories, package(ecosystem, installed, "1.0"))) == 1


def test_an_artifact_without_a_group_matches_nothing_if_several_groups_have_it(tmp_path):
    documents = [
        advisory(f"CVE-2024-000{number}", affected("Maven", f"org.g{number}:core", *fixed("2.0"))) for number in (1, 2)
    ]
    advisories = indexed(tmp_path, *documents)
    assert found(advisories, package("Maven", ":core", "1.0")) == []
    assert len(found(advisories, package("Maven", "org.g1:core", "1.0"))) == 1
