"""The pages of the console with many repositories and images: milliseconds and bytes of each page.

Needs the package with its test extra: ``python scripts/bench/console.py [images] [repositories] [rounds]``. A database
is filled through its tables before the emulator starts, in this process. A figure is the median of the rounds.
Nothing is asserted.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

from werkzeug.test import Client

from ecr_emulator.domain.events import Event
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.template import PULL_THROUGH_CACHE, CreationTemplate
from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.storage.data_directory import DATABASE
from ecr_emulator.storage.events import DEFAULT_SIZE
from scripts.bench.many_images import fill

HOME = Registry("000000000000", "us-east-1")
NAME = "bench/app"
SMALL = "bench/small"
"""A repository that is small enough for the forecast of its lifecycle policy."""
POLICY = (
    '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"sinceImagePushed","countUnit":"days",'
    '"countNumber":30},"action":{"type":"expire"}}]}'
)
AT = 1_790_000_000_000
BUDGET = "50 ms, 100 kB"

_REPOSITORY = """
INSERT INTO repositories (account, region, name, created_at, tag_mutability, exclusion_filters, encryption_type,
    scan_on_push, resource_tags, image_count, layer_bytes)
VALUES (?, ?, ?, ?, 'MUTABLE', '[]', 'AES256', 0, '{}', ?, ?)
"""


def add_repositories(database: Path, number: int) -> None:
    """Add repositories whose names, ages and sizes differ."""
    rows = (
        (HOME.id, HOME.region, f"team-{each % 97}/service-{each}", AT + each, each % 31, each * 7_919)
        for each in range(number)
    )
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(_REPOSITORY, rows)


def add_settings(emulator: Emulator) -> None:
    """Add as many rules, templates and events as a registry can have."""
    now = emulator.clock.now()
    with emulator.services.store.writing() as work:
        for each in range(49):
            rule = PullThroughRule(HOME, f"team-{each}", "quay.io", "quay", now, now)
            work.rules.add(rule)
            work.templates.add(CreationTemplate(HOME, rule.prefix, (PULL_THROUGH_CACHE,), now, now))
        work.rules.add(PullThroughRule(HOME, "bench", "quay.io", "quay", now, now))
        detail = {"action-type": "PUSH", "repository-name": NAME, "image-digest": f"sha256:{'0' * 64}"}
        for _ in range(DEFAULT_SIZE):
            work.events.add(Event(HOME, now, "ECR Image Action", detail))


def pages(emulator: Emulator) -> Iterator[tuple[str, str]]:
    """Yield the names and the addresses of the measured pages."""
    with emulator.services.store.reading() as work:
        repository = work.repositories.get(HOME, NAME)
        newest = work.listings.images(repository, None, 1)[0]
    yield "overview", ""
    yield "registries", "registries"
    for order in ("name", "images", "size", "created"):
        yield f"repositories by {order}", f"repositories?order={order}"
    yield "repositories, page in the middle", "repositories?after=team-50"
    yield "repositories with a part that none has", "repositories?part=nothing-like-it"
    yield "images", f"repository/{NAME}"
    middle = (AT + int(newest.pushed_at.timestamp() * 1000)) // 2
    yield "images, page in the middle", f"repository/{NAME}?after={middle}&after_key=0"
    yield "images by tag", f"repository/{NAME}?tag=v1"
    yield "image", f"image/{newest.digest}/{NAME}"
    yield "settings", f"settings/{NAME}"
    yield "permissions", f"permissions/{NAME}?principal=210987654321&deed=pull"
    yield "lifecycle", f"lifecycle/{NAME}"
    yield "lifecycle of 1,000 images", f"lifecycle/{SMALL}"
    yield "pull through", "pull-through"
    yield "rule", "pull-through/rule/team-3"
    yield "templates", "pull-through/templates"
    yield "cached tags", f"pull-through/repository/{NAME}"
    yield "events", "activity"
    yield "events without a match", "activity?repository=nothing-like-it"
    yield "requests", "activity/requests"
    yield "tasks", "activity/tasks"
    yield "registry", "registry?principal=210987654321&deed=pull&repository=bench/app"


def measure(client: Client, address: str, rounds: int) -> tuple[float, float, int]:
    """Return the median milliseconds of a page, those of the processor, and the bytes of the page."""
    walls, processor = [], []
    for _ in range(rounds):
        began, busy = time.perf_counter(), time.process_time()
        answer = client.get(f"/_ecr/console/{HOME.id}/{HOME.region}/{address}", headers={"Accept": "text/html"})
        walls.append((time.perf_counter() - began) * 1000)
        processor.append((time.process_time() - busy) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{address}: {answer.status}")
    return median(walls), median(processor), len(answer.data)


def main(images: int = 1_000_000, repositories: int = 10_000, rounds: int = 15) -> None:
    """Fill a data directory, and print a row for each page."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        fill(state, images, AT, repository=NAME, registry=HOME, policy=POLICY)
        fill(state, 1_000, AT, repository=SMALL, registry=HOME, policy=POLICY)
        add_repositories(state / DATABASE, repositories - 2)
        print(f"{images:,} images, {repositories:,} repositories; budget {BUDGET}\n")
        print("| page | wall, ms | processor, ms | bytes |\n| --- | ---: | ---: | ---: |")
        with Emulator(Settings(data_dir=state)) as emulator:
            add_settings(emulator)
            client = Client(emulator.wsgi)
            for name, address in pages(emulator):
                measure(client, address, 1)
                wall, processor, size = measure(client, address, rounds)
                print(f"| {name} | {wall:.1f} | {processor:.1f} | {size:,} |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
