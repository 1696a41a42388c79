"""Scanning, replication and signing of registries in seeds; referrers and archived images."""

import pytest

SEED = """
[scanning]
type = "BASIC"
rules = [{ frequency = "SCAN_ON_PUSH", filters = ["team/*"] }]

[[replication.rules]]
destinations = [{ region = "us-east-1" }, { region = "eu-west-1", account = "210987654321" }]
prefixes = ["team/"]

[signing]
rules = [{ profile = "arn:aws:signer:eu-west-1:123456789012:/signing-profiles/one", filters = ["team/*"] }]

[[repositories]]
name = "team/app"

[[repositories.images]]
tags = ["1.0"]
referrers = ["application/spdx+json", "application/vnd.dev.cosign.artifact.sig.v1+json"]

[[repositories.images]]
tags = ["old"]
archived = true
"""


def counts(seeded):
    return seeded.created, seeded.changed, seeded.unchanged


def test_settings_are_as_the_seed_says_and_stay_so(emulator, seed):
    assert counts(emulator.seed(seed(SEED))) == (4, 2, 0)
    assert counts(emulator.seed(seed(SEED))) == (0, 0, 6)
    ecr = emulator.client()
    assert ecr.get_registry_scanning_configuration()["scanningConfiguration"] == {
        "scanType": "BASIC",
        "rules": [
            {
                "scanFrequency": "SCAN_ON_PUSH",
                "repositoryFilters": [{"filter": "team/*", "filterType": "WILDCARD"}],
            }
        ],
    }
    (rule,) = ecr.describe_registry()["replicationConfiguration"]["rules"]
    assert rule["destinations"] == [
        {"region": "us-east-1", "registryId": "123456789012"},
        {"region": "eu-west-1", "registryId": "210987654321"},
    ]
    (rule,) = ecr.get_signing_configuration()["signingConfiguration"]["rules"]
    assert rule["repositoryFilters"] == [{"filter": "team/*", "filterType": "WILDCARD_MATCH"}]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"SCAN_ON_PUSH"', '"MANUAL"'),
        ('prefixes = ["team/"]', 'prefixes = ["team/", "web/"]'),
        ("signing-profiles/one", "signing-profiles/two"),
        ('referrers = ["application/spdx+json", ', 'referrers = ["application/sarif+json", '),
        ("archived = true", "archived = false"),
    ],
)
def test_what_differs_is_changed(emulator, seed, before, after):
    assert before in SEED
    emulator.seed(seed(SEED))
    assert counts(emulator.seed(seed(SEED.replace(before, after)))) == (0, 1, 5)


def test_images_have_referrers_and_can_be_archived(emulator, seed):
    emulator.seed(seed(SEED))
    ecr = emulator.client()
    images = {
        each: ecr.describe_images(repositoryName="team/app", imageIds=[{"imageTag": each}]) for each in ("1.0", "old")
    }
    digests = {tag: answer["imageDetails"][0]["imageDigest"] for tag, answer in images.items()}
    referrers = ecr.list_image_referrers(repositoryName="team/app", subjectId={"imageDigest": digests["1.0"]})
    assert {each["artifactType"] for each in referrers["referrers"]} == {
        "application/spdx+json",
        "application/vnd.dev.cosign.artifact.sig.v1+json",
    }
    assert images["old"]["imageDetails"][0]["imageStatus"] == "ARCHIVED"
    assert images["1.0"]["imageDetails"][0]["imageStatus"] == "ACTIVE"
