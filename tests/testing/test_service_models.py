"""The loader of service models gives what botocore's own loader gives, with less work."""

import json

import boto3
import pytest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader, create_loader

from ecr_emulator.service_models import service_loader
from ecr_emulator.testing.aws_clients import EmulatorSession


@pytest.fixture
def loader():
    return service_loader(create_loader().search_paths)


def session():
    return EmulatorSession("123456789012", "us-east-1", lambda: "http://localhost:4566")


@pytest.mark.parametrize(
    ("service", "kind"), [("ecr", "service-2"), ("ecr", "endpoint-rule-set-1"), ("ce", "paginators-1")]
)
def test_models_are_those_of_botocore(loader, service, kind):
    assert loader.load_service_model(service, kind) == Loader().load_service_model(service, kind)


def test_the_additions_of_the_sdk_are_in_a_model(loader):
    without = Loader(include_default_extras=False).load_service_model("ce", "paginators-1")
    assert loader.load_service_model("ce", "paginators-1") != without


def test_an_unknown_service_is_refused_with_the_names_of_all():
    with pytest.raises(UnknownServiceError) as refused:
        session().client("ercs")
    with pytest.raises(UnknownServiceError) as by_boto3:
        boto3.client("ercs", "us-east-1")
    assert str(refused.value) == str(by_boto3.value)


def test_sessions_list_the_services_and_resources_of_boto3():
    assert session().get_available_services() == boto3.Session().get_available_services()
    assert session().get_available_resources() == boto3.Session().get_available_resources()


def test_models_of_users_come_first(monkeypatch, tmp_path):
    model = dict(Loader().load_service_model("ecr", "service-2"))
    model["operations"] = model["operations"] | {"BrewImage": model["operations"]["DescribeRegistry"]}
    folder = tmp_path / "ecr" / "2015-09-21"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps(model), encoding="utf-8")
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert hasattr(session().client("ecr"), "brew_image")


def test_sessions_share_the_models(loader):
    other = service_loader(create_loader().search_paths)
    assert loader.load_service_model("ecr", "service-2") is other.load_service_model("ecr", "service-2")
