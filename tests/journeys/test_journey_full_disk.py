"""A real disk that is full to the last byte: pushes are refused, and deletions and a restart work."""

import pytest

from tests.support.linux_namespaces import run_in_namespaces
from tests.support.programs import program

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

SMALL_DISK = """
mkdir /mnt/small && mount -t tmpfs -o size=48m tmpfs /mnt/small
serve() {
    background ecr-emulator serve --data-dir /mnt/small/state --disk-reserve 0
    emulator=$!
    until_it_succeeds ecr-emulator health
}
export AWS_ENDPOINT_URL=http://localhost:4566 AWS_DEFAULT_REGION=us-east-1
export AWS_ACCESS_KEY_ID=123456789012 AWS_SECRET_ACCESS_KEY=any
serve
aws ecr create-repository --repository-name team/app
aws ecr get-login-password | crane auth login localhost:4566 --username AWS --password-stdin
push() {
    head -c 6000000 /dev/urandom >layer && tar -cf layer.tar layer
    crane append --oci-empty-base --new_layer layer.tar --new_tag "localhost:4566/team/app:$1"
}
push 1
push 2
number=3
while push $number 2>refused; do number=$((number + 1)); test $number -lt 20; done
grep "the disk is full" refused
test "$(stat --file-system --format %a /mnt/small)" -ge 1000
head -c 48000000 /dev/zero >/mnt/small/others || true
test "$(stat --file-system --format %a /mnt/small)" -eq 0
"""
"""Fills the disk: pushes leave at least 4 MB free, and another program fills the rest."""
DELETIONS = {
    "the API": "aws ecr batch-delete-image --repository-name team/app --image-ids imageTag=1",
    "the registry": "crane delete localhost:4566/team/app:1",
    "the repository": "aws ecr delete-repository --repository-name team/app --force",
    "a reset": (
        "python3 -c 'import urllib.request as r; r.urlopen(r.Request("
        '"http://localhost:4566/_ecr/reset", b"{}", {"Content-Type": "application/json"}))\''
    ),
}
AFTERWARDS = """
ecr-emulator gc --grace 0s
rm /mnt/small/others
aws ecr describe-repositories --repository-names team/app || aws ecr create-repository --repository-name team/app
push after
crane pull localhost:4566/team/app:after pulled.tar
"""


@pytest.mark.parametrize("deletion", DELETIONS.values(), ids=DELETIONS.keys())
def test_deletions_make_room_on_a_disk_that_others_have_filled(tmp_path, deletion):
    for each in ("aws", "crane"):
        program(each)
    run_in_namespaces(tmp_path, SMALL_DISK + deletion + AFTERWARDS, {})


def test_an_emulator_starts_on_a_full_disk_and_makes_room(tmp_path):
    for each in ("aws", "crane"):
        program(each)
    restart = "kill $emulator; wait $emulator || true; serve\n"
    run_in_namespaces(tmp_path, SMALL_DISK + restart + DELETIONS["the API"] + AFTERWARDS, {})
