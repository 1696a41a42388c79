"""The pages of the console as a browser shows them, and the checks that each of them passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.support.boto import client_at
from tests.support.chromium import NARROW, WIDE, Scheme, shoot, window
from tests.support.console_content import ACCOUNT
from tests.support.processes import Served

LOOKS: dict[str, tuple[Scheme, dict[str, int]]] = {
    "light": ("light", WIDE),
    "dark": ("dark", WIDE),
    "narrow": ("light", NARROW),
}
PAGES = {
    "overview": "",
    "registries": "registries",
    "repositories": "repositories",
    "repositories-filtered": "repositories?part=team&order=size",
    "images": "repository/team/api",
    "images-by-tag": "repository/team/api?tag=v2",
    "image-index": "image/{index}/team/api",
    "image": "image/{image}/team/api",
    "settings": "settings/team/api",
    "permissions": "permissions/team/api",
    "permissions-answer": "permissions/team/api?principal=arn:aws:iam::210987654321:root",
    "lifecycle": "lifecycle/team/api",
    "pull-through": "pull-through",
    "rule": "pull-through/rule/quay",
    "rule-failing": "pull-through/rule/k8s",
    "cached-repository": "pull-through/repository/quay/prometheus/prometheus",
    "templates": "pull-through/templates",
    "registry": "registry",
    "registry-answer": "registry?principal=210987654321&deed=pull&repository=team/api",
    "activity": "activity",
    "activity-requests": "activity/requests",
    "activity-failures": "activity/requests?failed=yes",
    "activity-tasks": "activity/tasks",
    "missing": "repository/no/such",
}
"""The addresses of the pages below that of their registry, by the names of their screenshots."""


class Broken(Exception):
    """A page fails a check."""


class Checks(NamedTuple):
    """Checks of pages: ``axe`` is the source of axe-core; screenshots are stored in a folder."""

    axe: str
    screenshots: Path

    def run(self, browser: Any, emulator: Served, name: str, look: str) -> None:
        """Open a page in one of ``LOOKS``, take a screenshot, and check the page. Raises ``Broken``."""
        scheme, size = LOOKS[look]
        with window(browser, scheme, size) as page:
            complaints: list[str] = []
            page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda request: complaints.extend(_foreign(request.url, emulator)))
            answer = page.goto(f"{home_of(emulator)}{PAGES[name].format(**digests_of(emulator))}")
            shoot(page, self.screenshots / f"{name}-{look}.png")
            expected = [
                f"error: Failed to load resource: the server responded with a status of {answer.status} (Not Found)"
            ]
            complaints = [each for each in complaints if answer.ok or each not in expected]
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                complaints.append("it is wider than the window")
            complaints += self.violations(page)
            if complaints or answer.status not in (200, 404):
                raise Broken(f"{name}, {look}: {answer.status} {complaints}")

    def violations(self, page: Any) -> list[str]:
        """Return the violations of accessibility rules that axe-core finds on a page."""
        page.evaluate(self.axe)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        return [f"{each['id']}: {each['help']}: {[node['html'][:160] for node in each['nodes'][:3]]}" for each in found]


def home_of(emulator: Served) -> str:
    """Return the address of the overview."""
    return f"{emulator.url}/_ecr/console/{ACCOUNT}/us-east-1/"


def digests_of(emulator: Served) -> dict[str, str]:
    """Return the digests of an index and of one of its images."""
    ecr = client_at(emulator.url, account=ACCOUNT)
    images = ecr.describe_images(repositoryName="team/api", maxResults=1000)["imageDetails"]
    scanned = next(each for each in images if "config.v1" in each.get("artifactMediaType", ""))
    index = next(each for each in images if "latest" in each.get("imageTags", ()))
    return {"index": index["imageDigest"], "image": scanned["imageDigest"]}


def _foreign(url: str, emulator: Served) -> list[str]:
    is_ours = urlsplit(url).netloc == urlsplit(emulator.url).netloc
    return [] if is_ours else [f"a request to another host: {url}"]
