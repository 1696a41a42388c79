"""Every fault in every phase: the client's answer, the requests to the upstream, the stored objects, and the event.

Three phases run by default: cold manifests, cold blobs and updates. The others run with the journeys.
"""

import pytest

from tests.pull_through.matrix.cells import Cell
from tests.pull_through.matrix.scenario import running_scenario
from tests.pull_through.matrix.table import MATRIX


def column(phase):
    """The cells of a phase that one client and one kind of answer can test."""
    cells = [(row, row.cells().get(phase)) for row in MATRIX]
    return pytest.mark.parametrize(
        ("row", "cell"), [pytest.param(row, cell, id=row.fault) for row, cell in cells if isinstance(cell, Cell)]
    )


@pytest.fixture
def check(tmp_path, monkeypatch):
    def check(phase, row, cell):
        with running_scenario(phase, tmp_path, monkeypatch, **row.options) as scenario:
            scenario.arrange(moved=cell.moved)
            with (cell.by or row.by)(scenario, cell.times):
                delivered = scenario.act()
                assert delivered.said in cell.says, delivered.body
                scenario.check_body(delivered, garbled=cell.garbled)
                assert len(scenario.asked()) in cell.asks, scenario.asked()
                assert scenario.is_kept(delivered) == cell.kept
                scenario.finish_import()
                assert scenario.told() == cell.event
                scenario.check_store()
                if phase in "UL":
                    scenario.check_old_image()
            scenario.check_recovery()

    return check


@pytest.mark.slow
@column("T")
def test_while_a_token_is_fetched(check, row, cell):
    check("T", row, cell)


@pytest.mark.slow
@column("R")
def test_while_an_expired_tag_is_checked(check, row, cell):
    check("R", row, cell)


@column("U")
def test_while_an_image_that_an_update_lists_is_imported(check, row, cell):
    check("U", row, cell)


@pytest.mark.slow
@column("L")
def test_while_a_layer_of_an_update_is_imported(check, row, cell):
    check("L", row, cell)


@column("M")
def test_while_a_manifest_is_pulled_cold(check, row, cell):
    check("M", row, cell)


@pytest.mark.slow
@column("C")
def test_while_a_child_is_imported(check, row, cell):
    check("C", row, cell)


@column("B")
def test_while_a_blob_is_pulled_cold(check, row, cell):
    check("B", row, cell)


@pytest.mark.slow
@column("F")
def test_while_referrers_are_listed(check, row, cell):
    check("F", row, cell)
