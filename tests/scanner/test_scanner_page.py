"""The example on docs/scanning.md runs, without a network, and prints what the page says."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "scanning.md"


def test_the_example_prints_what_the_page_says(tmp_path, monkeypatch, capsys):
    page = PAGE.read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, str(PAGE), "exec"), {})
    assert capsys.readouterr().out == "CVE-2024-0001 CRITICAL\n"
    assert "prints `CVE-2024-0001 CRITICAL`" in page
