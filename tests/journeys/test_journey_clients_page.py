"""The files and commands of docs/clients.md, unchanged, in namespaces of their own."""

import json
import re

import pytest

from tests.support.clients_page import sections
from tests.support.linux_namespaces import ADDRESS, run_in_namespaces
from tests.support.programs import program

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

SECTIONS = sections()
REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
EMULATOR = """
background ecr-emulator serve
until_it_succeeds ecr-emulator health
"""
ENGINE = """
background dockerd --storage-driver=vfs --iptables=false --bridge=none
until_it_succeeds docker version
docker load --input my-app.tar
"""
STORAGE = """
export STORAGE_DRIVER=vfs
podman load --input my-app.tar
podman tag docker.io/library/my-app localhost/my-app
"""
CONTAINERD = """
export CONTAINERD_SNAPSHOTTER=native
background containerd
until_it_succeeds ctr version
"""
BUILDER = """
background buildkitd --oci-worker-snapshotter=native --containerd-worker=false
until_it_succeeds buildctl debug workers
"""


@pytest.fixture
def machine(home_with_archive):
    """Run a script in namespaces with the files of a section."""

    def run(heading, script, *programs):
        for each in ("aws", "ip", *programs):
            program(each)
        return run_in_namespaces(home_with_archive, script, {file.path: file.text for file in SECTIONS[heading].files})

    return run


def typed(heading):
    """Return the commands of the page's beginning and of a section."""
    return SECTIONS[""].commands + SECTIONS[heading].commands


def test_docker(machine):
    machine("Docker", EMULATOR + ENGINE + typed("Docker"), "docker", "dockerd")


def test_docker_with_an_emulator_on_another_machine(machine):
    serve = f"""
        echo {ADDRESS} ecr.test >>/etc/hosts
        background ecr-emulator serve --host 0.0.0.0 --public-host ecr.test:4566
        until_it_succeeds ecr-emulator health
    """
    use = """
        uri=$(aws ecr describe-repositories --query 'repositories[].repositoryUri' --output text)
        aws ecr get-login-password | docker login --username AWS --password-stdin ecr.test:4566
        docker tag my-app "$uri:v1"
        docker push "$uri:v1"
    """
    printed = machine("Docker", serve + ENGINE + SECTIONS[""].commands + use, "docker", "dockerd")
    assert "The push refers to repository [ecr.test:4566/team/app]" in printed


def test_podman_buildah_and_skopeo(machine):
    heading = "podman, buildah, skopeo"
    printed = machine(heading, EMULATOR + STORAGE + typed(heading), "podman", "buildah", "skopeo")
    assert json.loads(printed[printed.rindex("{") :])["Tags"] == ["v1", "v2", "v3"]


def test_containerd(machine):
    script = (
        EMULATOR + CONTAINERD + typed("containerd") + "ctr images ls\naws ecr list-images --repository-name team/app"
    )
    printed = machine("containerd", script, "containerd", "ctr")
    (pushed,) = set(re.findall(r'"imageDigest": "(\S+)"', printed))
    assert re.search(rf"^{REGISTRY}/team/app:v1 +\S+ +{pushed} ", printed, re.MULTILINE)


def test_buildkit(machine):
    machine("BuildKit", EMULATOR + BUILDER + typed("BuildKit"), "buildkitd", "buildctl", "crane")


def test_crane_regctl_oras_and_helm(machine):
    heading = "crane, regctl, oras, helm"
    machine(heading, EMULATOR + typed(heading), "crane", "regctl", "oras", "helm")


def test_containerd_as_a_node_of_kind(machine):
    """Set up a node as the page says; it reaches the host at an address that is not loopback."""
    script = """
        background {serve}
        until_it_succeeds ecr-emulator health
        {create}
        aws ecr get-login-password | crane auth login localhost:4566 --username AWS --password-stdin
        crane push my-app.tar localhost:4566/team/app:v1
        ctr images pull --hosts-dir certs.d {registry}/team/app:v1
    """.format(serve=SECTIONS["kind"].commands, create=SECTIONS[""].commands, registry=REGISTRY)
    machine("kind", CONTAINERD + script, "containerd", "ctr", "crane")


def test_kind_reads_its_configuration(machine):
    """kind gets as far as the download of its image, which is not available."""
    script = "if kind create cluster --config cluster.yaml; then exit 1; fi\n"
    assert "failed to pull image" in machine("kind", ENGINE + script, "kind", "docker", "dockerd")


def test_nginx_in_front(machine):
    heading = "Behind a proxy"
    script = (
        EMULATOR + "mkdir /var/lib/nginx /var/log/nginx\nnginx\n" + typed(heading) + "aws ecr describe-repositories\n"
    )
    assert '"repositoryUri": "localhost:8080/team/app"' in machine(heading, script, "nginx", "crane")
