"""Pages of results: pages of any size together contain the whole list, and a token is valid for one query.

The tests run with every operation of the model that has a ``nextToken``, and with botocore's paginators.
"""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest
from botocore import xform_name

from ecr_emulator.control.model import service_model
from ecr_emulator.domain.findings import ToldFindings
from tests.support.boto import client_of
from tests.support.control_plane import ControlPlane
from tests.support.images import an_image, put_image
from tests.support.refusals import refusal

NAME = "team/app"
ACCOUNT = "000000000000"


def members_of(operation):
    return service_model().operation_model(operation).input_shape.members


OPERATIONS = [name for name in service_model().operation_names if "nextToken" in members_of(name)]
POLICY = {
    "rulePriority": 1,
    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
    "action": {"type": "expire"},
}
FINDINGS = [{"name": f"CVE-2026-{number}", "severity": "LOW"} for number in range(5)]
DESTINATIONS = [{"region": region, "registryId": ACCOUNT} for region in ("eu-west-1", "us-west-2", "us-east-2")]


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """Return one control plane for all tests of this module, which do not change it."""
    with ExitStack() as cleanup:
        yield ControlPlane(tmp_path_factory.mktemp("rich"), cleanup)


@pytest.fixture(scope="module")
def ecr(plane):
    return client_of(plane)


@pytest.fixture(scope="module")
def identifiers(ecr, plane):
    """Create five of each resource that can be listed, and return the members that identify some of them."""
    for name in (NAME, "aa", "bb", "cc", "dd"):
        ecr.create_repository(repositoryName=name)
        ecr.create_pull_through_cache_rule(ecrRepositoryPrefix=f"{name}/hub", upstreamRegistryUrl="public.ecr.aws")
        ecr.create_repository_creation_template(prefix=name, appliedFor=["CREATE_ON_PUSH"])
        principal = f"arn:aws:iam::{ACCOUNT}:role/{name.replace('/', '-')}"
        ecr.register_pull_time_update_exclusion(principalArn=principal)
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": DESTINATIONS}]})
    subject = an_image()
    digest = put_image(ecr, NAME, subject, "v0")
    for number in range(5):
        put_image(ecr, NAME, an_image(f"of the first {number}", subject=subject.descriptor), f"v{number + 1}")
        put_image(ecr, NAME, an_image(f"another {number}"))
    ecr.start_lifecycle_policy_preview(repositoryName=NAME, lifecyclePolicyText=json.dumps({"rules": [POLICY]}))
    with plane.services.store.writing() as work:
        work.known_findings.put(digest, ToldFindings(FINDINGS))
    ecr.start_image_scan(repositoryName=NAME, imageId={"imageDigest": digest})
    backfills = [ecr.start_replication_backfill(destination=each) for each in DESTINATIONS]
    return {
        "repositoryName": NAME,
        "imageId": {"imageDigest": digest},
        "subjectId": {"imageDigest": digest},
        "replicationBackfillId": backfills[0]["replicationBackfillId"],
    }


def request_for(operation, members):
    return {name: value for name, value in members.items() if name in members_of(operation)}


def listed(answer):
    """Return the only list in an answer, at any depth."""
    inner = [value for value in answer.values() if isinstance(value, dict) and "HTTPStatusCode" not in value]
    return next((value for value in answer.values() if isinstance(value, list)), None) or next(
        (found for found in map(listed, inner) if found), []
    )


@pytest.mark.parametrize("operation", OPERATIONS)
def test_pages_of_any_size_contain_the_whole_list(ecr, identifiers, operation):
    call = getattr(ecr, xform_name(operation))
    request = request_for(operation, identifiers)
    whole = listed(call(**request))
    assert len(whole) >= 3
    for size in (1, 2, len(whole)):
        pages, more = [], {}
        while not pages or more:
            answer = call(**request, maxResults=size, **more)
            pages.append(listed(answer))
            more = {"nextToken": answer["nextToken"]} if "nextToken" in answer else {}
        assert [item for page in pages for item in page] == whole
        assert {len(page) for page in pages[:-1]} <= {size}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_botocores_paginators_return_the_whole_list(ecr, identifiers, operation):
    request = request_for(operation, identifiers)
    method = xform_name(operation)
    if not ecr.can_paginate(method):
        assert operation in {"ListImageReferrers", "ListPullTimeUpdateExclusions"}
        return
    whole = listed(getattr(ecr, method)(**request))
    pages = ecr.get_paginator(method).paginate(**request, PaginationConfig={"PageSize": 2})
    assert listed(pages.build_full_result()) == whole


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_token_is_valid_for_one_list_only(ecr, identifiers, operation):
    call = getattr(ecr, xform_name(operation))
    other = "ListImages" if operation != "ListImages" else "DescribeImages"
    foreign = getattr(ecr, xform_name(other))(**request_for(other, identifiers), maxResults=1)["nextToken"]
    for token in (foreign, "bm8gdG9rZW4=", "no base64!"):
        code, message = refusal(call, **request_for(operation, identifiers), nextToken=token)
        assert code == "InvalidParameterException"
        assert "'nextToken'" in message
