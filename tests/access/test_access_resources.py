"""Policies of repositories and registries, within an account and across accounts; pushes and replication."""

from __future__ import annotations

import json
from itertools import count
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.support.docker import refusal
from tests.support.iam_principals import ACCOUNT, IamAccount, allow, deny, policy, repository_policy, to
from tests.support.images import an_image, put_image

OTHER = "999988887777"
PULLING = ("BatchGetImage", "GetDownloadUrlForLayer")
PUSHING = ("InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage", "BatchCheckLayerAvailability")
NUMBERS = count()


@pytest.fixture
def region():
    """Return a new Region, and so a new registry, for each test."""
    return f"eu-resource-{next(NUMBERS)}"


@pytest.fixture
def root(iam, region):
    return iam.root(region)


@pytest.fixture
def app(root):
    root.ecr.create_repository(repositoryName="team/app")
    put_image(root.ecr, "team/app", an_image("app"), "v1")
    return "team/app"


@pytest.fixture(scope="module")
def others(emulator):
    """Return the IAM of another account."""
    return IamAccount(emulator, OTHER)


def host(region, account=ACCOUNT):
    return f"http://{account}.dkr.ecr.{region}.localhost:4566"


def pulled(somebody, region, name="team/app", method="GET"):
    """Pull from the first account's registry by both planes, and return the status that they agree on."""
    answer = somebody.send(method, f"/v2/{name}/manifests/v1", base_url=host(region))
    try:
        somebody.ecr.batch_get_image(registryId=ACCOUNT, repositoryName=name, imageIds=[{"imageTag": "v1"}])
    except ClientError as error:
        assert answer.json["errors"][0]["message"] == error.response["Error"]["Message"]  # noqa: PT017 - both fail alike
    else:
        assert answer.status_code == 200
    return answer.status_code


def everything(region, account=ACCOUNT):
    return f"arn:aws:ecr:{region}:{account}:repository/*"


# --- Grants ----------------------------------------------------------------------------------------------


def test_a_repository_policy_may_grant_more_than_identity_policies(iam, root, region, app):
    ann = iam.user(region=region)
    assert pulled(ann, region) == 403
    root.ecr.set_repository_policy(repositoryName=app, policyText=repository_policy(to(ann.arn, allow(*PULLING))))
    assert pulled(ann, region) == 200


def test_a_repository_policy_for_a_role_applies_to_its_sessions(iam, root, region, app):
    role = iam.role()
    session = iam.session(role, region=region)
    root.ecr.set_repository_policy(repositoryName=app, policyText=repository_policy(to(role, allow(*PULLING))))
    assert pulled(session, region) == 200


def test_a_policy_that_names_the_account_still_requires_an_identity_policy(iam, root, region, app):
    root.ecr.set_repository_policy(repositoryName=app, policyText=repository_policy(to(ACCOUNT, allow(*PULLING))))
    assert pulled(iam.user(region=region), region) == 403
    assert pulled(iam.user(allow("BatchGetImage"), region=region), region) == 200


@pytest.mark.parametrize(("scope", "status"), [("V1", 403), ("V2", 200)])
def test_a_registry_policy_grants_pulls_in_its_second_scope_only(iam, root, region, app, scope, status):
    ann = iam.user(region=region)
    root.ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value=scope)
    root.ecr.put_registry_policy(policyText=policy(to(ann.arn, allow(*PULLING, on=everything(region)))))
    assert pulled(ann, region) == status


@pytest.mark.parametrize(("scope", "status"), [("V1", 200), ("V2", 403)])
def test_a_registry_policy_denies_pulls_in_its_second_scope_only(iam, root, region, app, scope, status):
    ann = iam.user(allow("*"), region=region)
    root.ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value=scope)
    root.ecr.put_registry_policy(policyText=policy(to("*", deny(*PULLING, on=everything(region)))))
    assert pulled(ann, region) == status


