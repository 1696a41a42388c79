"""Write what specs/ holds of AWS from the installed botocore, and which operations are emulated.

``--check`` writes nothing; it exits with 1 and says what would change. That difference is how a new version of the
ECR API is noticed.
"""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ecr_emulator.control import model  # noqa: E402 - the checkout is importable only now
from ecr_emulator.control.emulated import emulated_handlers  # noqa: E402
from ecr_emulator.control.schemas import answer_schema  # noqa: E402

SPECS = ROOT / "specs"
AWS = SPECS / "aws" / "ecr"
SHOWN = 12
"""So many changed lines of a file are shown."""


def wanted() -> dict[Path, str]:
    """What each file must hold."""
    import botocore

    service = model.service_model()
    files = {
        AWS / "service-2.json": _json(_without_documentation(model.load("service-2"))),
        AWS / "paginators-1.json": _json(model.load("paginators-1")),
        AWS / "VERSION": f"botocore {botocore.__version__}\n",
        SPECS / "coverage.json": _json(coverage()),
    }
    for name in service.operation_names:
        files[AWS / "responses" / f"{name}.json"] = _json(answer_schema(service.operation_model(name)))
    return files


def coverage() -> dict[str, str]:
    """Each operation: ``emulated``, or ``refused`` with a clear error."""
    handlers = emulated_handlers()
    names = model.service_model().operation_names
    return {name: "emulated" if name in handlers else "refused" for name in names}


def differences(files: dict[Path, str]) -> Iterator[str]:
    """What is not as it must be, in words."""
    for path, text in files.items():
        present = path.read_text(encoding="utf-8") if path.exists() else ""
        # A newer botocore with the same model of ECR is no difference.
        if present == text or (path.name == "VERSION" and present):
            continue
        lines = list(difflib.unified_diff(present.splitlines(), text.splitlines(), lineterm="", n=0))
        changed = [line for line in lines[2:] if not line.startswith("@@")]
        yield f"{path.relative_to(ROOT)}: {len(changed)} lines differ"
        yield from (f"    {line}" for line in changed[:SHOWN])
    for path in set(AWS.glob("responses/*.json")) - files.keys():
        yield f"{path.relative_to(ROOT)}: ECR has no such operation"


def write(files: dict[Path, str]) -> None:
    """Bring the files about, and remove those of operations that are gone."""
    for path in set(AWS.glob("responses/*.json")) - files.keys():
        path.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """The exit code."""
    files = wanted()
    if arguments == ["--check"]:
        found = list(differences(files))
        print(
            "\n".join(
                [*found, "Run scripts/refresh_specs.py and commit what it writes."]
                if found
                else ["specs/ is up to date"]
            )
        )
        return 1 if found else 0
    if arguments:
        print("usage: refresh_specs.py [--check]", file=sys.stderr)
        return 2
    write(files)
    return 0


def _json(document: Any) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _without_documentation(document: Any) -> Any:
    if isinstance(document, dict):
        # A member may be named "documentation"; only texts are dropped.
        return {
            name: _without_documentation(value)
            for name, value in document.items()
            if not (name == "documentation" and isinstance(value, str))
        }
    if isinstance(document, list):
        return [_without_documentation(each) for each in document]
    return document


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
