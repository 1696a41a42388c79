"""Take the screenshots of the console in docs/images, of an emulator that is filled for them.

Needs the package with its test extra, playwright, and Debian's Chromium: ``python scripts/screenshots.py [folder]``.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.boto import client_at
from tests.support.chromium import Scheme, chromium, shoot, window
from tests.support.console_content import ACCOUNT, console_content

DOCS = Path(__file__).parents[1] / "docs"
MOST_BYTES = 150_000
SIZE = {"width": 1180, "height": 800}


class Screenshot(NamedTuple):
    """A screenshot: its name, the address below that of the registry, and the colours."""

    name: str
    address: str
    scheme: Scheme = "light"


SCREENSHOTS = (
    Screenshot("console-overview", ""),
    Screenshot("console-image", "image/{digest}/team/api?tag=latest", "dark"),
    Screenshot("console-pull-through", "pull-through"),
    Screenshot("console-lifecycle", "lifecycle/team/api"),
)


def take(browser: Any, home: str, digest: str, folder: Path) -> None:
    """Take all screenshots. Raises ``SystemExit`` for a page that fails and for a file that is too large."""
    for each in SCREENSHOTS:
        with window(browser, each.scheme, SIZE) as page:
            answer = page.goto(home + each.address.format(digest=digest))
            if answer.status != 200:
                raise SystemExit(f"{each.address}: {answer.status}")
            file = folder / f"{each.name}.png"
            shoot(page, file, whole=False)
        if file.stat().st_size > MOST_BYTES:
            raise SystemExit(f"{file} has {file.stat().st_size:,} bytes, more than {MOST_BYTES:,}")
        print(f"{file.stat().st_size:>8,}  {file}")


def main(folder: Path = DOCS / "images") -> None:
    """Fill an emulator and take the screenshots."""
    path = shutil.which("chromium")
    if path is None:
        raise SystemExit("chromium is not installed")
    with tempfile.TemporaryDirectory() as state, console_content(Path(state)) as emulator, chromium(path) as browser:
        found = client_at(emulator.url, account=ACCOUNT).describe_images(
            repositoryName="team/api", imageIds=[{"imageTag": "latest"}]
        )
        home = f"{emulator.url}/_ecr/console/{ACCOUNT}/us-east-1/"
        take(browser, home, found["imageDetails"][0]["imageDigest"], folder)
        emulator.stop()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
