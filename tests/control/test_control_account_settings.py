"""Account settings through boto3."""

from __future__ import annotations

import pytest

from tests.support.refusals import refusal

DEFAULTS = {"BASIC_SCAN_TYPE_VERSION": "AWS_NATIVE", "REGISTRY_POLICY_SCOPE": "V2", "BLOB_MOUNTING": "DISABLED"}


def setting(client, name):
    answer = client.get_account_setting(name=name)
    return answer["name"], answer["value"]


@pytest.mark.parametrize("name", DEFAULTS)
def test_an_unset_account_setting_has_its_default(ecr, name):
    assert setting(ecr, name) == (name, DEFAULTS[name])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BASIC_SCAN_TYPE_VERSION", "AWS_NATIVE"),
        ("REGISTRY_POLICY_SCOPE", "V1"),
        ("REGISTRY_POLICY_SCOPE", "V2"),
        ("BLOB_MOUNTING", "ENABLED"),
        ("BLOB_MOUNTING", "DISABLED"),
    ],
)
def test_a_setting_keeps_its_value(ecr, name, value):
    answer = ecr.put_account_setting(name=name, value=value)
    assert (answer["name"], answer["value"]) == (name, value) == setting(ecr, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [("BASIC_SCAN_TYPE_VERSION", "CLAIR"), ("REGISTRY_POLICY_SCOPE", "V3"), ("BLOB_MOUNTING", "enabled")],
)
def test_a_value_that_a_setting_cannot_have_is_refused(ecr, name, value):
    assert refusal(ecr.put_account_setting, name=name, value=value) == (
        "InvalidParameterException",
        "Invalid parameter at 'value' failed to satisfy constraint: 'Invalid account setting value'",
    )
    assert setting(ecr, name) == (name, DEFAULTS[name])


def test_an_unknown_name_is_refused(ecr):
    expected = (
        "InvalidParameterException",
        "Invalid parameter at 'name' failed to satisfy constraint: 'Invalid account setting name'",
    )
    assert refusal(ecr.get_account_setting, name="NO_SUCH") == expected
    assert refusal(ecr.put_account_setting, name="NO_SUCH", value="V1") == expected


def test_a_name_has_1_to_64_characters(ecr):
    assert "length less than or equal to 64" in refusal(ecr.get_account_setting, name="A" * 65)[1]


def test_settings_belong_to_an_account_in_a_region(ecr, ecr_of):
    ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    assert setting(ecr_of(region="eu-west-1"), "BLOB_MOUNTING")[1] == "DISABLED"
    assert setting(ecr_of("111122223333"), "BLOB_MOUNTING")[1] == "DISABLED"
