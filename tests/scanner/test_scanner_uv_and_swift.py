"""Lock files of uv and of Swift's package manager."""

import json

import pytest

from tests.support.image_layers import contents, names, packages

PROJECT = """
version = 1
revision = 3
requires-python = ">=3.12"

[[package]]
name = "app"
version = "0.1.0"
source = { virtual = "." }
dependencies = [
    { name = "Flask-Login" },
    { name = "requests", extra = ["socks"], marker = "sys_platform != 'win32'" },
    { name = "numpy", version = "1.26.4", source = { registry = "https://packages.example/simple" } },
    { name = "own" },
]

[package.optional-dependencies]
docs = [{ name = "sphinx" }]

[package.dev-dependencies]
dev = [{ name = "pytest" }, { name = "requests", extra = ["tests"] }]

[package.metadata]
requires-dist = [{ name = "flask-login" }]

[[package]]
name = "flask-login"
version = "0.6.2"
source = { registry = "https://packages.example/simple" }
dependencies = [{ name = "flask" }]
sdist = { url = "https://example.com/a.tar.gz", hash = "sha256:00", size = 1 }
wheels = [{ url = "https://example.com/a.whl", hash = "sha256:00", size = 1 }]

[[package]]
name = "flask"
version = "3.0.0"
source = { git = "https://github.com/pallets/flask?rev=3.0.0#00" }
dependencies = [{ name = "flask-login" }]

[[package]]
name = "requests"
version = "2.31.0"
source = { registry = "https://packages.example/simple" }

[package.optional-dependencies]
socks = [{ name = "pysocks" }]
tests = [{ name = "pytest-httpbin" }]

[[package]]
name = "pysocks"
version = "1.7.1"
source = { registry = "https://packages.example/simple" }

[[package]]
name = "pytest-httpbin"
version = "2.0.0"
source = { registry = "https://packages.example/simple" }

[[package]]
name = "numpy"
version = "1.26.4"
source = { registry = "https://packages.example/simple" }

[[package]]
name = "numpy"
version = "2.0.0"
source = { registry = "https://packages.example/simple" }

[[package]]
name = "own"
source = { directory = "libs/own" }
dependencies = [{ name = "six" }]

[[package]]
name = "six"
version = "1.16.0"
source = { url = "https://example.com/six.whl" }

[[package]]
name = "sphinx"
version = "7.0.0"
source = { registry = "https://packages.example/simple" }

[[package]]
name = "pytest"
version = "8.0.0"
source = { registry = "https://packages.example/simple" }
dependencies = [{ name = "pluggy" }]

[[package]]
name = "pluggy"
version = "1.4.0"
source = { registry = "https://packages.example/simple" }
"""
NEEDED = {
    "flask-login 0.6.2",
    "flask 3.0.0",
    "requests 2.31.0",
    "pysocks 1.7.1",
    "numpy 1.26.4",
    "six 1.16.0",
    "sphinx 7.0.0",
}
WORKSPACE = """
[manifest]
members = ["api", "Shared_Lib"]

[[package]]
name = "api"
version = "0.1.0"
source = { editable = "packages/api" }
dependencies = [{ name = "shared-lib" }, { name = "attrs" }]
[package.dev-dependencies]
dev = [{ name = "tool" }]

[[package]]
name = "shared-lib"
version = "0.1.0"
source = { editable = "packages/shared" }
dependencies = [{ name = "six" }]

[[package]]
name = "tool"
version = "0.1.0"
source = { editable = "../tool" }
dependencies = [{ name = "rich" }]
"""
SCRIPT = """
[manifest]
requirements = [{ name = "rich" }]
"""


def locked(*names):
    """Return entries of packages of a registry."""
    source = '{ registry = "https://packages.example/simple" }'
    return "".join(f'\n[[package]]\nname = "{name}"\nversion = "1"\nsource = {source}\n' for name in names)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (PROJECT, NEEDED),
        (PROJECT.replace("virtual", "editable").replace("\n", "\r\n"), NEEDED),
        (WORKSPACE + locked("attrs", "six", "rich"), {"attrs 1", "six 1"}),
        (SCRIPT + locked("rich", "pygments"), {"rich 1", "pygments 1"}),
        ("version = 1\n", set()),
    ],
    ids=["project", "carriage returns", "workspace", "script", "empty"],
)
def test_lock_files_of_uv(text, found):
    assert names({"app/uv.lock": text}) == found
    assert {(each.kind, each.manager) for each in packages({"app/uv.lock": text})} <= {("PyPI", "PIP")}


def test_many_versions_that_need_each_other_take_no_time():
    entry = '[[package]]\nname = "a"\nversion = "{}"\nsource = {{}}\ndependencies = [{{name = "a"}}]\n'
    project = '[[package]]\nname = "p"\nsource = {virtual = "."}\ndependencies = [{name = "a"}]\n'
    assert len(packages({"uv.lock": project + "".join(entry.format(number) for number in range(3_000))})) == 3_000


def pin(address, version, **state):
    """Return a package in the form of version 2."""
    return {"identity": "x", "location": address, "state": {"revision": "00", "version": version, **state}}


PINS = [
    pin("https://github.com/apple/swift-nio.git", "2.41.0"),
    pin("https://github.com/Alamofire/Alamofire", "5.8.0"),
    pin("git@github.com:vapor/vapor.git", "4.0.0"),
    pin("ssh://git@example.com:2222/team/kit.git/", "1.0.0"),
    pin("https://github.com/apple/swift-log", None, branch="main"),
    pin("/srv/own", "1.0.0"),
    pin("../own.lib", "1.0.0"),
    {"identity": "mona.list", "kind": "registry", "location": "", "state": {"version": "1.0.0"}},
]
SWIFT = {
    "github.com/apple/swift-nio 2.41.0",
    "github.com/Alamofire/Alamofire 5.8.0",
    "github.com/vapor/vapor 4.0.0",
    "example.com/team/kit 1.0.0",
}
OLD_PINS = [{"package": "x", "repositoryURL": each["location"], "state": each["state"]} for each in PINS]


@pytest.mark.parametrize(
    "document",
    [
        {"object": {"pins": OLD_PINS}, "version": 1},
        {"pins": PINS, "version": 2},
        {"originHash": "00", "pins": PINS, "version": 3},
    ],
    ids=["1", "2", "3"],
)
def test_lock_files_of_swift(document):
    files = {"app/Package.resolved": json.dumps(document)}
    assert names(files) == SWIFT
    assert {(each.kind, each.manager) for each in packages(files)} == {("SwiftURL", "")}


def test_lock_files_of_dependencies_of_swift_are_left_out():
    """They are about the development of the dependency."""
    path = "app/.build/checkouts/swift-nio/Package.resolved"
    found = contents({path: json.dumps({"pins": PINS, "version": 2})})
    assert (found.packages, found.skipped) == ((), ())
