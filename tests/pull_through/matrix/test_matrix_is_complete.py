"""The matrix has every cell of the reference, and every story that it mentions has a test."""

import ast
from pathlib import Path

from tests.pull_through.matrix.cells import PHASES, Told
from tests.pull_through.matrix.table import MATRIX, REFERENCE


def test_no_row_and_no_cell_is_forgotten():
    reference = {}
    for line in REFERENCE.strip().splitlines():
        fault, *marks = line.rsplit(maxsplit=len(PHASES))
        assert all(mark in (phase, "-") for mark, phase in zip(marks, PHASES, strict=True)), line
        reference[fault.strip()] = [mark for mark in marks if mark != "-"]
    assert reference == {row.fault: list(row.cells()) for row in MATRIX}
    assert len(reference) == len(MATRIX)


def test_every_story_is_told():
    told = {cell.test for row in MATRIX for cell in row.cells().values() if isinstance(cell, Told)}
    tests = {
        each.name
        for file in Path(__file__).parent.glob("test_*.py")
        for each in ast.parse(file.read_text()).body
        if isinstance(each, ast.FunctionDef)
    }
    assert told - tests == set()
