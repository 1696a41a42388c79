"""aiobotocore, in an environment of its own, calls a running emulator: the example of docs/python.md."""

import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


@pytest.fixture(scope="module")
def python_with_aiobotocore(tmp_path_factory):
    """Return the Python of a new environment; skip where nothing can be installed."""
    folder = tmp_path_factory.mktemp("aiobotocore")
    venv.create(folder)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "aiobotocore"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"aiobotocore cannot be installed: {done.stderr[-200:]}")
    return python


def test_the_asynchronous_example_runs(python_with_aiobotocore, emulator, tmp_path):
    (example,) = re.findall(r"^```python\n# asynchronous\.py\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    script = tmp_path / "asynchronous.py"
    script.write_text(example)
    done = subprocess.run(
        [python_with_aiobotocore, script], env=emulator.aws_environment(), capture_output=True, text=True, check=False
    )
    assert (done.stderr, done.stdout) == ("", f"{emulator.host}/team/app\n")
