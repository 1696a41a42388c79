"""The OpenAPI document describes the endpoints below ``/_ecr``: all of them, and no others."""

import re
import subprocess
import sys

import pytest
from openapi_spec_validator import validate
from werkzeug.test import Client

from ecr_emulator.emulator import Emulator
from ecr_emulator.version import __version__
from tests.support.admin_api import PREFIX, AdminClient, check_answer, operations
from tests.support.boto import client_of
from tests.support.images import an_image, put_image
from tests.support.processes import serving
from tests.support.programs import program

FUZZED = [
    "--max-examples=15",
    "--seed=1",
    "--generation-deterministic",
    "--no-color",
    "--phases=examples,coverage,fuzzing",
]
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.fixture
def emulator():
    with Emulator() as running:
        yield running


@pytest.fixture
def document(emulator):
    return Client(emulator.wsgi).get("/_ecr/openapi.json").json


def test_it_is_a_valid_document_of_this_version(document):
    validate(document)
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["version"] == __version__


def test_it_describes_every_route_and_no_other(emulator):
    routes = {
        (method, re.sub(r"<(\w+)>", r"{\1}", rule.rule))
        for rule in emulator._admin.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith(PREFIX) and rule.rule != PREFIX
    }
    assert set(operations()) == routes


def test_every_operation_has_a_name_of_its_own_and_a_summary(document):
    found = [
        item[method.lower()] for path, item in document["paths"].items() for method, at in operations() if at == path
    ]
    names = [operation["operationId"] for operation in found]
    assert len(names) == len(set(names)) == len(list(operations()))
    assert all(operation["summary"].endswith(".") for operation in found)


def test_every_schema_is_used(document):
    text = str(document)
    for kind, parts in document["components"].items():
        if kind != "securitySchemes":
            assert [name for name in parts if f"#/components/{kind}/{name}'" not in text] == []


def test_a_client_of_tests_notices_an_answer_that_is_not_described(emulator):
    with pytest.raises(AssertionError, match=r"/_ecr/ is not in openapi\.yaml"):
        AdminClient(emulator.wsgi).get("/_ecr/")


def test_each_line_of_a_verification_is_described(emulator):
    ecr = client_of(emulator)
    ecr.create_repository(repositoryName="app")
    put_image(ecr, "app", an_image(), "v1")
    answer = AdminClient(emulator.wsgi).post("/_ecr/verify", json={})
    check_answer(answer)
    assert answer.text.count("\n") > 1


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_answers_to_generated_requests_are_described(tmp_path):
    """schemathesis sends valid and invalid requests to each operation."""
    schemathesis = program("schemathesis")
    with serving(tmp_path, "--port", "0") as emulator:
        url = f"{emulator.url}/_ecr/openapi.json"
        run = subprocess.run(
            [schemathesis, "run", url, f"--checks={CHECKS}", *FUZZED],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        sys.stdout.write(run.stdout)
        assert run.returncode == 0
        assert emulator.stop() == 0
