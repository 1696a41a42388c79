"""Run scripts in Linux namespaces: with a network, processes, ``/etc`` and state that no other process sees.

The programs are the host's. A script may use well-known ports and paths; nothing that it starts or writes outlives it.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.processes import environment
from tests.support.programs import program

TIMEOUT = 240
HOME = "/mnt/home"
ADDRESS = "172.18.0.1"
"""An address of the machine that is not loopback."""

BOOT = f"""
set -euo pipefail
ip link set lo up
ip address add {ADDRESS}/32 dev lo
mount -t tmpfs tmpfs /mnt
cp -a /etc /mnt/etc && mount --bind /mnt/etc /etc
for place in /run /var/lib /var/log; do mount -t tmpfs tmpfs "$place"; done
cp -a "$1" {HOME} && cp -a "$2/." /etc
mkdir /mnt/tmp
cd {HOME}
export HOME={HOME} TMPDIR=/mnt/tmp
ecr-emulator() {{ {shlex.join([sys.executable, "-m", "ecr_emulator"])} "$@"; }}
background() {{ "$@" >>/mnt/log 2>&1 & }}
until_it_succeeds() {{
    for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
    cat /mnt/log
    "$@"
}}
set -x
"""


def run_in_namespaces(folder: Path, script: str, files: Mapping[str, str]) -> str:
    """Run a bash script and return its output; the test fails if one of its commands does.

    The script starts in a home directory with a copy of ``folder/home``. ``files`` are added to it by their relative
    paths, those with absolute paths to ``/etc``. ``background`` starts a server, ``until_it_succeeds`` waits for it.
    """
    if os.geteuid() != 0:
        pytest.skip("namespaces need root")
    home, etc = folder / "home", folder / "etc"
    for place in (home, etc):
        place.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        file = etc / Path(path).relative_to("/etc") if path.startswith("/") else home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    spaces = ["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [program("unshare"), *spaces, "bash", "-c", BOOT + script, "machine", str(home), str(etc)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
