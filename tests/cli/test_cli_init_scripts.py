"""``serve --init-scripts``, and what the scripts find in their environment."""

import json
import os

from tests.support.boto import client_at
from tests.support.command_line import run_here
from tests.support.processes import run, serving
from tests.support.programs import until

CREATES = """#!/usr/bin/env python3
import json, os, sys, boto3
names = ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_ECR"]
json.dump([os.environ.get(name) for name in names], open("seen", "w"))
boto3.client("ecr").create_repository(repositoryName="from/script")
print("a line of the script")
open("waits", "w").close()
open("gate").read()
"""


def test_scripts_use_the_emulator_that_runs_them(tmp_path):
    (tmp_path / "ready.d").mkdir()
    (tmp_path / "ready.d" / "1.py").write_text(CREATES)
    os.mkfifo(tmp_path / "gate")
    arguments = ["--port", "0", "--init-scripts", "ready.d", "--account", "123456789012"]
    elsewhere = {"AWS_ENDPOINT_URL_ECR": "http://127.0.0.1:9", "AWS_REGION": "eu-west-1"}
    with serving(tmp_path, *arguments, variables=elsewhere) as served:
        until((tmp_path / "waits").exists)
        waiting = run_here(tmp_path, "health", "--ready", AWS_ENDPOINT_URL=served.url)
        assert waiting.returncode == 1
        assert "is not ready: The init scripts have not all run yet" in waiting.stderr
        assert run_here(tmp_path, "health", AWS_ENDPOINT_URL=served.url).returncode == 0
        (tmp_path / "gate").write_text("")
        until(lambda: run_here(tmp_path, "health", "--ready", AWS_ENDPOINT_URL=served.url).returncode == 0)
        assert json.loads((tmp_path / "seen").read_text()) == [served.url, "123456789012", "eu-west-1", None]
        ecr = client_at(served.url, account="123456789012", region="eu-west-1")
        assert ecr.describe_repositories()["repositories"][0]["repositoryName"] == "from/script"
        assert served.process.stdout.readline() == "a line of the script\n"
        assert served.stop() == 0
    assert "init scripts have run successful=1 failed=0" in (tmp_path / "log").read_text()


def test_a_server_without_its_scripts_does_not_start(tmp_path):
    refused = run(tmp_path, "serve", "--port", "0", "--init-scripts", "nowhere")
    assert refused.returncode == 2
    assert refused.stderr == f"Error: There is no init script and no folder of init scripts {tmp_path / 'nowhere'}\n"
