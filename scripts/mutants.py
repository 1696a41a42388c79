"""Break the code on purpose, one line at a time, and see whether the tests notice.

Needs the package with its test extra: ``python scripts/mutants.py [part of a file's name ...]``. Each entry of
``mutants.toml`` names a file, a line, the line that replaces it, and the tests that ought to fail then. They run in a
scratch copy. Prints the survivors and exits with 1 if there are any.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
LIST = Path(__file__).with_suffix(".toml")
COPIED = (
    *("ecr_emulator", "tests", "specs", "scripts", "docs", "examples"),
    *("README.md", "pyproject.toml", "Dockerfile", ".dockerignore"),
)


class Mutant(NamedTuple):
    """A replacement of a line, and the tests that must notice it: paths or ids of pytest."""

    file: str
    line: str
    becomes: str
    tests: list[str]

    def apply(self, root: Path) -> str:
        """Replace the line below ``root`` and return the text that was there. Raises ``ValueError`` if it is stale."""
        path = root / self.file
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        places = [number for number, line in enumerate(lines) if line.strip() == self.line]
        if len(places) != 1:
            raise ValueError(f"{self.file} has {len(places)} lines '{self.line}', not one")
        indent = lines[places[0]][: -len(self.line)]
        lines[places[0]] = indent + self.becomes
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return text


def read_mutants() -> list[Mutant]:
    """Return the mutants of the list, in its order."""
    entries = tomllib.loads(LIST.read_text(encoding="utf-8"))["mutant"]
    return [Mutant(**entry) for entry in entries]


def main(parts: Sequence[str]) -> int:
    mutants = [each for each in read_mutants() if not parts or any(part in each.file for part in parts)]
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        copy_to(root)
        everything = sorted({test for mutant in mutants for test in mutant.tests})
        done = run_tests(root, everything)
        if done.returncode:
            print(done.stdout, "The tests fail without a mutant already.", sep="\n")
            return 1
        survivors = [mutant for mutant in mutants if survives(mutant, root)]
    print(f"{len(mutants)} mutants, {len(survivors)} survived")
    for mutant in survivors:
        print(f"  {mutant.file}: {mutant.line}  ->  {mutant.becomes}")
    return 1 if survivors else 0


def copy_to(root: Path) -> None:
    """Copy the files that tests need; the checkout itself stays unchanged."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)


def survives(mutant: Mutant, root: Path) -> bool:
    """Return whether the tests pass with the mutant in the code."""
    original = mutant.apply(root)
    try:
        survived = run_tests(root, mutant.tests).returncode == 0
    finally:
        (root / mutant.file).write_text(original, encoding="utf-8")
    print(f"{'SURVIVED' if survived else 'noticed '}  {mutant.file}: {mutant.becomes}", flush=True)
    return survived


def run_tests(root: Path, tests: Iterable[str]) -> subprocess.CompletedProcess[str]:
    """Run tests in the copy: exit code 0 or 1. Bytecode is not written; it could hide a change in the same second."""
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(done.stdout + done.stderr)
    return done


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