def test_a_registry_policy_may_grant_the_creation_of_repositories(iam, root, region):
    ann = iam.user(region=region)
    grant = allow("CreateRepository", on=f"arn:aws:ecr:{region}:{ACCOUNT}:repository/ann/*")
    root.ecr.put_registry_policy(policyText=policy(to(ann.arn, grant)))
    assert ann.ecr.create_repository(repositoryName="ann/app")
    with pytest.raises(ClientError, match="AccessDenied"):
        ann.ecr.create_repository(repositoryName="bob/app")


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("create_pull_through_cache_rule", {"ecrRepositoryPrefix": "quay", "upstreamRegistryUrl": "quay.io"}),
        ("describe_repository_creation_templates", {}),
        ("get_authorization_token", {}),
    ],
)
def test_some_operations_can_be_denied_but_not_granted_by_a_registry_policy(iam, root, region, operation, request_):
    ann, bob = iam.user(region=region), iam.user(allow("*"), region=region)
    iam.client.delete_user_policy(UserName=ann.arn.rpartition("/")[2], PolicyName="own")
    root.ecr.put_registry_policy(policyText=policy(to("*", allow("*"))))
    with pytest.raises(ClientError, match="no identity-based policy allows"):
        getattr(ann.ecr, operation)(**request_)
    root.ecr.put_registry_policy(policyText=policy(to("*", allow("*")), to(bob.arn, deny("*"))))
    with pytest.raises(ClientError, match="explicit deny in a resource-based policy"):
        getattr(bob.ecr, operation)(**request_)


# --- Across accounts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_registry", [False, True], ids=["repository policy", "registry policy"])
@pytest.mark.parametrize("granted", [False, True])
@pytest.mark.parametrize("allowed", [False, True])
def test_a_pull_from_another_account_needs_both_sides(root, others, app, allowed, granted, by_registry):
    region = root.region
    somebody = others.user(*([allow(*PULLING)] if allowed else []), region=region)
    if granted and by_registry:
        root.ecr.put_registry_policy(policyText=policy(to(OTHER, allow(*PULLING, on=everything(region)))))
    elif granted:
        root.ecr.set_repository_policy(repositoryName=app, policyText=repository_policy(to(OTHER, allow(*PULLING))))
    assert pulled(somebody, region) == (200 if allowed and granted else 403)


def test_another_account_needs_permission_for_repositories_that_the_cache_created(root, others, region, upstream):
    """A creation template gives the permissions, since the repository does not exist before the first pull."""
    upstream.add_image("team/shared", an_image("shared"), "v1")
    root.ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    somebody = others.user(allow("*"), region=region)
    assert root.send("GET", "/v2/quay/team/shared/manifests/v1").status_code == 200
    assert pulled(somebody, region, "quay/team/shared") == 403
    root.ecr.delete_repository(repositoryName="quay/team/shared", force=True)
    root.ecr.create_repository_creation_template(
        prefix="quay",
        appliedFor=["PULL_THROUGH_CACHE"],
        repositoryPolicy=repository_policy(to(OTHER, allow("BatchGetImage", "BatchImportUpstreamImage"))),
    )
    assert root.send("GET", "/v2/quay/team/shared/manifests/v1").status_code == 200
    assert pulled(somebody, region, "quay/team/shared") == 200


# --- Pushes ----------------------------------------------------------------------------------------------


def push(somebody, name, image, region):
    """Push with docker; return the first answer that is not a success, or the answer to the manifest."""
    for blob in image.blobs:
        begun = somebody.send("POST", f"/v2/{name}/blobs/uploads/")
        if begun.status_code != 202:
            return begun
        done = somebody.send("PUT", f"{urlsplit(begun.headers['Location']).path}?digest={blob.digest}", data=blob.raw)
        if done.status_code != 201:
            return done
    return somebody.send("PUT", f"/v2/{name}/manifests/v1", data=image.raw, headers={"Content-Type": image.media_type})


