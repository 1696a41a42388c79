"""Keys of KMS in seeds, and the repositories and templates that name them."""

import pytest

from ecr_emulator.seeds.errors import SeedError

KEYS = """
[[kms_keys]]
alias = "alias/images"
description = "for images"

[[templates]]
prefix = "quay"
applied_for = ["PULL_THROUGH_CACHE"]
encryption = "KMS"
kms_key = "alias/images"

[[repositories]]
name = "team/web"
encryption = "KMS"
kms_key = "alias/images"
"""


def test_a_repository_and_a_template_have_the_key_of_a_seed(emulator, seed):
    seeded = emulator.seed(seed(KEYS))
    assert (seeded.created, seeded.changed, seeded.unchanged) == (3, 0, 0)
    kms, ecr = emulator.client("kms"), emulator.client("ecr")
    key = kms.describe_key(KeyId="alias/images")["KeyMetadata"]
    assert key["Description"] == "for images"
    encryption = {"encryptionType": "KMS", "kmsKey": key["Arn"]}
    assert ecr.describe_repositories()["repositories"][0]["encryptionConfiguration"] == encryption
    template = ecr.describe_repository_creation_templates()["repositoryCreationTemplates"][0]
    assert template["encryptionConfiguration"] == encryption


def test_a_second_time_changes_nothing(emulator, seed):
    emulator.seed(seed(KEYS))
    again = emulator.seed(seed(KEYS))
    assert (again.created, again.changed, again.unchanged) == (0, 0, 3)
    assert len(emulator.client("kms").list_keys()["Keys"]) == 1


def test_a_key_that_does_not_exist_is_named_with_its_line(emulator, seed):
    with pytest.raises(SeedError, match=r"line 1: repositories\[0\]: .*alias/none is not found"):
        emulator.seed(seed('[[repositories]]\nname = "team/web"\nencryption = "KMS"\nkms_key = "alias/none"\n'))


def test_an_alias_must_look_like_one(emulator, seed):
    with pytest.raises(SeedError, match="alias"):
        emulator.seed(seed('[[kms_keys]]\nalias = "images"\n'))
