"""The examples in other languages: the official SDKs create, push and cache, and use the clock and the faults."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import requests

from tests.support.boto import client_at
from tests.support.programs import program

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]

EXAMPLES = Path(__file__).parents[2] / "examples"
BUILT = shutil.ignore_patterns("node_modules", "build", "target")
ACCOUNT = "123456789012"
COMMANDS = {
    "typescript": [["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"], ["npm", "start"]],
    "go": [["go", "run", "."]],
    "java": [["mvn", "--batch-mode", "--quiet", "compile", "exec:java"]],
}


@pytest.mark.parametrize("language", COMMANDS)
def test_an_example_does_what_it_says(language, emulator, tmp_path):
    folder = shutil.copytree(EXAMPLES / language, tmp_path / language, ignore=BUILT)
    environment = emulator.aws_environment() | {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_REGION": "us-east-1"}
    for command, *arguments in COMMANDS[language]:
        run = subprocess.run(
            [program(command), *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr
    printed = dict(re.findall(r"(pushed|rule|images|throttled) (\S+)$", run.stdout, re.MULTILINE))
    assert printed.items() >= {"rule": "quay", "images": "0", "throttled": "1"}.items()

    events = requests.get(f"{emulator.url}/_ecr/events", timeout=60).json()["events"]
    details = [event["detail"] for event in events if event["detail-type"] == "ECR Image Action"]
    assert [detail["action-type"] for detail in details] == ["PUSH", "DELETE"]
    assert printed["pushed"] == details[0]["image-digest"]
    ecr = client_at(emulator.url, account=ACCOUNT)
    assert ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"][0]["upstreamRegistryUrl"] == "quay.io"
    assert ecr.describe_repositories()["repositories"][0]["repositoryName"] == "team/app"
