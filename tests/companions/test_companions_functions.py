"""Lambda functions whose code is an image: Lambda looks it up in this emulator."""

import json

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.support.boto import client_of
from tests.support.docker import ACCOUNT, Docker
from tests.support.images import an_image, an_index

OTHER = "210987654321"
HOST = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
IMAGE, NEWER = an_image("one"), an_image("two")
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.fixture
def emulator(shared_emulator):
    return shared_emulator


@pytest.fixture
def docker(emulator):
    docker = Docker(emulator, ACCOUNT)
    docker.ecr.create_repository(repositoryName="team/app")
    assert docker.push(IMAGE, "v1").status_code == 201
    return docker


@pytest.fixture
def functions(emulator, docker):
    return client_of(emulator, "lambda", account=ACCOUNT)


@pytest.fixture
def role(emulator):
    iam = client_of(emulator, "iam", account=ACCOUNT)
    trust = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    return iam.create_role(RoleName="run", AssumeRolePolicyDocument=trust)["Role"]["Arn"]


@pytest.fixture
def create(functions, role):
    def create(uri, name="app", **more):
        return functions.create_function(
            FunctionName=name, Role=role, PackageType="Image", Code={"ImageUri": uri}, **more
        )

    return create


def hex_of(image):
    return image.digest.partition(":")[2]


def refused(operation, *arguments, **members):
    with pytest.raises(ClientError) as error:
        operation(*arguments, **members)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    "uri",
    [
        f"{HOST}/team/app:v1",
        f"{HOST}/team/app@{IMAGE.digest}",
        f"{ACCOUNT}.dkr.ecr.us-east-1.localhost:4566/team/app:v1",
        "localhost:4566/team/app:v1",
        f"127.0.0.1:4566/{ACCOUNT}/us-east-1/team/app:v1",
    ],
)
def test_the_digest_of_an_image_is_resolved(functions, create, uri):
    assert create(uri)["CodeSha256"] == hex_of(IMAGE)
    code = functions.get_function(FunctionName="app")["Code"]
    repository = uri.partition("@")[0].removesuffix(":v1")
    assert code == {"RepositoryType": "ECR", "ImageUri": uri, "ResolvedImageUri": f"{repository}@{IMAGE.digest}"}


def test_a_version_keeps_the_image_that_its_tag_had(docker, functions, create):
    uri = f"{HOST}/team/app:v1"
    create(uri, Publish=True)
    assert docker.push(NEWER, "v1").status_code == 201
    assert functions.get_function(FunctionName="app")["Configuration"]["CodeSha256"] == hex_of(IMAGE)
    assert functions.update_function_code(FunctionName="app", ImageUri=uri)["CodeSha256"] == hex_of(NEWER)
    versions = functions.list_versions_by_function(FunctionName="app")["Versions"]
    assert {each["Version"]: each["CodeSha256"] for each in versions} == {
        "$LATEST": hex_of(NEWER),
        "1": hex_of(IMAGE),
    }


@pytest.mark.parametrize(
    ("uri", "state"),
    [
        (f"{HOST}/team/app:none", "does not exist"),
        (f"{HOST}/team/app@sha256:{'0' * 64}", "does not exist"),
        (f"{HOST}/team/none:v1", "does not exist"),
        (f"{OTHER}.dkr.ecr.us-east-1.amazonaws.com/team/app:v1", "does not exist"),
        (f"{HOST}/team/app", "is not valid"),
        (f"{HOST}/Team:v1", "is not valid"),
        (f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/team/app:v1", "is not valid"),
        ("public.ecr.aws/lambda/python:3.12", "is not valid"),
        ("team", "is not valid"),
    ],
)
def test_an_image_that_cannot_be_used_is_refused(functions, create, uri, state):
    sentence = f"Source image {uri} {state}. Provide a valid source image."
    assert refused(create, uri) == ("InvalidParameterValueException", sentence)
    assert functions.list_functions()["Functions"] == []


def test_an_update_to_an_image_that_does_not_exist_changes_nothing(functions, create):
    create(f"{HOST}/team/app:v1")
    code, _ = refused(functions.update_function_code, FunctionName="app", ImageUri=f"{HOST}/team/app:none")
    assert code == "InvalidParameterValueException"
    assert functions.get_function(FunctionName="app")["Code"]["ImageUri"] == f"{HOST}/team/app:v1"


def test_an_index_is_refused(docker, create):
    index = an_index(IMAGE)
    assert docker.put(index, "all").status_code == 201
    _, sentence = refused(create, f"{HOST}/team/app:all")
    assert "media type" in sentence
    assert "is not supported" in sentence


def test_a_function_with_an_image_cannot_be_invoked(functions, create):
    create(f"{HOST}/team/app:v1")
    for kind in ("RequestResponse", "Event"):
        code, sentence = refused(functions.invoke, FunctionName="app", InvocationType=kind)
        assert code == "NotImplemented"
        assert "does not run images" in sentence


def test_mock_aws_without_containers_lets_every_invocation_succeed(functions, create, role):
    """This setting of moto is common to the process (decision 22)."""
    with mock_aws(config={"lambda": {"use_docker": False}}):
        create(f"{HOST}/team/app:v1")
        functions.create_function(
            FunctionName="zip", Role=role, Runtime="python3.12", Handler="a.b", Code={"ZipFile": b"bytes"}
        )
        for name in ("app", "zip"):
            assert functions.invoke(FunctionName=name, Payload=b'"as sent"')["Payload"].read() == b'"as sent"'
        code, _ = refused(create, f"{HOST}/team/none:v1", "other")
        assert code == "InvalidParameterValueException"
    assert functions.list_functions()["Functions"] == [], "moto keeps the functions of each setting apart"


def test_functions_from_archives_need_no_image(functions, role):
    functions.create_function(
        FunctionName="zip", Role=role, Runtime="python3.12", Handler="a.b", Code={"ZipFile": b"bytes"}
    )
    assert functions.list_functions()["Functions"][0]["PackageType"] == "Zip"


def test_functions_with_images_are_in_snapshots(emulator, functions, create):
    create(f"{HOST}/team/app:v1")
    snapshot = emulator.snapshots.take()
    functions.delete_function(FunctionName="app")
    emulator.snapshots.restore(snapshot)
    code = functions.get_function(FunctionName="app")["Code"]
    assert code["ResolvedImageUri"] == f"{HOST}/team/app@{IMAGE.digest}"
