"""docs/events.md lists every type of event that is sent."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DETAIL_TYPE = re.compile(r"\bECR (?:[A-Z][a-z]+ )+(?:Action|Scan|Change)\b")


def test_the_page_has_every_type_of_event():
    sent = set(DETAIL_TYPE.findall((ROOT / "ecr_emulator" / "domain" / "events.py").read_text(encoding="utf-8")))
    page = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(ECR [^`]+)` \|", page, re.MULTILINE)
    assert sorted(listed) == sorted(sent)
