"""Clients can use the addresses that the API returns, in every style, without changes."""

import pytest

from tests.support.linux_namespaces import run_in_namespaces
from tests.support.programs import program

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

EMULATORS = """
echo 127.0.0.1 localhost 123456789012.dkr.ecr.us-east-1.localhost >/etc/hosts
echo ::1 localhost >>/etc/hosts
background ecr-emulator serve --port 1001 --uri-style localhost
background ecr-emulator serve --port 1002 --uri-style subdomain
background ecr-emulator serve --port 1003 --uri-style path
export AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=123456789012 AWS_SECRET_ACCESS_KEY=any
for port in 1001 1002 1003; do
    until_it_succeeds ecr-emulator health --port "$port"
    aws ecr create-repository --repository-name team/app --endpoint-url "http://localhost:$port"
done
echo hello >hello
"""
"""One emulator for each style except ``aws``, which other journeys test: its clients need a configured address."""
ADDRESSES = {
    "http://localhost:1001": "localhost:1001/team/app",
    "http://[::1]:1001": "[::1]:1001/team/app",
    "http://localhost:1002": "123456789012.dkr.ecr.us-east-1.localhost:1002/team/app",
    "http://localhost:1003": "localhost:1003/123456789012/us-east-1/team/app",
    "http://[::1]:1003": "[::1]:1003/123456789012/us-east-1/team/app",
}
"""Repository URIs in the API by the address that its client uses."""
ASK = """
export AWS_ENDPOINT_URL={endpoint}
uri=$(aws ecr describe-repositories --query 'repositories[].repositoryUri' --output text)
test "$uri" = {uri}
password=$(aws ecr get-login-password)
"""
SERVERS = {
    "docker": """
        background dockerd --storage-driver=vfs --iptables=false --bridge=none
        until_it_succeeds docker version
        docker load --input my-app.tar
    """,
    "ctr": """
        background containerd
        until_it_succeeds ctr version
        ctr images import --snapshotter native my-app.tar
    """,
}
USE = {
    "crane": """
        crane auth login "${uri%%/*}" --username AWS --password "$password"
        crane push my-app.tar "$uri:v1"
        crane pull "$uri:v1" pulled.tar
    """,
    "docker": """
        url=$(aws ecr get-authorization-token --query 'authorizationData[].proxyEndpoint' --output text)
        echo "$password" | docker login --username AWS --password-stdin "$url"
        docker tag my-app "$uri:v1"
        docker push "$uri:v1"
        docker pull "$uri:v1"
    """,
    "ctr": """
        ctr images tag docker.io/library/my-app:latest "$uri:v1"
        ctr images push --user "AWS:$password" "$uri:v1"
        ctr images pull --user "AWS:$password" --snapshotter native "$uri:v1"
    """,
    "oras": """
        echo "$password" | oras login --username AWS --password-stdin "${uri%%/*}"
        oras push "$uri:v1" hello
        oras pull --output pulled "$uri:v1"
        cmp hello pulled/hello
    """,
}
NOT_FOR = {"docker": ["[::1]"], "ctr": ["1002"], "oras": ["[::1]", "1002"]}
"""Addresses to which clients speak plain HTTP only if they are configured to."""


@pytest.mark.parametrize("client", USE)
def test_repository_uris_of_the_api_can_be_pushed_to_and_pulled_from(home_with_archive, client):
    for each in ("aws", "ip", client):
        program(each)
    usable = [each for each in ADDRESSES if not any(part in each for part in NOT_FOR.get(client, []))]
    uses = [ASK.format(endpoint=each, uri=ADDRESSES[each]) + USE[client] for each in usable]
    run_in_namespaces(home_with_archive, EMULATORS + SERVERS.get(client, "") + "".join(uses), {})
