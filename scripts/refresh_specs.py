"""Write what specs/ holds of AWS from the installed botocore, which operations are emulated, and docs/fidelity.md.

``--check`` writes nothing; it exits with 1 and says what would change. That difference is how a new version of the
ECR API is noticed. The coverage may only improve: where an operation does less than specs/coverage.json says, nothing
is written, and the exit code is 1 too.
"""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ecr_emulator.control import model  # noqa: E402 - the checkout is importable only now
from ecr_emulator.control.emulated import emulated_handlers  # noqa: E402
from ecr_emulator.control.handlers import LACKING  # noqa: E402
from ecr_emulator.control.schemas import answer_schema  # noqa: E402
from scripts.considerations import considerations_page  # noqa: E402
from scripts.fidelity import fidelity_page  # noqa: E402

SPECS = ROOT / "specs"
AWS = SPECS / "aws" / "ecr"
DOCS = ROOT / "docs"
SHOWN = 12
"""So many changed lines of a file are shown."""
ADVICE = "Run scripts/refresh_specs.py and commit what it writes."

State = str | dict[str, str]
"""``emulated``, ``{"partial": what is missing}``, or ``refused`` with a clear error."""


def wanted(covered: Mapping[str, State]) -> dict[Path, str]:
    """What each file must hold."""
    import botocore

    service = model.service_model()
    page, table = DOCS / "fidelity.md", SPECS / "fidelity.toml"
    through, sentences = DOCS / "pull-through-cache.md", SPECS / "considerations.toml"
    files = {
        AWS / "service-2.json": _json(_without_documentation(model.load("service-2"))),
        AWS / "paginators-1.json": _json(model.load("paginators-1")),
        AWS / "VERSION": f"botocore {botocore.__version__}\n",
        SPECS / "coverage.json": _json(covered),
        page: fidelity_page(page.read_text(encoding="utf-8"), table.read_text(encoding="utf-8"), covered),
        through: considerations_page(
            through.read_text(encoding="utf-8"), sentences.read_text(encoding="utf-8"), ROOT / "tests"
        ),
    }
    for name in service.operation_names:
        files[AWS / "responses" / f"{name}.json"] = _json(answer_schema(service.operation_model(name)))
    return files


# --- Coverage --------------------------------------------------------------------------------------------


def coverage() -> dict[str, State]:
    """What the code does of each operation of the installed model."""
    handlers = emulated_handlers()
    strangers = LACKING.keys() - {handler.__name__ for handler in handlers.values()}
    if strangers:
        raise LookupError(f"lack something and are no operations: {', '.join(sorted(strangers))}")
    names = model.service_model().operation_names
    return {name: _state(handlers[name].__name__) if name in handlers else "refused" for name in names}


def _state(function: str) -> State:
    return {"partial": LACKING[function]} if function in LACKING else "emulated"


def committed_coverage() -> dict[str, State]:
    """What the code did when somebody last committed it; nothing at first."""
    path = SPECS / "coverage.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def worsened(before: Mapping[str, State], now: Mapping[str, State]) -> Iterator[str]:
    """The operations that do less than before, in words."""
    ranks = ("refused", "partial", "emulated")
    for name in before.keys() & now.keys():
        was, is_now = _word(before[name]), _word(now[name])
        if ranks.index(is_now) < ranks.index(was):
            yield f"{name} was {was} and is {is_now} now; the coverage may only improve"


def news(before: Mapping[str, State], now: Mapping[str, State]) -> Iterator[str]:
    """The operations that ECR has or had in only one of both."""
    for name in now.keys() - before.keys() if before else ():
        yield f"{name} is a new operation of Amazon ECR; it is {_word(now[name])}"
    for name in before.keys() - now.keys():
        yield f"{name} is not an operation of Amazon ECR any more"


def _word(state: State) -> str:
    return state if isinstance(state, str) else "partial"


# --- Files -----------------------------------------------------------------------------------------------


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
    if arguments not in ([], ["--check"]):
        print("usage: refresh_specs.py [--check]", file=sys.stderr)
        return 2
    before, now = committed_coverage(), coverage()
    worse, noted = sorted(worsened(before, now)), sorted(news(before, now))
    if arguments:
        found = [*worse, *noted, *differences(wanted(now))]
        print("\n".join([*found, ADVICE] if found else ["specs/ and docs/ are up to date"]))
        return 1 if found else 0
    if worse:
        print("\n".join([*worse, "Nothing was written."]))
        return 1
    write(wanted(now))
    print("\n".join(noted), end="\n" if noted else "")
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