@pytest.mark.parametrize("missing", [None, "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage"])
def test_a_push_needs_four_actions(iam, root, region, app, missing):
    ann = iam.user(allow(*(action for action in PUSHING if action != missing)), region=region)
    answer = push(ann, app, an_image(region), region)
    if missing is None:
        assert answer.status_code == 201
    else:
        status, code, message = refusal(answer)
        assert (status, code, f"not authorized to perform: ecr:{missing} on" in message) == (403, "DENIED", True)


def test_a_blob_in_one_request_needs_three(iam, root, region, app):
    blob = an_image("one request").layers[0]
    for actions, status in ((["InitiateLayerUpload"], 403), (PUSHING, 201)):
        ann = iam.user(allow(*actions), region=region)
        answer = ann.send("POST", f"/v2/{app}/blobs/uploads/?digest={blob.digest}", data=blob.raw)
        assert answer.status_code == status


def test_the_other_requests_of_the_registry_need_their_actions(iam, root, region, app):
    digest = an_image("app").digest
    for method, path, action, status in (
        ("GET", f"/v2/{app}/tags/list", "ListImages", 200),
        ("GET", "/v2/_catalog", "DescribeRepositories", 200),
        ("GET", f"/v2/{app}/referrers/{digest}", "BatchGetImage", 200),
        ("DELETE", f"/v2/{app}/manifests/{digest}", "BatchDeleteImage", 202),
    ):
        assert iam.user(region=region).send(method, path).status_code == 403, path
        assert iam.user(allow(action), region=region).send(method, path).status_code == status, path
    assert iam.user(region=region).send("GET", "/v2/").status_code == 200


@pytest.mark.parametrize("may_create", [False, True])
def test_a_push_that_creates_its_repository_needs_that_too(iam, root, region, may_create):
    root.ecr.create_repository_creation_template(prefix="new", appliedFor=["CREATE_ON_PUSH"])
    ann = iam.user(allow(*PUSHING, *(["CreateRepository"] if may_create else [])), region=region)
    answer = push(ann, "new/app", an_image("new"), region)
    if may_create:
        assert answer.status_code == 201
    else:
        sentence = f"The repository with name 'new/app' does not exist in the registry with id '{ACCOUNT}'"
        assert refusal(answer) == (404, "NAME_UNKNOWN", sentence)
        with pytest.raises(ClientError, match="RepositoryNotFoundException"):
            ann.ecr.initiate_layer_upload(repositoryName="new/app")
        assert root.ecr.describe_repositories()["repositories"] == []


@pytest.mark.parametrize("names_source", [True, False])
@pytest.mark.parametrize("may_read", [True, False])
def test_a_mount_needs_the_layers_of_its_source(iam, root, region, app, may_read, names_source):
    root.ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    root.ecr.create_repository(repositoryName="team/copy")
    source = f"arn:aws:ecr:{region}:{ACCOUNT}:repository/{app}"
    reading = [allow("GetDownloadUrlForLayer", on=source)] if may_read else []
    ann = iam.user(allow(*PUSHING), *reading, region=region)
    digest = an_image("app").layers[0].digest
    wanted = f"mount={digest}&from={app}" if names_source else f"mount={digest}"
    answer = ann.send("POST", f"/v2/team/copy/blobs/uploads/?{wanted}")
    assert answer.status_code == (201 if may_read else 202)


# --- Replication -----------------------------------------------------------------------------------------


def replication(root, name="team/app"):
    image = [{"imageTag": "v1"}][0]
    answer = root.ecr.describe_image_replication_status(repositoryName=name, imageId=image)
    return [(status["status"], status.get("failureCode")) for status in answer["replicationStatuses"]]


