"""The list of mutants matches the code."""

import pytest

from scripts.mutants import ROOT, copy_to, read_mutants

MUTANTS = read_mutants()
PACKAGES = {path.name for path in (ROOT / "ecr_emulator").iterdir() if (path / "__init__.py").exists()}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.file}: {mutant.becomes}")
def test_a_mutant_changes_one_existing_line_and_names_existing_tests(mutant, tmp_path):
    file = tmp_path / mutant.file
    file.parent.mkdir(parents=True)
    original = (ROOT / mutant.file).read_text()
    file.write_text(original)
    assert mutant.apply(tmp_path) == original
    changed = file.read_text()
    compile(changed, mutant.file, "exec")
    differing = [pair for pair in zip(original.splitlines(), changed.splitlines(), strict=True) if len(set(pair)) > 1]
    assert len(differing) == 1
    assert all((ROOT / test.partition("::")[0]).exists() for test in mutant.tests)


def test_every_package_has_mutants():
    assert len(MUTANTS) >= 30
    assert {mutant.file.split("/")[1] for mutant in MUTANTS} >= PACKAGES


def test_the_scratch_copy_leaves_the_checkout_alone(tmp_path):
    copy_to(tmp_path)
    mutant = MUTANTS[0]
    mutant.apply(tmp_path)
    assert mutant.line in (ROOT / mutant.file).read_text()
