"""The steps of docs/iam.md on a running emulator, with real sockets, real signatures, and the reason in the log."""

import re
from pathlib import Path

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from tests.support.iam_principals import ACCOUNT
from tests.support.processes import serving

PAGE = Path(__file__).parents[2] / "docs" / "iam.md"
PULL_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"


def test_the_commands_of_the_iam_page_give_the_answers_on_it(tmp_path):
    text = PAGE.read_text(encoding="utf-8")
    (story,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    with serving(tmp_path, "--port", "0", "--iam", "enforce", "--verify-signatures") as emulator:
        assert "export AWS_ACCESS_KEY_ID=000000000000 AWS_SECRET_ACCESS_KEY=any" in emulator.output
        client = {
            "endpoint_url": emulator.url,
            "region_name": "us-east-1",
            "aws_access_key_id": ACCOUNT,
            "aws_secret_access_key": "any",
        }
        boto3.client("ecr", **client).create_repository(repositoryName="team/app")
        iam = boto3.client("iam", **client)
        iam.create_user(UserName="ann")
        iam.attach_user_policy(UserName="ann", PolicyArn=PULL_ONLY)

        names = {}
        with pytest.raises(ClientError) as refused:
            exec(story.replace("http://localhost:4566", emulator.url), names)
        told = " ".join(line.removeprefix("# ") for line in story.splitlines() if line.startswith("# "))
        error = refused.value.response["Error"]
        assert f"{error['Code']}: {error['Message']}" == told

        token = names["ann"].get_authorization_token()["authorizationData"][0]["authorizationToken"]
        headers = {"Authorization": f"Basic {token}"}
        begun = requests.post(f"{emulator.url}/v2/team/app/blobs/uploads/", headers=headers, timeout=5)
        assert begun.status_code == 403
        absent = requests.get(f"{emulator.url}/v2/team/app/manifests/v1", headers=headers, timeout=5)
        assert absent.json()["errors"][0]["code"] == "MANIFEST_UNKNOWN"

        key = names["key"]
        thief = {**client, "aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": "guessed"}
        with pytest.raises(ClientError, match="InvalidSignatureException"):
            boto3.client("ecr", **thief).describe_registry()
        assert emulator.stop() == 0
    reason = f"no identity-based policy allows it (looked at '{PULL_ONLY}'), nor does any resource-based policy"
    assert reason in (tmp_path / "log").read_text(encoding="utf-8")
