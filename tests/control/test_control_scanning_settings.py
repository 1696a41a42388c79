"""Image scanning through boto3: the configuration of registries and repositories."""

from __future__ import annotations

import re
from itertools import product

import pytest

from ecr_emulator.control.constraints import LINEAR
from tests.support.images import an_image, an_index, put_image, put_manifest
from tests.support.refusals import refusal

ACCOUNT = "000000000000"
APP = "team/app"
EMPTY = {"scanType": "BASIC", "rules": []}


@pytest.fixture
def changes(services):
    """Return a function that lists the changes of frequency so far, one list for each event."""

    def list_changes():
        with services.store.reading() as work:
            found = [event.envelope() for event in work.events.after(0, 1_000)]
        return [event for event in found if event["detail-type"] == "ECR Scan Resource Change"]

    return list_changes


def applied(pattern):
    return {"filter": pattern, "filterType": "WILDCARD"}


def rule(frequency, *filters):
    return {"scanFrequency": frequency, "repositoryFilters": [applied(each) for each in filters]}


def put(client, scan_type, *rules):
    return client.put_registry_scanning_configuration(scanType=scan_type, rules=list(rules))


def put_refusal(client, scan_type, *rules):
    return refusal(client.put_registry_scanning_configuration, scanType=scan_type, rules=list(rules))


def of_registry(client):
    answer = client.get_registry_scanning_configuration()
    assert answer["registryId"] == ACCOUNT
    return answer["scanningConfiguration"]


def of_repositories(client, *names):
    answer = client.batch_get_repository_scanning_configuration(repositoryNames=list(names))
    assert answer["failures"] == []
    return {
        each["repositoryName"]: (each["scanFrequency"], [one["filter"] for one in each["appliedScanFilters"]])
        for each in answer["scanningConfigurations"]
    }


def changed(name, before, after):
    return {
        "repository-name": name,
        "repository-arn": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{name}",
        "scan-frequency": after,
        "previous-scan-frequency": before,
    }


# --- Registries ----------------------------------------------------------------------------------------------


def test_a_registry_has_basic_scanning_without_rules_at_first(ecr):
    assert of_registry(ecr) == EMPTY


@pytest.mark.parametrize(
    ("scan_type", "rules"),
    [
        ("BASIC", [rule("SCAN_ON_PUSH", "*", "prod/a.b_c-d")]),
        ("BASIC", [rule("SCAN_ON_PUSH")]),
        ("ENHANCED", [rule("SCAN_ON_PUSH", "a"), rule("CONTINUOUS_SCAN", "a" * 255)]),
        ("ENHANCED", [rule("SCAN_ON_PUSH", *["a"] * 100), rule("MANUAL", "**")]),
    ],
)
def test_a_scanning_configuration_is_returned_as_it_was_put(ecr, scan_type, rules):
    configuration = {"scanType": scan_type, "rules": rules}
    answer = put(ecr, scan_type, *rules)
    assert (answer["registryScanningConfiguration"], "registryId" in answer) == (configuration, False)
    assert of_registry(ecr) == configuration


def test_an_absent_scan_type_keeps_the_current_one_and_absent_rules_remove_them(ecr):
    put(ecr, "ENHANCED", rule("CONTINUOUS_SCAN", "*"))
    answer = ecr.put_registry_scanning_configuration()
    assert answer["registryScanningConfiguration"] == of_registry(ecr) == {"scanType": "ENHANCED", "rules": []}


def test_a_scan_type_has_its_frequencies_each_at_most_once(ecr):
    frame = "Invalid parameter failed to satisfy constraint: "
    assert put_refusal(ecr, "BASIC", rule("CONTINUOUS_SCAN", "*")) == (
        "InvalidParameterException",
        frame + "'Invalid scan frequency for scanType BASIC: CONTINUOUS_SCAN'",
    )
    assert put_refusal(ecr, "BASIC", rule("SCAN_ON_PUSH", "a"), rule("SCAN_ON_PUSH", "b")) == (
        "InvalidParameterException",
        frame + "'Invalid input. Contains duplicate scan frequencies: [SCAN_ON_PUSH]'",
    )
    assert of_registry(ecr) == EMPTY


@pytest.mark.parametrize(
    "rules",
    [
        [rule("SCAN_ON_PUSH", "a"), rule("CONTINUOUS_SCAN", "a"), rule("MANUAL", "a")],
        [rule("SOMETIMES", "a")],
        [rule("SCAN_ON_PUSH", *["a"] * 101)],
        [rule("SCAN_ON_PUSH", "")],
        [rule("SCAN_ON_PUSH", "a" * 256)],
        [rule("SCAN_ON_PUSH", "Team")],
        [rule("SCAN_ON_PUSH", "a--b")],
        [rule("SCAN_ON_PUSH", "a" * 254 + "!")],
        [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "a", "filterType": "REGEX"}]}],
        [{"scanFrequency": "SCAN_ON_PUSH"}],
    ],
)
def test_rules_have_limits_and_patterns(ecr, rules):
    assert put_refusal(ecr, "ENHANCED", *rules)[0] == "InvalidParameterException"


