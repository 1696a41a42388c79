"""The page about condition keys lists every key that requests have."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEY = re.compile(r'"(aws:\w+)|\{"(iam:\w+)": \(')


def test_every_key_is_on_the_page():
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "ecr_emulator").rglob("*.py"))
    keys = {aws or iam for aws, iam in KEY.findall(sources)}
    page = (ROOT / "docs" / "condition-keys.md").read_text(encoding="utf-8").lower()
    assert keys >= {"aws:CurrentTime", "iam:PassedToService", "iam:AWSServiceName"}
    assert {key for key in keys if f"`{key.lower()}" not in page} == set()
