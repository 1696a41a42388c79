"""The Dockerfile agrees with the package, and with the files that Docker may see."""

import re
from pathlib import Path

from ecr_emulator.settings import SETTINGS
from ecr_emulator.version import __version__

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_label_is_the_version_of_the_package():
    assert re.search(r'image\.version="(.+?)"', DOCKERFILE)[1] == __version__


def test_docker_sees_the_copied_files_and_no_others():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert [line for line in ignored if not line.startswith(("#", "!"))] == ["*", "**/__pycache__"]
    copied = " ".join(re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)).split()
    assert {line[1:] for line in ignored if line.startswith("!")} == set(copied)


def test_the_variables_of_the_image_are_settings():
    variables = set(re.findall(r"ECR_EMULATOR_\w+(?==)", DOCKERFILE))
    assert variables >= {"ECR_EMULATOR_DATA_DIR", "ECR_EMULATOR_INIT_SCRIPTS"}
    assert variables <= {setting.variable for setting in SETTINGS.values()}
