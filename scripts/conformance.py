"""Run the OCI distribution conformance suite against this emulator and write docs/conformance.md.

Needs the suite's program ``conformance`` on the path (docs/conformance.md says how to get it). ``--check`` writes
nothing and exits with 1 if the page would change. A test that fails makes the exit code 1 either way.
"""

from __future__ import annotations

import base64
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.processes import Served, environment, serving  # noqa: E402 - the checkout is importable only now
from tests.support.programs import program  # noqa: E402

PAGE = ROOT / "docs" / "conformance.md"
VERSION = "v0.0.0-20260831232431-97274622c111"
REPOSITORIES = {"OCI_REPO1": "conformance/one", "OCI_REPO2": "conformance/two"}
EVERYTHING = {
    "OCI_VERSION": "dev",
    "OCI_API_BLOBS_DIGEST_HEADER": "true",
    "OCI_API_BLOBS_UPLOAD_CANCEL": "true",
    "OCI_API_MANIFESTS_DIGEST_HEADER": "true",
    "OCI_API_MANIFESTS_TAG_PARAM": "true",
    "OCI_DATA_SPARSE": "true",
}
"""What the suite can ask of a registry beyond its defaults."""
REASONS = {
    "Blob delete": "ECR has no such request; blobs go when nothing refers to them",
    "Blob delete atomic": "the same",
}
"""Why a category does not pass. Any other that does not is a failure."""

TEXT = """\
# Conformance

The [conformance suite](https://github.com/opencontainers/distribution-spec/tree/main/conformance) of the OCI
distribution specification, run against `ecr-emulator serve --accept-sparse` with blob mounting turned on for the
account, and with everything that the suite leaves out by default: digest headers, cancelled uploads, tags as
parameters, sparse manifests. (Without `--accept-sparse` those are refused in ECR's words; nothing else changes.) CI
runs it and fails if a test fails or this page changes. By hand:

```sh
pip install '.[test]'
go install github.com/opencontainers/distribution-spec/conformance@{version}
python scripts/conformance.py
```

{counts}

| what | result | why |
| --- | --- | --- |
{rows}
"""


def run_suite(emulator: Served, folder: Path) -> Mapping[str, Any]:
    """What the suite says of the emulator, as in its ``results.yaml``."""
    ecr = boto3.client("ecr", endpoint_url=emulator.url, region_name="us-east-1",
                       aws_access_key_id="123456789012", aws_secret_access_key="any")  # fmt: skip
    for name in REPOSITORIES.values():
        ecr.create_repository(repositoryName=name)
    ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    variables = EVERYTHING | REPOSITORIES | {
        "OCI_REGISTRY": emulator.host,
        "OCI_TLS": "disabled",
        "OCI_USERNAME": "AWS",
        "OCI_PASSWORD": base64.b64decode(token).decode().partition(":")[2],
        "OCI_RESULTS_DIR": str(folder / "results"),
    }  # fmt: skip
    subprocess.run([program("conformance")], cwd=folder, env=environment(**variables), check=False, capture_output=True)
    results: Mapping[str, Any] = yaml.safe_load((folder / "results" / "results.yaml").read_text(encoding="utf-8"))
    return results


def page(results: Mapping[str, Any]) -> str:
    """The page on these results."""
    categories = results["apis"] | results["data"]
    rows = [f"| {name} | {result.lower()} | {REASONS.get(name, '')} |" for name, result in categories.items()]
    counted = Counter(result.lower() for result in categories.values())
    counts = ", ".join(f"{number} {result}" for result, number in sorted(counted.items()))
    return TEXT.format(version=VERSION, counts=f"{len(categories)} categories: {counts}.", rows="\n".join(rows))


def failures(results: Mapping[str, Any]) -> list[str]:
    """The categories that do not pass and have no reason not to."""
    categories = results["apis"] | results["data"]
    return [f"{name}: {result}" for name, result in categories.items() if result != "Pass" and name not in REASONS]


def main() -> int:
    with tempfile.TemporaryDirectory() as name, serving(Path(name), "--port", "0", "--accept-sparse") as emulator:
        results = run_suite(emulator, Path(name))
        emulator.stop()
    for failure in failures(results):
        print(f"conformance: {failure}", file=sys.stderr)
    wanted = page(results)
    is_current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == wanted
    if "--check" in sys.argv:
        if not is_current:
            print(f"{PAGE.name} would change: run scripts/conformance.py and commit what it writes", file=sys.stderr)
        return int(bool(failures(results)) or not is_current)
    PAGE.write_text(wanted, encoding="utf-8")
    return int(bool(failures(results)))


if __name__ == "__main__":
    sys.exit(main())
