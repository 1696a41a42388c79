"""Private registries of one emulator: each is an account in a Region, and may be the upstream of another."""

from __future__ import annotations

from typing import Any

from werkzeug.test import TestResponse

from ecr_emulator.testing.upstream.images import Content, UpstreamImage, UpstreamIndex
from tests.support.docker import Docker, json_of
from tests.support.images import put_image, put_manifest, upload_layers
from tests.support.pull_through import ACCOUNT, Cache, pull

OTHER_ACCOUNT = "111122223333"
HOME = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/puller"


def host(account: str = ACCOUNT, region: str = HOME) -> str:
    """Return the host name of a registry."""
    return f"{account}.dkr.ecr.{region}.amazonaws.com"


class PrivateRegistry(Docker):
    """One registry of the emulator: its API, and docker logged in to it by its own host name."""

    def __init__(self, cache: Cache, account: str = ACCOUNT, region: str = HOME) -> None:
        self.cache = cache
        self.host = host(account, region)
        super().__init__(cache.emulator, account, region)

    def push_image(self, name: str, image: UpstreamImage, tag: str) -> str:
        """Create a repository and push an image to it; return the image's digest."""
        self.ecr.create_repository(repositoryName=name)
        return put_image(self.ecr, name, image, tag)

    def push_index(self, name: str, index: UpstreamIndex, tag: str) -> str:
        """Create a repository and push an index with its images to it; return the index's digest."""
        self.ecr.create_repository(repositoryName=name)
        for child in index.images:
            upload_layers(self.ecr, name, child)
            put_manifest(self.ecr, name, child.raw)
        return put_manifest(self.ecr, name, index.raw, tag)

    def rule(
        self, prefix: str, upstream: PrivateRegistry | str, upstream_prefix: str | None = None, **more: Any
    ) -> Any:
        """Create a pull through cache rule for another registry, or for a host."""
        if upstream_prefix:
            more["upstreamRepositoryPrefix"] = upstream_prefix
        url = upstream.host if isinstance(upstream, PrivateRegistry) else upstream
        return self.ecr.create_pull_through_cache_rule(ecrRepositoryPrefix=prefix, upstreamRegistryUrl=url, **more)

    def manifest(self, name: str, reference: str) -> TestResponse:
        """Download a manifest."""
        self.log_in()  # the clock may have moved
        return self.get(f"/v2/{name}/manifests/{reference}", {"Host": self.host})

    def blob(self, name: str, digest: str) -> TestResponse:
        """Download a blob."""
        answer = self.get(f"/v2/{name}/blobs/{digest}", {"Host": self.host})
        return self.http.get(answer.headers["Location"]) if answer.status_code == 307 else answer

    def pull(self, name: str, reference: str) -> bytes:
        """Pull an image with everything in it, and return its manifest."""
        return pull(self, name, reference)

    def referrers(self, name: str, subject: Content) -> list[str]:
        """Return the digests of the referrers of an image."""
        self.log_in()
        answer = self.get(f"/v2/{name}/referrers/{subject.digest}", {"Host": self.host})
        assert answer.status_code == 200
        return [each["digest"] for each in json_of(answer)["manifests"]]

    def names(self) -> list[str]:
        """Return the names of the repositories."""
        return [each["repositoryName"] for each in self.ecr.describe_repositories()["repositories"]]

    def tags(self, name: str) -> dict[str, list[str]]:
        """Return the tags of a repository by digest."""
        details = self.ecr.describe_images(repositoryName=name)["imageDetails"]
        return {each["imageDigest"]: each.get("imageTags", []) for each in details}

    def detail(self, name: str, tag: str) -> Any:
        """Return the details of an image from DescribeImages."""
        return self.ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": tag}])["imageDetails"][0]

    def events(self) -> list[dict[str, Any]]:
        """Return the details of this registry's pull through events."""
        self.cache.settle()
        events = json_of(self.cache.http.get("/_ecr/events"))["events"]
        kind, owner = "ECR Pull Through Cache Action", (self.host.split(".")[0], self.host.split(".")[3])
        return [
            event["detail"]
            for event in events
            if event["detail-type"] == kind and (event["account"], event["region"]) == owner
        ]
