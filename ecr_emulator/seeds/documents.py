"""Seed files: TOML or YAML, checked against ``seed.schema.json``, with a line for everything that is wrong."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, time
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.seeds.errors import SeedError
from ecr_emulator.seeds.repeated_names import repeated_names
from ecr_emulator.seeds.toml_lines import Path as KeyPath
from ecr_emulator.seeds.toml_lines import toml_lines

SCHEMA = Path(__file__).with_name("seed.schema.json")
KINDS = (".toml", ".yaml", ".yml")
WORDS = {"array": "a list", "object": "a table"}
"""Types of the schema that have no description, in the words of TOML and YAML."""
NOTHING = r"(?!)"
MOST_ERRORS = 20
"""Errors that are shown of one file; with the first ones mended, many others go."""


@dataclass(frozen=True)
class SeedDocument:
    """A seed as it was read. ``file`` is where it comes from: paths in it are relative to its folder."""

    file: Path
    content: dict[str, Any]
    lines: dict[KeyPath, int]

    def at(self, path: KeyPath) -> str:
        """Return the place of a key, like ``seed.toml, line 12: repositories[0].images[1].size``."""
        known = next(path[:length] for length in range(len(path), -1, -1) if path[:length] in self.lines or not length)
        return f"{self.file}, line {self.lines.get(known, 1)}: {_dotted(path) or 'the seed'}"


def seed_files(path: Path) -> list[Path]:
    """Return a seed file, or those in a folder in the order of their names, without those in folders within it.

    Hidden files are left out: editors make them. Raises ``SeedError`` if there is none.
    """
    if not path.is_dir():
        return [path]
    visible = (each for each in path.iterdir() if not each.name.startswith("."))
    found = sorted(each for each in visible if each.suffix in KINDS and each.is_file())
    if not found:
        raise SeedError(f"{path} has no seeds: no files with names like *.toml or *.yaml")
    return found


def read_seed(file: Path) -> SeedDocument:
    """Read a file and check it against the schema. Raises ``SeedError``."""
    try:
        text = file.read_text(encoding="utf-8-sig")  # editors of Windows begin a file with a mark
    except (OSError, UnicodeDecodeError) as failure:
        reason = failure.strerror if isinstance(failure, OSError) else "it is not UTF-8"
        raise SeedError(f"The seed {file} cannot be read: {reason}") from None
    if file.suffix not in KINDS:
        raise SeedError(f"The seed {file} must have a name like *.toml or *.yaml")
    content, lines = (_toml if file.suffix == ".toml" else _yaml)(file, text)
    document = SeedDocument(file, _as_json({} if content is None else content), lines)
    _check(document)
    return document


def _toml(file: Path, text: str) -> tuple[Any, dict[KeyPath, int]]:
    import tomllib

    try:
        return tomllib.loads(text), toml_lines(text)
    except (ValueError, RecursionError) as wrong:
        raise SeedError(f"{file} is not TOML: {wrong}") from None


def _yaml(file: Path, text: str) -> tuple[Any, dict[KeyPath, int]]:
    import yaml

    from ecr_emulator.seeds.yaml_lines import read_yaml

    try:
        return read_yaml(text)
    except yaml.MarkedYAMLError as wrong:
        line = wrong.problem_mark.line + 1 if wrong.problem_mark else 1
        raise SeedError(f"{file}, line {line}: this is not YAML: {wrong.problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as wrong:
        raise SeedError(f"{file} is not YAML: {wrong}") from None


def _as_json(value: Any) -> Any:
    """Return a value with its dates as text, which is what JSON and the schema have for them."""
    if isinstance(value, dict):
        return {str(key): _as_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_json(each) for each in value]
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return value.isoformat() if isinstance(value, date | time) else value


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def _check(document: SeedDocument) -> None:
    problems = []
    for error in sorted(_validator().iter_errors(document.content), key=lambda each: list(map(str, each.path))):
        problems += [f"{document.at((*error.path, *key))}{reason}" for key, reason in _reasons(error)]
    if not problems:
        problems = [f"{document.at(path)} {reason}" for path, reason in repeated_names(document.content)]
    if problems:
        more = [f"… and {len(problems) - MOST_ERRORS} more"] if len(problems) > MOST_ERRORS else []
        raise SeedError("\n".join(problems[:MOST_ERRORS] + more))


def _reasons(error: Any) -> list[tuple[KeyPath, str]]:
    """Return what is wrong, and at which key below the one that the error is about."""
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        own = re.compile("|".join(error.schema.get("patternProperties", ())) or NOTHING)
        unknown = [key for key in error.instance if key not in known and not own.search(key)]
        return [((key,), _unknown(key, list(known))) for key in unknown]
    expected = error.schema.get("description")
    if error.validator in ("type", "pattern", "enum", "minimum", "maximum") and expected:
        return [((), f" must be {expected}, not {json.dumps(error.instance)[:100]}")]
    if error.validator == "type":
        return [((), f" must be {WORDS[error.validator_value]}, not {json.dumps(error.instance)[:100]}")]
    if error.validator == "required":
        return [((), " lacks " + error.message.split("'")[1])]
    return [((), f": {error.message[:200]}")]


def _unknown(key: str, known: list[str]) -> str:
    close = get_close_matches(key, known, n=1)
    meant = f"did you mean {close[0]}?" if close else f"known here are {', '.join(known)}"
    return f" is no key of a seed; {meant}"


def _dotted(path: KeyPath) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