def test_linear_patterns_match_the_same_texts_as_those_of_the_model():
    for models, linear in LINEAR.items():
        texts = ("".join(each) for length in range(6) for each in product("a*-/!", repeat=length))
        assert not [text for text in texts if bool(re.fullmatch(models, text)) != bool(re.fullmatch(linear, text))]


def test_configurations_belong_to_an_account_in_a_region(ecr, ecr_of):
    put(ecr, "ENHANCED")
    for other in (ecr_of("111122223333"), ecr_of(region="eu-west-1")):
        assert other.get_registry_scanning_configuration()["scanningConfiguration"] == EMPTY


def test_enhanced_scanning_creates_the_role_of_inspector(ecr, plane):
    put(ecr, "BASIC")
    assert plane.roles.ensured == []
    put(ecr, "ENHANCED")
    assert plane.roles.ensured == [(ACCOUNT, "inspector2.amazonaws.com")]


# --- Repositories --------------------------------------------------------------------------------------------


def test_a_repository_is_scanned_by_hand_at_first(ecr):
    ecr.create_repository(repositoryName=APP)
    answer = ecr.batch_get_repository_scanning_configuration(repositoryNames=[APP])
    assert answer["scanningConfigurations"] == [
        {
            "repositoryArn": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{APP}",
            "repositoryName": APP,
            "scanOnPush": False,
            "scanFrequency": "MANUAL",
            "appliedScanFilters": [],
        }
    ]


def test_a_repository_may_scan_on_push(ecr):
    ecr.create_repository(repositoryName=APP)
    for configuration, expected in [({"scanOnPush": True}, True), ({}, False)]:
        answer = ecr.put_image_scanning_configuration(repositoryName=APP, imageScanningConfiguration=configuration)
        assert (answer["registryId"], answer["repositoryName"]) == (ACCOUNT, APP)
        assert answer["imageScanningConfiguration"] == {"scanOnPush": expected}
        [described] = ecr.describe_repositories()["repositories"]
        assert described["imageScanningConfiguration"] == {"scanOnPush": expected}
        [repository] = ecr.batch_get_repository_scanning_configuration(repositoryNames=[APP])["scanningConfigurations"]
        assert repository["scanOnPush"] is expected
        assert repository["scanFrequency"] == ("SCAN_ON_PUSH" if expected else "MANUAL")


def test_only_an_existing_repository_can_be_configured(ecr):
    configuration = {"scanOnPush": True}
    assert refusal(
        ecr.put_image_scanning_configuration, repositoryName=APP, imageScanningConfiguration=configuration
    ) == (
        "RepositoryNotFoundException",
        f"The repository with name '{APP}' does not exist in the registry with id '{ACCOUNT}'",
    )


def test_absent_repositories_are_failures(ecr):
    ecr.create_repository(repositoryName=APP)
    answer = ecr.batch_get_repository_scanning_configuration(repositoryNames=["gone", APP, "gone", APP])
    assert [each["repositoryName"] for each in answer["scanningConfigurations"]] == [APP]
    assert answer["failures"] == [
        {"repositoryName": "gone", "failureCode": "REPOSITORY_NOT_FOUND", "failureReason": "REPOSITORY_NOT_FOUND"}
    ]


@pytest.mark.parametrize("number", [0, 26])
def test_up_to_25_repositories_can_be_asked_for(ecr, number):
    names = [f"app-{each}" for each in range(number)]
    refused = refusal(ecr.batch_get_repository_scanning_configuration, repositoryNames=names)
    assert refused[0] == "InvalidParameterException"


def test_rules_apply_to_the_repositories_that_they_match(ecr):
    put(ecr, "ENHANCED", rule("SCAN_ON_PUSH", "prod", "*-test"), rule("CONTINUOUS_SCAN", "prod*"))
    names = ["prod-test", "a-prod", "a-test", "other"]
    for name in names:
        ecr.create_repository(repositoryName=name)
    assert of_repositories(ecr, *names) == {
        "prod-test": ("CONTINUOUS_SCAN", ["prod*"]),
        "a-prod": ("SCAN_ON_PUSH", ["prod"]),
        "a-test": ("SCAN_ON_PUSH", ["*-test"]),
        "other": ("MANUAL", []),
    }
    put(ecr, "BASIC", rule("SCAN_ON_PUSH", "other"))
    assert of_repositories(ecr, "other", "a-test") == {"other": ("SCAN_ON_PUSH", ["other"]), "a-test": ("MANUAL", [])}


# --- Enhanced scanning ---------------------------------------------------------------------------------------


