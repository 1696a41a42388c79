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
