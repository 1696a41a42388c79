"""The size of the base install: the packages that ``pip install ecr-emulator`` installs without extras."""

import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
PROJECT = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
MOST_DISTRIBUTIONS = 40
MOST_MEGABYTES = 200
ONLY_IN_EXTRAS = {"cfn-lint", "docker", "graphql-core", "joserfc", "openapi-spec-validator", "sympy"}


def needed(requirements):
    """Return the distributions that requirements install, with their own requirements, by name."""
    found = {}
    waiting = [Requirement(each) for each in requirements]
    seen = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in requirement.extras or {""}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                found[name] = distribution(name)
                waiting += applicable(found[name], extra)
    return found


def applicable(installed, extra):
    """Return the requirements of a distribution for an extra, on this machine."""
    every = (Requirement(each) for each in installed.requires or ())
    return [each for each in every if each.marker is None or each.marker.evaluate({"extra": extra})]


def size(installed):
    """Return the bytes on the disk, including the bytecode that pip compiles from modules."""
    paths = (Path(installed.locate_file(each)) for each in installed.files)
    return sum(path.stat().st_size for path in paths if path.exists())


@pytest.fixture(scope="module")
def base():
    return needed(PROJECT["dependencies"])


def test_the_base_install_has_few_distributions(base):
    assert len(base) + 1 <= MOST_DISTRIBUTIONS  # one is this project
    assert base.keys() & ONLY_IN_EXTRAS == set()


def test_the_base_install_is_small(base):
    assert sum(map(size, base.values())) <= MOST_MEGABYTES * 1_000_000


def test_the_extra_for_cloudformation_brings_the_rest():
    extras = PROJECT["optional-dependencies"]
    more = needed([*extras["companions"], *(each for each in extras["cloudformation"] if "ecr-emulator" not in each)])
    assert more.keys() >= ONLY_IN_EXTRAS


@pytest.mark.parametrize("name", ["granian", "moto"])
def test_the_tests_run_with_the_version_that_is_pinned(name):
    (pinned,) = (each for each in map(Requirement, PROJECT["dependencies"]) if each.name == name)
    assert str(pinned.specifier) == f"=={distribution(name).version}"
