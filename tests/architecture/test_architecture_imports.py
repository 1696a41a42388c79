"""Rules for the code: packages that a start may import, modules that may write images, and sizes."""

import ast
import subprocess
import sys
from inspect import isfunction
from pathlib import Path

import pytest

from ecr_emulator.control.operations import HANDLERS

PACKAGE = Path(__file__).parents[2] / "ecr_emulator"
HEAVY = {"flask", "sqlalchemy", "botocore", "moto", "boto3", "requests", "granian", "werkzeug"}
ON_FIRST_USE = HEAVY - {"sqlalchemy", "granian", "werkzeug"} | {
    "cryptography",
    "difflib",
    "ecr_emulator.console",
    "ecr_emulator.storage.portable",
    "ecr_emulator.scanner",
    "jsonschema",
    "prometheus_client",
    "psycopg",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.orm",
    "tarfile",
    "urllib.request",
    "urllib3",
    "xml.sax",
    "yaml",
}
"""Modules that an idle server has not imported. They would take a tenth of its memory and more."""
IDLE = """
import ecr_emulator.serving.granian
from ecr_emulator.emulator import Emulator
from werkzeug.test import Client
with Emulator() as emulator:
    assert Client(emulator.wsgi).get("/_ecr/health").status_code == 200
    assert Client(emulator.wsgi).get("/readyz").status_code == 200
"""


def modules_after(code):
    probe = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_the_version_imports_no_heavy_package():
    run = "from ecr_emulator.cli.main import main\ntry: main(['--version'])\nexcept SystemExit: pass"
    assert not modules_after(run) & HEAVY


def test_an_emulator_starts_without_a_server():
    assert "granian" not in modules_after("import ecr_emulator.emulator")


def test_an_idle_server_has_not_imported_what_few_requests_need():
    assert not modules_after(IDLE) & ON_FIRST_USE


@pytest.mark.parametrize(
    ("verb", "service"),
    {
        "images.add(": "images",
        "images.remove(": "image_deletions",
        "tags.put(": "images",
        "tags.remove(": "image_deletions",
    }.items(),
)
def test_only_the_image_services_write_images(verb, service):
    writers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if f"work.{verb}" in path.read_text(encoding="utf-8")
    }
    assert writers == {f"services/{service}.py"}


def test_a_port_has_at_most_six_methods_or_says_why():
    ports = [
        node
        for path in (PACKAGE / "ports").glob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    ]
    large = [port for port in ports if sum(isinstance(each, ast.FunctionDef) for each in port.body) > 6]
    assert [port.name for port in large if "methods: " not in ast.get_docstring(port)] == []


def test_every_public_function_of_the_operations_is_an_operation():
    modules = {sys.modules[handler.__module__] for handler in HANDLERS.values()}
    assert {module.__name__.rpartition(".")[2] for module in modules} == {
        path.stem for path in (PACKAGE / "control" / "operations").glob("[!_]*.py")
    }
    public = {
        name
        for module in modules
        for name, value in vars(module).items()
        if isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }
    assert public == set(HANDLERS)


def test_modules_stay_small_enough_to_read_at_once():
    exempt = {"errors.py", "storage/migration_scripts.py", "storage/tables.py"}  # lists that only grow
    long = {
        name: lines
        for path in PACKAGE.rglob("*.py")
        if (name := path.relative_to(PACKAGE).as_posix()) not in exempt
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert long == {}
