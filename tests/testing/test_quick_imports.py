"""Starts of ``EcrEmulator``: imports pause the garbage collector, and the setting of the process comes back."""

import subprocess
import sys

import pytest

COLLECTIONS = """
import gc
ages = []
gc.callbacks.append(lambda phase, facts: ages.append(facts["generation"]) if phase == "start" else None)
from ecr_emulator import EcrEmulator
gc.{before}()
with EcrEmulator() as emulator:
    print(gc.isenabled(), ages.count(0))
"""


@pytest.mark.parametrize(("before", "after"), [("enable", "True"), ("disable", "False")])
def test_a_start_leaves_the_garbage_collector_as_it_was(before, after):
    program = [sys.executable, "-c", COLLECTIONS.format(before=before)]
    enabled, collections = subprocess.run(program, capture_output=True, text=True, check=True).stdout.split()
    assert enabled == after
    assert int(collections) < 60  # some 150 if the collector runs during the imports


OLD = """
import gc
from ecr_emulator.quick_imports import quick_imports
{before}
gc.set_threshold(0)  # no collection before the objects are counted
with quick_imports():
    import sqlalchemy
print(gc.get_freeze_count() > 1000, len(gc.get_objects(generation=0)))
"""


@pytest.mark.parametrize(("before", "frozen"), [("", "False"), ("gc.freeze()", "True")])
def test_imported_objects_count_as_old_and_frozen_ones_stay_frozen(before, frozen):
    program = [sys.executable, "-c", OLD.format(before=before)]
    still_frozen, young = subprocess.run(program, capture_output=True, text=True, check=True).stdout.split()
    assert still_frozen == frozen
    if not before:
        assert int(young) < 1000  # some 30,000 if the imported objects count as young