@pytest.mark.parametrize(
    ("granted", "exists", "outcome"),
    [
        ([], False, ("FAILED", "AccessDenied")),
        (["ReplicateImage"], False, ("FAILED", "AccessDenied")),
        (["ReplicateImage"], True, ("COMPLETE", None)),
        (["ReplicateImage", "CreateRepository"], False, ("COMPLETE", None)),
    ],
)
@pytest.mark.parametrize("scope", ["V1", "V2"])
def test_replication_to_another_account_needs_its_registry_policy(root, others, granted, exists, outcome, scope):
    region = root.region
    destination = others.root(region)
    destination.ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value=scope)
    if granted:
        statement = to(f"arn:aws:iam::{ACCOUNT}:root", allow(*granted, on=everything(region, OTHER)))
        destination.ecr.put_registry_policy(policyText=policy(statement))
    if exists:
        destination.ecr.create_repository(repositoryName="team/app")
    rules = [{"destinations": [{"region": region, "registryId": OTHER}]}]
    root.ecr.put_replication_configuration(replicationConfiguration={"rules": rules})
    root.ecr.create_repository(repositoryName="team/app")
    put_image(root.ecr, "team/app", an_image(region), "v1")
    assert replication(root) == [outcome]
    there = [each["repositoryName"] for each in destination.ecr.describe_repositories()["repositories"]]
    assert there == (["team/app"] if exists or outcome[0] == "COMPLETE" else [])


def test_a_backfill_into_another_account_needs_its_policy_too(root, others, app):
    destination = {"region": root.region, "registryId": OTHER}
    rules = [{"destinations": [destination]}]
    root.ecr.put_replication_configuration(replicationConfiguration={"rules": rules})
    backfill = root.ecr.start_replication_backfill(destination=destination)["replicationBackfillId"]
    answer = root.ecr.describe_replication_backfill_results(replicationBackfillId=backfill)
    assert [(each["status"], each["failureCode"]) for each in answer["results"]] == [("FAILED", "AccessDenied")]


def test_replication_within_an_account_needs_no_permission(root, region):
    rules = [{"destinations": [{"region": "eu-west-1", "registryId": ACCOUNT}]}]
    root.ecr.put_replication_configuration(replicationConfiguration={"rules": rules})
    root.ecr.create_repository(repositoryName="team/app")
    put_image(root.ecr, "team/app", an_image(region), "v1")
    assert replication(root) == [("COMPLETE", None)]


# --- Unchanged behaviour ---------------------------------------------------------------------------------


def test_policies_that_lock_the_caller_out_are_still_refused(root, app):
    text = repository_policy(to("*", deny("SetRepositoryPolicy")))
    with pytest.raises(ClientError, match="use force"):
        root.ecr.set_repository_policy(repositoryName=app, policyText=text)
    root.ecr.set_repository_policy(repositoryName=app, policyText=text, force=True)
    with pytest.raises(ClientError, match="AccessDenied"):
        root.ecr.set_repository_policy(repositoryName=app, policyText=repository_policy(to("*", allow("*"))))
    root.ecr.delete_repository_policy(repositoryName=app)


def test_listing_referrers_asks_no_upstream_for_a_caller_that_may_not_import(iam, root, region, upstream):
    upstream.add_image("team/signed", an_image("signed"), "v1")
    root.ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    assert root.send("GET", "/v2/quay/team/signed/manifests/v1").status_code == 200
    root.emulator.settle(timeout=20)
    asked = [each for each in upstream.requests if "/referrers/" in each.path]
    path = f"/v2/quay/team/signed/referrers/{an_image('signed').digest}"
    answer = iam.user(allow("BatchGetImage"), region=region).send("GET", path)
    assert (answer.status_code, json.loads(answer.data)["manifests"]) == (200, [])
    assert [each for each in upstream.requests if "/referrers/" in each.path] == asked
    assert (
        iam.user(allow("BatchGetImage", "BatchImportUpstreamImage"), region=region).send("GET", path).status_code == 200
    )
    assert len([each for each in upstream.requests if "/referrers/" in each.path]) > len(asked)
