"""The pull through cache: fetch images from upstream registries, store them, and check cached tags once a day.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html

A pull calls ``PullThrough.manifest``, which fetches and stores a manifest and starts the import of everything that it
refers to. ``BlobDownloads`` sends blobs to clients while they arrive. The rest of the program imports the names below
and no module of this package; a contract of import-linter checks that.
"""

from ecr_emulator.services.pull_through.blobs import BlobDownloads, is_of_others
from ecr_emulator.services.pull_through.checks import Wanted
from ecr_emulator.services.pull_through.fetch_turns import ONE_NODE, FetchTurns, SharedFetchTurns
from ecr_emulator.services.pull_through.manifests import PullThrough
from ecr_emulator.services.pull_through.referrers import Referrers
from ecr_emulator.services.pull_through.refresh import NoRule, Refreshed, TagRefresher
from ecr_emulator.services.pull_through.rule_reports import RuleReport, RuleReports
from ecr_emulator.services.pull_through.single_flight import MAX_NESTED_CALLS
from ecr_emulator.services.pull_through.updates import Updates
from ecr_emulator.services.pull_through.upstream_health import WatchedUpstreams
from ecr_emulator.services.pull_through.waiting_clients import WaitingClients

__all__ = [
    "MAX_NESTED_CALLS",
    "ONE_NODE",
    "BlobDownloads",
    "FetchTurns",
    "NoRule",
    "PullThrough",
    "Referrers",
    "Refreshed",
    "RuleReport",
    "RuleReports",
    "SharedFetchTurns",
    "TagRefresher",
    "Updates",
    "WaitingClients",
    "Wanted",
    "WatchedUpstreams",
    "is_of_others",
]
