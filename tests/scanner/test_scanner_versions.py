"""Versions are compared by the rules of their ecosystem, and ranges are evaluated as OSV says."""

import pytest

from ecr_emulator.scanner.advisories.ranges import judge
from ecr_emulator.scanner.advisories.versions import parse_version
from tests.support.advisories import affected, fixed


@pytest.mark.parametrize(
    ("rules", "versions"),
    [
        ("dpkg", "0 0.9 1.0~rc1-1 1.0-1 1.0-1+b1 1.0-1+deb12u2 1.0-1+deb12u10 1.10-1 2023c-0 1:0.1-1"),
        (
            "apk",
            "1.2.0_rc1-r0 1.2.0-r0 1.2.0-r10 1.2.0_git20230101-r0 1.2.0_git20240101-r0 1.2.0_p1-r0 1.2.0a-r0 1.10-r0",
        ),
        ("apk", "0.9-r0 1.0-r0 02.1-r0 3-r0"),
        ("rpm", "0.9-1 1.0~rc1-1 1.0-1 1.0-1.el9 1.0-1.el9_4.2 1.0-9.el9 1.0-10.el9 1.0^git1-1 1.10-1 1:0.1-1"),
        ("PyPI", "0 1.0.dev1 1.0a1 1.0rc1 1.0 1.0.post1 1.0.1 1.10 1!0.1"),
        ("npm", "0.0.0 1.2.3-alpha 1.2.3-beta.2 1.2.3-beta.11 1.2.3 1.2.10 1.10.0"),
        ("Go", "0.0.0-20210101000000-abcdef123456 0.0.0-20220101000000-abcdef123456 1.2.3 2.0.0+incompatible 2.0.1"),
        ("crates.io", "0.1.0-pre 0.1.0 0.1.43 0.2.0"),
        (
            "Maven",
            "1.0-alpha-1 1.0-beta1 1.0-rc2 1.0-rc10 1.0-SNAPSHOT 1.0 1.0-sp1 1.0.1 2.9.10 2.9.10.8 31.1-jre 32.0.0",
        ),
        ("RubyGems", "0.9 1.0.0.pre1 1.0.0.rc2 1.0.0 1.9 1.10"),
        ("Packagist", "1.0.0-dev 1.0.0-alpha1 1.0.0-beta2 1.0.0-RC1 1.0.0 1.0.0-p1 1.0.0.1 1.0.0.2 v5.4.0 5.4.10"),
        ("NuGet", "1.0.0-alpha 1.0.0-beta 1.0.0 1.0.0.1 4.3.0.1 4.3.1 4.10.0"),
    ],
)
def test_versions_are_ordered_by_the_rules_of_their_ecosystem(rules, versions):
    parsed = [parse_version(rules, text) for text in versions.split()]
    assert None not in parsed
    for number, version in enumerate(parsed):
        assert not version < version  # noqa: PLR0124 - what < must not say
        assert all(version < later and not later < version for later in parsed[number + 1 :])


@pytest.mark.parametrize(
    ("rules", "text"),
    [("PyPI", "2004d-bad"), ("Packagist", "dev-master"), ("npm", ""), ("RubyGems", "a b"), ("COBOL", "1"), ("rpm", "")],
)
def test_a_text_that_is_no_version_is_none(rules, text):
    assert parse_version(rules, text) is None


def is_affected(version, *events, rules="PyPI", kind="ECOSYSTEM", **members):
    return judge(affected("PyPI", "x", *events, kind=kind, **members), rules, version).is_affected


@pytest.mark.parametrize(
    ("version", "within"),
    [("0", True), ("0.9", True), ("1.9", True), ("2.0rc1", True), ("2.0", False), ("2.0.0", False), ("10.0", False)],
)
def test_a_range_ends_before_the_fixed_version(version, within):
    assert is_affected(version, *fixed("2.0")) is within


@pytest.mark.parametrize(("version", "within"), [("1.0", True), ("2.0", True), ("2.0.1", False), ("0.9", False)])
def test_a_range_includes_the_last_affected_version(version, within):
    assert is_affected(version, {"introduced": "1.0"}, {"last_affected": "2.0"}) is within


@pytest.mark.parametrize(
    ("version", "within"), [("0.9", False), ("1.0", True), ("1.5", False), ("2.0", True), ("2.9", True), ("3.0", False)]
)
def test_one_range_may_have_several_parts_in_any_order(version, within):
    assert is_affected(version, *fixed("3.0", "2.0"), *fixed("1.5", "1.0")) is within


def test_a_range_without_an_end_includes_every_later_version():
    assert is_affected("99", {"introduced": "1.0"})
    assert not is_affected("0.1", {"introduced": "1.0"})


def test_a_listed_version_is_affected():
    assert is_affected("2004d-bad", versions=["2004d-bad"])
    assert is_affected("5.0", *fixed("2.0"), versions=["5.0"])
    assert not is_affected("5.0", *fixed("2.0"), versions=["5", "5.00"])


def test_a_range_that_cannot_be_compared_is_left_out():
    assert not is_affected("1.0", {"introduced": "0"}, {"fixed": "dev-master"}, rules="Packagist")
    assert not is_affected("dev-master", {"introduced": "0"}, rules="Packagist")


def test_a_range_of_semantic_versions_is_compared_by_their_rules():
    assert is_affected("1.2.3-beta.2", *fixed("1.2.3-beta.11"), rules="npm", kind="SEMVER")


def test_an_end_that_is_told_twice_counts_twice():
    assert not is_affected("2.5", {"introduced": "0"}, {"fixed": "2.0"}, {"limit": "3.0"})


@pytest.mark.parametrize(("version", "fix"), [("1.0", "1.5"), ("2.1", "2.5"), ("2.5", ""), ("3.1", "3.2")])
def test_the_fix_is_the_lowest_fixed_version_after_the_installed_one(version, fix):
    document = {
        "ranges": [
            {"type": "ECOSYSTEM", "events": [*fixed("1.5"), *fixed("2.5", "2.0")]},
            {"type": "ECOSYSTEM", "events": [*fixed("3.2", "3.0")]},
        ]
    }
    assert judge(document, "PyPI", version).fixed_in == fix
