"""A data directory on exFAT, which has no hard links: snapshots and their files work."""

import os
import subprocess

import pytest

from tests.support.linux_namespaces import run_in_namespaces
from tests.support.programs import program

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

DISK = """
export PATH="$PATH:/usr/sbin:/sbin"
truncate -s 256M /mnt/disk && mkfs.exfat /mnt/disk
device="$(losetup --find --show /mnt/disk)"
mkdir /mnt/exfat && mount.exfat-fuse "$device" /mnt/exfat
losetup --detach "$device"
touch /mnt/exfat/file
if ln /mnt/exfat/file /mnt/exfat/link; then echo "exFAT has hard links"; exit 1; fi
export AWS_ENDPOINT_URL=http://localhost:4566 AWS_DEFAULT_REGION=us-east-1
export AWS_ACCESS_KEY_ID=123456789012 AWS_SECRET_ACCESS_KEY=any
background ecr-emulator serve --data-dir /mnt/exfat/state
until_it_succeeds ecr-emulator health
aws ecr create-repository --repository-name team/app
aws ecr get-login-password | crane auth login localhost:4566 --username AWS --password-stdin
head -c 3000000 /dev/urandom >layer && tar -cf layer.tar layer
crane append --oci-empty-base --new_layer layer.tar --new_tag localhost:4566/team/app:1
post() { curl --silent --show-error --fail --json "$2" "http://localhost:4566/_ecr/$1"; }
post snapshots '{}'
ecr-emulator snapshot save /mnt/exfat/state.tar
for back in "post snapshots/1/restore {}" "ecr-emulator snapshot load /mnt/exfat/state.tar"; do
    aws ecr delete-repository --repository-name team/app --force
    ecr-emulator gc --grace 0s
    $back
    crane pull localhost:4566/team/app:1 pulled.tar
done
umount -l /mnt/exfat
"""


def test_snapshots_on_exfat(tmp_path):
    for each in ("aws", "crane", "curl", "mkfs.exfat", "mount.exfat-fuse"):
        program(each)
    has_loop = subprocess.run(["losetup", "--find"], check=False).returncode == 0
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse") or not has_loop:
        pytest.skip("mounting a disk image needs root, /dev/fuse and a loop device")
    run_in_namespaces(tmp_path, DISK, {})
