"""Seeds that are applied: what users find in the emulator afterwards."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ecr_emulator import EcrEmulator
from ecr_emulator.seeds.errors import SeedError

WHOLE = """
account = "123456789012"
region = "eu-west-1"

[policy]
Version = "2012-10-17"
[[policy.Statement]]
Sid = "replicas"
Effect = "Allow"
Principal = { AWS = "arn:aws:iam::210987654321:root" }
Action = ["ecr:CreateRepository", "ecr:ReplicateImage"]
Resource = "arn:aws:ecr:eu-west-1:123456789012:repository/*"

[[secrets]]
name = "ecr-pullthroughcache/docker-hub"
username = "ci"
access_token = "dckr_pat_1"

[[templates]]
prefix = "docker-hub"
applied_for = ["PULL_THROUGH_CACHE"]
tag_mutability = "IMMUTABLE"
tags = { team = "platform" }
[[templates.lifecycle_policy.rules]]
rulePriority = 1
selection = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 10 }
action = { type = "expire" }

[[rules]]
prefix = "docker-hub"
upstream = "registry-1.docker.io"
secret = "ecr-pullthroughcache/docker-hub"

[[repositories]]
name = "team/web"
tag_mutability = "IMMUTABLE"
scan_on_push = true
encryption = "KMS"
tags = { team = "web" }
policy = '''
{"Version": "2012-10-17", "Statement": [{"Sid": "pull", "Effect": "Allow", "Principal": "*",
  "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}]}
'''

[[repositories.images]]
tags = ["1.0", "latest"]
platforms = ["linux/amd64", "linux/arm64"]
layers = 3
size = "1MB"
pushed_at = "90d"
pulled_at = "2d"

[[repositories.images]]
seed = "without a tag"

[[registries]]
account = "210987654321"

[[registries.repositories]]
name = "team/worker"
tag_mutability = "MUTABLE_WITH_EXCLUSION"
tag_exclusions = ["release-*"]
"""
KEEP_60_DAYS = """
[[repositories]]
name = "team/web"
images = [{ tags = ["old"], pushed_at = "90d" }, { tags = ["new"], pushed_at = "30d" }]

[[repositories.lifecycle_policy.rules]]
rulePriority = 1
selection = { tagStatus = "any", countType = "sinceImagePushed", countUnit = "days", countNumber = 60 }
action = { type = "expire" }
"""


def repository(ecr, name):
    return ecr.describe_repositories(repositoryNames=[name])["repositories"][0]


def tags(ecr, name):
    ids = ecr.list_images(repositoryName=name)["imageIds"]
    return {each["imageTag"]: each["imageDigest"] for each in ids if "imageTag" in each}


def test_everything_that_a_seed_describes_is_there(emulator, seed):
    seeded = emulator.seed(seed(WHOLE))
    assert (seeded.created, seeded.changed, seeded.unchanged) == (8, 0, 0)
    ecr = emulator.client("ecr")
    assert "replicas" in ecr.get_registry_policy()["policyText"]
    rule = ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"][0]
    secret = emulator.client("secretsmanager").get_secret_value(SecretId=rule["credentialArn"])["SecretString"]
    assert json.loads(secret) == {"username": "ci", "accessToken": "dckr_pat_1"}
    template = ecr.describe_repository_creation_templates()["repositoryCreationTemplates"][0]
    assert (template["imageTagMutability"], template["appliedFor"]) == ("IMMUTABLE", ["PULL_THROUGH_CACHE"])
    web = repository(ecr, "team/web")
    assert (web["imageTagMutability"], web["imageScanningConfiguration"]["scanOnPush"]) == ("IMMUTABLE", True)
    assert web["encryptionConfiguration"]["encryptionType"] == "KMS"
    assert ecr.list_tags_for_resource(resourceArn=web["repositoryArn"])["tags"] == [{"Key": "team", "Value": "web"}]
    assert "BatchGetImage" in ecr.get_repository_policy(repositoryName="team/web")["policyText"]
    other = emulator.client("ecr", account="210987654321")
    assert repository(other, "team/worker")["imageTagMutability"] == "MUTABLE_WITH_EXCLUSION"


def test_images_have_the_platforms_layers_size_and_dates_of_the_seed(emulator, seed):
    now = emulator.clock.freeze()
    emulator.seed(seed(WHOLE))
    ecr = emulator.client("ecr")
    assert set(tags(ecr, "team/web")) == {"1.0", "latest"}
    details = ecr.describe_images(repositoryName="team/web", imageIds=[{"imageTag": "1.0"}])["imageDetails"][0]
    assert [(now - details[key]).days for key in ("imagePushedAt", "lastRecordedPullTime")] == [90, 2]
    assert abs(details["imageSizeInBytes"] - 1_000_000) < 3_000
    got = ecr.batch_get_image(repositoryName="team/web", imageIds=[{"imageTag": "1.0"}])["images"][0]
    children = json.loads(got["imageManifest"])["manifests"]
    assert [child["platform"]["architecture"] for child in children] == ["amd64", "arm64"]
    child = {"imageDigest": children[0]["digest"]}
    manifest = json.loads(
        ecr.batch_get_image(repositoryName="team/web", imageIds=[child])["images"][0]["imageManifest"]
    )
    assert len(manifest["layers"]) == 3


def test_a_seed_without_account_and_region_is_for_the_emulators_own(emulator, seed):
    emulator.seed(seed('[[repositories]]\nname = "team/web"\n'))
    assert repository(emulator.client("ecr"), "team/web")["registryId"] == "123456789012"


def test_seeding_twice_changes_nothing(seed, tmp_path):
    """Not a row of the database: no event, no date, no task."""

    def rows():
        with closing(sqlite3.connect(tmp_path / "state" / "ecr.sqlite")) as database:
            return list(database.iterdump())

    with EcrEmulator(data_dir=tmp_path / "state") as emulator:
        emulator.clock.freeze()
        emulator.seed(seed(WHOLE))
        before = rows()
        seeded = emulator.seed(seed(WHOLE))
        assert (seeded.created, seeded.changed, seeded.unchanged) == (0, 0, 8)
        assert rows() == before


def test_what_differs_is_changed_and_the_rest_stays(emulator, seed):
    emulator.seed(seed(WHOLE))
    ecr = emulator.client("ecr")
    before = tags(ecr, "team/web")
    seeded = emulator.seed(seed(WHOLE.replace("dckr_pat_1", "dckr_pat_2").replace('"web"', '"shop"')))
    assert (seeded.created, seeded.changed, seeded.unchanged) == (0, 2, 6)
    assert tags(ecr, "team/web") == before
    arn = repository(ecr, "team/web")["repositoryArn"]
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "team", "Value": "shop"}]


def test_a_lifecycle_policy_expires_seeded_images_by_their_age(emulator, seed):
    emulator.seed(seed(KEEP_60_DAYS))
    ecr = emulator.client("ecr")
    assert set(tags(ecr, "team/web")) == {"old", "new"}
    emulator.clock.advance("25h")
    assert set(tags(ecr, "team/web")) == {"new"}


def test_yaml_says_the_same(emulator, seed):
    text = """
