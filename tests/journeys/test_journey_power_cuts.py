"""A loss of power takes nothing that was acknowledged (docs/durability.md).

A server runs under strace. From its system calls, the disk after a loss of power is computed, at many moments, and an
emulator is started on it.
"""

from __future__ import annotations

import shutil
from bisect import bisect
from random import Random

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.power_cuts import Disk, by_chance, everything, nothing_more
from tests.support.state_changes import CHANGES, LOOSE
from tests.support.state_facts import LocalRegistry, find_facts
from tests.support.traced_server import traced_server

pytestmark = pytest.mark.journey
MOMENTS = 40
"""Number of losses of power at arbitrary moments."""


class Story:
    """The calls of a server, the facts after each change, and the calls that sent the last responses of the changes."""

    def __init__(self, folder, top):
        self.top = top
        self.facts = [{}]
        with traced_server(folder, "--data-dir", str(top / "state")) as server:
            for change in CHANGES:
                self.facts.append(find_facts(server.perform(change.perform), LOOSE))
            server.end()
        self.calls, self.answers = server.calls, server.answers

    def disks(self, moments):
        """Yield the disk at the time of each of these calls, before it has an effect."""
        disk, followed = Disk(self.top), 0
        for moment in moments:
            for call in self.calls[followed:moment]:
                disk.follow(call)
            followed = moment
            yield disk


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    folder = tmp_path_factory.mktemp("story")
    (folder / "disk").mkdir()
    return Story(folder, folder / "disk")


def facts_after(disk, choice, folder):
    disk.after_power_cut(folder, choice)
    with Emulator(Settings(data_dir=folder / "state")) as emulator:
        facts = find_facts(LocalRegistry(emulator), LOOSE)
    shutil.rmtree(folder)
    return facts


def test_each_change_of_the_story_makes_its_facts(story):
    assert len(story.answers) == len(CHANGES)
    for change, before, after in zip(CHANGES, story.facts, story.facts[1:], strict=False):
        changed = {name.partition(" ")[0] for name, _ in before.items() ^ after.items()}
        assert changed <= set(change.concerns), change.name
        assert changed or change.is_round_trip, change.name


def test_the_trace_tells_everything_that_is_on_the_disk(story):
    (disk,) = story.disks([len(story.calls)])
    found = {path.relative_to(story.top).as_posix(): path for path in story.top.rglob("*") if path.is_file()}
    assert found.keys() == disk.files().keys()
    for name, content in disk.files().items():
        assert name.endswith("-shm") or found[name].read_bytes() == content, name


def test_what_was_acknowledged_is_there_after_a_loss_of_power(story, tmp_path):
    for number, disk in enumerate(story.disks(story.answers)):
        for choice in (nothing_more, everything, by_chance(number)):
            facts = facts_after(disk, choice, tmp_path / "left")
            assert facts == story.facts[number + 1], (CHANGES[number].name, choice)


def test_a_loss_of_power_at_any_moment_damages_nothing(story, tmp_path):
    moments = sorted(Random(1).sample(range(story.answers[0], story.answers[-1]), MOMENTS))
    for seed, (moment, disk) in enumerate(zip(moments, story.disks(moments), strict=True)):
        number = bisect(story.answers, moment)
        change, before, after = CHANGES[number], story.facts[number], story.facts[number + 1]
        facts = facts_after(disk, by_chance(seed), tmp_path / "left")
        for name in facts.keys() | before.keys() | after.keys():
            possible = {before.get(name), after.get(name)}
            if name.partition(" ")[0] in change.concerns:
                possible.add(None)
            assert facts.get(name) in possible, (change.name, moment, name)
