"""The subjects of a run: repositories with a history each, an upstream with tags that move, and the images of all."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Any

from ecr_emulator.testing.upstream.images import UpstreamIndex, index
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from scripts.torture.acts import NOTHING, Expired, Pairs, Write
from scripts.torture.clients import ACCOUNT, REGION, Client, Failure, NoAnswer, NotReached
from scripts.torture.histories import Histories
from scripts.torture.images import Images
from scripts.torture.linearizability import Act
from scripts.torture.pushes import Pushes
from scripts.torture.registers import POLICY_OF, TEMPORARY

SHARED, COPIED, EXPIRING = "torture/shared", "torture/copied", "torture/expiring"
"""Many push to the first two, and the second is replicated. One client pushes to the third, whose images expire."""
REPOSITORIES = (SHARED, COPIED, EXPIRING)
RECORDED = (*REPOSITORIES, POLICY_OF, TEMPORARY)
"""The names of all histories but those of cached tags."""
COPIES = "eu-west-1"
"""The Region to which images are replicated."""
TAGS = ("v0", "v1", "v2", "v3")
CACHED = "cache/team/app"
UPSTREAM = "team/app"
CACHED_TAGS = ("t0", "t1")
POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1},
            "action": {"type": "expire"},
        }
    ]
}
REPLICATION = {
    "rules": [
        {
            "destinations": [{"region": COPIES, "registryId": ACCOUNT}],
            "repositoryFilters": [{"filter": COPIED, "filterType": "PREFIX_MATCH"}],
        }
    ]
}


States = dict[str, Any]
"""The state of each history but those of cached tags, by its name."""


@dataclass(frozen=True)
class Saved:
    """A file with the whole state, and the state that each history had."""

    content: bytes
    states: States
    imported: set[str]


@dataclass
class World:
    """The state of a run as its clients know it.

    ``is_calm`` says that the emulator has no faults but kills. ``versions`` are the upstream's images by tag, the
    oldest first; a history has their indexes. ``cold`` are images of the upstream whose tags do not move. ``imported``
    are the digests of images whose import was confirmed. ``whole`` are the images that were found whole: their number,
    repository and Region.
    """

    seed: object
    upstream: ScriptedUpstream
    images: Images
    is_calm: bool = True
    histories: Histories = field(default_factory=Histories)
    pushes: Pushes = field(default_factory=Pushes)
    failures: list[Failure] = field(default_factory=list)
    versions: dict[str, list[UpstreamIndex]] = field(default_factory=lambda: {tag: [] for tag in CACHED_TAGS})
    cold: list[UpstreamIndex] = field(default_factory=list)
    imported: set[str] = field(default_factory=set)
    whole: set[tuple[int, str, str]] = field(default_factory=set)
    saved: Saved | None = None
    moving: Lock = field(default_factory=Lock)
    """Held by whoever moves a tag of the upstream."""

    def prepare(self, client: Client) -> None:
        """Create the repositories, the rule and the settings, and put the first images upstream."""
        for name in REPOSITORIES:
            client.call("CreateRepository", repositoryName=name)
            self.histories.begin(name, frozenset())
        client.call("CreateRepository", repositoryName=POLICY_OF)
        self.histories.begin(POLICY_OF, 0)
        self.histories.begin(TEMPORARY, False)
        client.call("PutLifecyclePolicy", repositoryName=EXPIRING, lifecyclePolicyText=json.dumps(POLICY))
        client.call("PutReplicationConfiguration", replicationConfiguration=REPLICATION)
        client.call("CreatePullThroughCacheRule", ecrRepositoryPrefix="cache", upstreamRegistryUrl="quay.io")
        for tag in CACHED_TAGS:
            self.new_version(tag)
            self.histories.begin(cached(tag), 0)
            client.registry("GET", f"{CACHED}/manifests/{tag}")

    def new_version(self, tag: str) -> None:
        """Move a tag of the upstream to a new image."""
        self.versions[tag].append(self._new_upstream_image(tag))

    def new_cold_image(self) -> tuple[str, UpstreamIndex]:
        """Make an image of the upstream that nobody has pulled, and return it with its tag."""
        tag = f"cold{self.images.new()}"
        new = self._new_upstream_image(tag)
        self.cold.append(new)
        return tag, new

    def _new_upstream_image(self, tag: str) -> UpstreamIndex:
        new = index(*(self.images[self.images.new()] for _ in range(2)))
        self.upstream.add_image(UPSTREAM, new, tag)
        return new

    def advance(self, client: Client, updates: bool = True) -> None:
        """Move the clock to the time at which cached tags are checked, and images expire. Raises ``NoAnswer``.

        If nobody answers, the clock may have moved a part of the way. Without ``updates``, checks of tags may fail, so
        that a cached tag stays where it is.
        """
        began = monotonic()
        acts: dict[str, Act[Any]] = {cached(tag): Write(len(each) - 1) for tag, each in self.versions.items()}
        acts[EXPIRING] = Expired()
        try:
            client.admin("POST", "clock", {"advance": "25h"})
        except NotReached:
            raise
        except NoAnswer:
            for name, act in acts.items():
                self.histories.add_unanswered(name, act, began)
            raise
        ended = monotonic()
        for name, act in acts.items():
            if updates or name == EXPIRING:
                self.histories.add(name, act, began, ended)
            else:
                self.histories.add_unanswered(name, act, began)

    def version(self, tag: str, raw: bytes) -> int:
        """Return the index of the version with these bytes; -1 if the upstream never had it."""
        return next((number for number, each in enumerate(self.versions[tag]) if each.raw == raw), -1)

    def cached_blobs(self) -> set[str]:
        """Return the digests of all blobs that the cache may have."""
        pulled = self.cold + [version for versions in self.versions.values() for version in versions]
        return {blob.digest for version in pulled for image in version.images for blob in image.blobs}

    def save(self, client: Client) -> None:
        """Save the state."""
        content = client.admin("GET", "state").body
        self.saved = Saved(content, self.states(), set(self.imported))

    def states(self) -> States:
        """Return the state of each history but those of cached tags."""
        return {name: self.histories.state(name) for name in RECORDED}

    def forget_what_a_load_replaces(self) -> None:
        """Forget the cached images and the unfinished pushes, which may be those of the saved state by now."""
        assert self.saved is not None
        self.imported = set(self.saved.imported)
        self.whole.clear()
        self.pushes.forget()
        for tag, versions in self.versions.items():
            self.histories.begin(cached(tag), *range(len(versions)))

    def list(self, client: Client, name: str, region: str = REGION) -> Pairs:
        """Return the content of a repository."""
        found: list[dict[str, str]] = []
        token: dict[str, Any] = {}
        while True:
            page = client.call("ListImages", region, repositoryName=name, maxResults=1000, **token)
            found += page["imageIds"]
            if "nextToken" not in page:
                break
            token = {"nextToken": page["nextToken"]}
        return frozenset((self.images.number_of(each["imageDigest"]), each.get("imageTag", NOTHING)) for each in found)


def cached(tag: str) -> str:
    """Return the name of the history of a cached tag."""
    return f"{CACHED}:{tag}"


def chance_of(*parts: object) -> random.Random:
    """Return random numbers that these parts determine."""
    return random.Random("/".join(map(str, parts)))