def test_a_configuration_that_changes_frequencies_is_an_event(ecr, changes):
    for name in ("prod-a", "prod-b", "test"):
        ecr.create_repository(repositoryName=name)
    put(ecr, "BASIC", rule("SCAN_ON_PUSH", "prod-a"))
    assert changes() == []
    put(ecr, "ENHANCED", rule("SCAN_ON_PUSH", "prod*"))
    put(ecr, "ENHANCED", rule("SCAN_ON_PUSH", "prod"))
    put(ecr, "ENHANCED", rule("CONTINUOUS_SCAN", "*a"))
    first, second = changes()
    assert first["resources"] == []
    assert first["detail"] == {
        "action-type": "SCAN_FREQUENCY_CHANGE",
        "repositories": [changed("prod-b", "MANUAL", "SCAN_ON_PUSH")],
        "resource-type": "REPOSITORY",
        "scan-type": "ENHANCED",
    }
    assert second["detail"]["repositories"] == [
        changed("prod-a", "SCAN_ON_PUSH", "CONTINUOUS_SCAN"),
        changed("prod-b", "SCAN_ON_PUSH", "MANUAL"),
    ]


def test_a_new_repository_under_a_rule_is_an_event(ecr, changes):
    template = {"prefix": "prod-made", "appliedFor": ["CREATE_ON_PUSH"]}
    put(ecr, "BASIC", rule("SCAN_ON_PUSH", "prod"))
    ecr.create_repository(repositoryName="prod-basic")
    put(ecr, "ENHANCED", rule("SCAN_ON_PUSH", "prod*"))
    assert changes() == []
    ecr.create_repository(repositoryName="prod-app")
    ecr.create_repository(repositoryName="test")
    ecr.create_repository_creation_template(**template)
    put_manifest(ecr, "prod-made/app", an_index().raw)
    assert [event["detail"]["repositories"] for event in changes()] == [
        [changed("prod-app", "MANUAL", "SCAN_ON_PUSH")],
        [changed("prod-made/app", "MANUAL", "SCAN_ON_PUSH")],
    ]


@pytest.mark.parametrize("frequency", ["CONTINUOUS_SCAN", "SCAN_ON_PUSH"])
def test_with_enhanced_scanning_scans_are_active_and_find_nothing(ecr, frequency):
    put(ecr, "ENHANCED", rule(frequency, "team"))
    ecr.create_repository(repositoryName=APP)
    image_id = {"imageDigest": put_image(ecr, APP, an_image(), "v1")}
    index = put_manifest(ecr, APP, an_index().raw)
    answer = ecr.describe_image_scan_findings(repositoryName=APP, imageId=image_id)
    assert answer["imageScanFindings"] == {"findings": []}
    assert answer["imageScanStatus"] == {"status": "ACTIVE", "description": "Continuous scan is selected for image."}
    for detail in ecr.describe_images(repositoryName=APP)["imageDetails"]:
        assert detail.keys().isdisjoint({"imageScanStatus", "imageScanFindingsSummary"})
    refused = refusal(ecr.describe_image_scan_findings, repositoryName=APP, imageId={"imageDigest": index})
    assert refused[0] == "ScanNotFoundException"


def test_with_enhanced_scanning_an_archived_image_shows_no_findings(ecr):
    put(ecr, "ENHANCED", rule("CONTINUOUS_SCAN", "team"))
    ecr.create_repository(repositoryName=APP)
    request = {"repositoryName": APP, "imageId": {"imageDigest": put_image(ecr, APP, an_image(), "v1")}}
    ecr.update_image_storage_class(**request, targetStorageClass="ARCHIVE")
    answer = ecr.describe_image_scan_findings(**request)
    assert answer["imageScanStatus"] == {"status": "IMAGE_ARCHIVED"}
    assert "imageScanFindings" not in answer


def test_with_enhanced_scanning_manual_scans_are_refused(ecr):
    put(ecr, "ENHANCED")
    ecr.create_repository(repositoryName=APP, imageScanningConfiguration={"scanOnPush": True})
    put_image(ecr, APP, an_image(), "v1")
    request = {"repositoryName": APP, "imageId": {"imageTag": "v1"}}
    assert refusal(ecr.start_image_scan, **request) == ("ValidationException", "This feature is disabled")
    assert refusal(ecr.describe_image_scan_findings, **request)[0] == "ScanNotFoundException"


def test_basic_scans_return_with_basic_scanning(ecr):
    ecr.create_repository(repositoryName=APP, imageScanningConfiguration={"scanOnPush": True})
    put_image(ecr, APP, an_image(), "v1")
    request = {"repositoryName": APP, "imageId": {"imageTag": "v1"}}
    put(ecr, "ENHANCED")
    assert refusal(ecr.describe_image_scan_findings, **request)[0] == "ScanNotFoundException"
    put(ecr, "BASIC")
    assert ecr.describe_image_scan_findings(**request)["imageScanStatus"]["status"] == "FAILED"
    assert "imageScanStatus" not in ecr.describe_images(repositoryName=APP)["imageDetails"][0]
