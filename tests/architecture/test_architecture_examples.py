"""The examples for containers, clusters, CI and systemd: they are valid, and agree with each other and the image."""

import re
from pathlib import Path

import pytest
import yaml

from ecr_emulator.admin.openapi import openapi_document
from ecr_emulator.seeds.documents import read_seed
from ecr_emulator.setting_sources import load
from ecr_emulator.settings import SETTINGS

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
USER = int(re.search(r"^USER (\d+):\1$", DOCKERFILE, re.MULTILINE)[1])
KINDS = ("ConfigMap", "PersistentVolumeClaim", "Deployment", "Service")


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def manifests():
    documents = list(yaml.safe_load_all(text("examples/kubernetes/ecr-emulator.yaml")))
    assert tuple(document["kind"] for document in documents) == KINDS
    return dict(zip(KINDS, documents, strict=True))


@pytest.fixture(scope="module")
def pod(manifests):
    return manifests["Deployment"]["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load(text("compose.yaml"))["services"]


def test_the_settings_of_all_examples_are_valid(pod, compose):
    (container,) = pod["containers"]
    unit = re.findall(r"^Environment=(\w+)=(.+)$", text("examples/systemd/ecr-emulator.service"), re.MULTILINE)
    of_pod = {each["name"]: each["value"] for each in container["env"]}
    for environment in (of_pod, compose["ecr-emulator"]["environment"], dict(unit)):
        assert any(not load({}, environment).is_default(name) for name in SETTINGS)


def test_the_seeds_are_valid_and_the_scripts_can_run(manifests, tmp_path):
    seeds = [*(EXAMPLES / "container" / "seeds").iterdir()]
    for name, seed in manifests["ConfigMap"]["data"].items():
        (tmp_path / name).write_text(seed)
        seeds.append(tmp_path / name)
    assert all(read_seed(seed).content["repositories"] for seed in seeds)
    scripts = [*(EXAMPLES / "container" / "ready.d").iterdir()]
    assert [script.stat().st_mode & 0o111 for script in scripts] == [0o111]


def test_the_example_of_compose_waits_for_the_health_check_of_the_image(compose):
    test = re.search(r"^HEALTHCHECK .* CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)[1]
    assert compose["ecr-emulator"]["healthcheck"]["test"] == ["CMD", *yaml.safe_load(test)]
    assert compose["example"]["depends_on"] == {"ecr-emulator": {"condition": "service_healthy"}}


def test_the_pod_runs_as_the_user_of_the_image_and_keeps_variables_of_services_out(pod):
    assert pod["enableServiceLinks"] is False
    assert {pod["securityContext"][key] for key in ("runAsUser", "runAsGroup", "fsGroup")} == {USER}


def test_the_pod_is_probed_at_endpoints_that_exist(pod, manifests):
    (container,) = pod["containers"]
    probes = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    assert probes == {"startup": "/_ecr/health", "liveness": "/_ecr/health", "readiness": "/_ecr/ready"}
    assert set(probes.values()) <= openapi_document()["paths"].keys()
    assert f"EXPOSE {container['ports'][0]['containerPort']}" in DOCKERFILE
    (port,) = manifests["Service"]["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (4566, container["ports"][0]["name"])


def test_nodes_find_the_service_at_its_port(manifests):
    port = manifests["Service"]["spec"]["ports"][0]["nodePort"]
    kind = yaml.safe_load(text("examples/kubernetes/kind.yaml"))["nodes"][0]
    assert kind["extraPortMappings"][0]["containerPort"] == port
    (mirror,) = yaml.safe_load(text("examples/kubernetes/registries.yaml"))["mirrors"].values()
    assert mirror["endpoint"] == [f"http://localhost:{port}"]
    (hosts,) = (EXAMPLES / "kubernetes" / "certs.d").glob("*/hosts.toml")
    assert f'[host."http://localhost:{port}"]' in hosts.read_text(encoding="utf-8")


@pytest.mark.parametrize("stop", ["TimeoutStopSec=", "terminationGracePeriodSeconds: "])
def test_everything_waits_longer_for_the_end_than_transfers_get(stop):
    examples = text("examples/systemd/ecr-emulator.service") + text("examples/kubernetes/ecr-emulator.yaml")
    assert int(re.search(rf"{stop}(\d+)", examples)[1]) > SETTINGS["shutdown_timeout"].default
