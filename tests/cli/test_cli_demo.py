"""The demo runs to its end, and the README shows lines that it prints."""

import re
from pathlib import Path

from tests.support.command_line import run_here

README = Path(__file__).parents[2] / "README.md"


def lines(text):
    """Return the lines that are not empty, with every port replaced by 0."""
    return [re.sub(r"localhost:\d+", "localhost:0", line) for line in text.splitlines() if line.strip()]


def test_the_readme_shows_what_the_demo_prints(tmp_path):
    done = run_here(tmp_path, "demo")
    assert done.returncode == 0
    shown = re.search(r"```text\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]
    printed = iter(lines(done.stdout))
    assert [line for line in lines(shown) if line not in printed] == []
