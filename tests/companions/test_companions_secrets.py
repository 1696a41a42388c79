"""The secrets of Secrets Manager, as the pull through cache reads them."""

import pytest

from ecr_emulator.domain.names import Registry
from ecr_emulator.errors import SecretNotFoundException, UnableToDecryptSecretValueException
from ecr_emulator.ports.upstream_failures import UpstreamAccessDenied
from tests.support.boto import client_of

ACCOUNT = "123456789012"
HERE = Registry(ACCOUNT, "us-east-1")
CREDENTIAL = '{"username": "u", "accessToken": "t"}'


@pytest.fixture
def source(emulator):
    return emulator.services.secrets


@pytest.fixture
def secrets(emulator):
    return client_of(emulator, "secretsmanager", account=ACCOUNT)


def create(secrets, name="ecr-pullthroughcache/hub", value=CREDENTIAL, **more):
    return secrets.create_secret(Name=name, SecretString=value, **more)["ARN"]


def test_a_secret_is_read_by_its_arn_with_or_without_the_suffix(source, secrets):
    arn = create(secrets)
    for each in (arn, arn[:-7]):
        source.check_exists(each, HERE)
        assert source.credential(each, HERE) == ("u", "t")


def test_a_whole_arn_is_not_taken_for_one_without_its_suffix(source, secrets):
    arn = create(secrets)
    create(secrets, name=f"ecr-pullthroughcache/hub{arn[-7:]}", value='{"username": "x", "accessToken": "y"}')
    assert source.credential(arn, HERE) == ("u", "t")


@pytest.mark.parametrize("suffix", ["-aaaaaa", "x", "-"])
def test_another_suffix_is_another_secret(source, secrets, suffix):
    arn = create(secrets)
    with pytest.raises(SecretNotFoundException):
        source.check_exists(arn[:-7] + suffix, HERE)


@pytest.mark.parametrize("elsewhere", [Registry("210987654321", "us-east-1"), Registry(ACCOUNT, "eu-west-1")])
def test_a_secret_of_another_account_or_region_is_not_found(source, secrets, elsewhere):
    arn = create(secrets)
    with pytest.raises(SecretNotFoundException):
        source.check_exists(arn, elsewhere)
    with pytest.raises(UpstreamAccessDenied, match="could not be found"):
        source.credential(arn, elsewhere)


def test_a_region_that_moto_does_not_know_has_no_secrets(source):
    arn = f"arn:aws:secretsmanager:mars-north-1:{ACCOUNT}:secret:ecr-pullthroughcache/hub-abcdef"
    with pytest.raises(SecretNotFoundException):
        source.check_exists(arn, Registry(ACCOUNT, "mars-north-1"))


@pytest.mark.consideration("S14c")
def test_a_deleted_secret_is_not_found_until_it_is_restored(source, secrets):
    arn = create(secrets)
    secrets.delete_secret(SecretId=arn)
    with pytest.raises(SecretNotFoundException):
        source.check_exists(arn, HERE)
    with pytest.raises(UpstreamAccessDenied, match="could not be found"):
        source.credential(arn, HERE)
    secrets.restore_secret(SecretId=arn)
    assert source.credential(arn, HERE) == ("u", "t")


@pytest.mark.parametrize(
    "key", [None, "alias/aws/secretsmanager", f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/aws/secretsmanager"]
)
def test_the_default_key_can_be_used(source, secrets, key):
    arn = create(secrets, **({"KmsKeyId": key} if key else {}))
    source.check_exists(arn, HERE)


def test_a_customer_managed_key_cannot_be_used(source, secrets):
    arn = create(secrets, KmsKeyId=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234")
    with pytest.raises(UnableToDecryptSecretValueException):
        source.check_exists(arn, HERE)
    with pytest.raises(UpstreamAccessDenied, match="customer managed key"):
        source.credential(arn, HERE)


@pytest.mark.consideration("S14d")
def test_no_rule_is_made_or_given_a_secret_that_cannot_be_decrypted(emulator, secrets):
    ecr = client_of(emulator, account=ACCOUNT)
    rule = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io"}
    sealed = create(secrets, KmsKeyId=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234")
    with pytest.raises(ecr.exceptions.UnableToDecryptSecretValueException):
        ecr.create_pull_through_cache_rule(**rule, credentialArn=sealed)
    readable = create(secrets, name="ecr-pullthroughcache/other")
    ecr.create_pull_through_cache_rule(**rule, credentialArn=readable)
    with pytest.raises(ecr.exceptions.UnableToDecryptSecretValueException):
        ecr.update_pull_through_cache_rule(ecrRepositoryPrefix="hub", credentialArn=sealed)
    (kept,) = ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
    assert kept["credentialArn"] == readable


@pytest.mark.parametrize(
    "value",
    ["not json", "[]", "{}", "1", '{"username": "u"}', '{"username": 1, "accessToken": "t"}', "[" * 60_000],
    ids=["text", "list", "empty", "number", "half", "no-text", "deep"],
)
def test_the_error_for_a_malformed_secret_states_the_required_keys(source, secrets, value):
    with pytest.raises(UpstreamAccessDenied, match="keys username and accessToken"):
        source.credential(create(secrets, value=value), HERE)


def test_a_secret_without_text_is_malformed(source, secrets):
    binary = secrets.create_secret(Name="ecr-pullthroughcache/binary", SecretBinary=CREDENTIAL.encode())["ARN"]
    nothing = secrets.create_secret(Name="ecr-pullthroughcache/nothing")["ARN"]
    for arn in (binary, nothing):
        source.check_exists(arn, HERE)
        with pytest.raises(UpstreamAccessDenied, match="keys username and accessToken"):
            source.credential(arn, HERE)


def test_the_version_with_the_current_label_is_used(source, secrets):
    arn = create(secrets)
    new = secrets.put_secret_value(SecretId=arn, SecretString='{"username": "u", "accessToken": "new"}')["VersionId"]
    assert source.credential(arn, HERE).access_token == "new"
    old = next(version for version in secrets.describe_secret(SecretId=arn)["VersionIdsToStages"] if version != new)
    secrets.update_secret_version_stage(
        SecretId=arn, VersionStage="AWSCURRENT", RemoveFromVersionId=new, MoveToVersionId=old
    )
    assert source.credential(arn, HERE).access_token == "t"


def test_a_replica_is_a_secret_of_its_region(source, secrets):
    arn = create(secrets, AddReplicaRegions=[{"Region": "eu-west-1"}]).replace("us-east-1", "eu-west-1")
    source.check_exists(arn, Registry(ACCOUNT, "eu-west-1"))
    assert source.credential(arn, Registry(ACCOUNT, "eu-west-1")) == ("u", "t")