repositories:
  - name: team/web
    tags: {team: web}
    images:
      - tags: ["1.0"]
        pushed_at: 2026-01-31T12:00:00Z
"""
    emulator.seed(seed(text, "seed.yaml"))
    details = emulator.client("ecr").describe_images(repositoryName="team/web")["imageDetails"]
    assert [(each["imageTags"], each["imagePushedAt"].date().isoformat()) for each in details] == [
        (["1.0"], "2026-01-31")
    ]


@pytest.mark.parametrize("kind", ["toml", "yaml"])
def test_the_examples_of_the_page_can_be_applied(emulator, seed, kind):
    page = (Path(__file__).parents[2] / "docs" / "seeds.md").read_text(encoding="utf-8")
    example = page.partition(f"```{kind}\n")[2].partition("```")[0].replace("50MB", "50kB")
    assert emulator.seed(seed(example, f"seed.{kind}")).created >= 3


def test_all_seeds_of_a_folder_are_applied(emulator, seed, tmp_path):
    seed('[[repositories]]\nname = "team/web"\n', "1.toml")
    seed("repositories: [{name: team/worker}]", "2.yml")
    seed("no seed", "README.md")
    assert emulator.seed(tmp_path).created == 2


def test_a_folder_without_seeds_is_a_mistake(emulator, tmp_path):
    with pytest.raises(SeedError, match="has no seeds"):
        emulator.seed(tmp_path)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("lifecycle_policy = '{}'", "line 3: repositories[1]: InvalidParameterException"),
        ('images = [{ tags = ["Über"] }]', "line 5: repositories[1].images[0]: TAG_INVALID: Invalid parameter"),
        ('images = [{ oci_layout = "nowhere" }]', "nowhere"),
        ('images = [{ oci_layout = "x", layers = 2 }]', "an image with oci_layout has no layers"),
        ('images = [{ platforms = ["linux/amd64"], pushed_at = "2999-01-01" }]', "pushed_at must be an instant"),
    ],
)
def test_what_the_emulator_refuses_is_told_with_its_place_and_can_be_mended(emulator, seed, entry, reason):
    start = '[[repositories]]\nname = "team/kept"\n[[repositories]]\nname = "team/web"\n'
    with pytest.raises(SeedError) as refused:
        emulator.seed(seed(f"{start}{entry}\n"))
    assert reason in str(refused.value)
    assert "seed.toml, line " in str(refused.value)
    emulator.seed(seed(start))
    names = [each["repositoryName"] for each in emulator.client("ecr").describe_repositories()["repositories"]]
    assert sorted(names) == ["team/kept", "team/web"]


def test_what_ecr_cannot_change_is_refused(emulator, seed):
    emulator.seed(seed('[[rules]]\nprefix = "quay"\nupstream = "quay.io"\n[[repositories]]\nname = "team/web"\n'))
    with pytest.raises(SeedError, match=r"line 1: rules\[0\]: the rule quay has another upstream"):
        emulator.seed(seed('[[rules]]\nprefix = "quay"\nupstream = "public.ecr.aws"\n'))
    with pytest.raises(SeedError, match="team/web is encrypted otherwise"):
        emulator.seed(seed('[[repositories]]\nname = "team/web"\nencryption = "KMS"\n'))
