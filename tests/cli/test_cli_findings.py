"""``ecr-emulator findings`` of an image in an ENHANCED registry."""

import gzip
import json

from ecr_emulator.testing.embedded import EcrEmulator
from ecr_emulator.testing.upstream.images import OCI_LAYER, Content, image
from tests.support.advisories import advisory, affected, fixed, write
from tests.support.command_line import invoke
from tests.support.image_layers import tar
from tests.support.images import put_image

FILES = {"flask.dist-info/METADATA": "Name: flask\nVersion: 1.0\n"}


def test_findings_of_enhanced_scans_are_rows(tmp_path):
    folder = write(tmp_path, advisory("CVE-2024-1000", affected("PyPI", "flask", *fixed("2.0")), details="a hole"))
    with EcrEmulator(vulnerabilities=folder) as emulator:
        ecr = emulator.client("ecr")
        ecr.create_repository(repositoryName="app")
        rule = {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}
        ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=[rule])
        put_image(ecr, "app", image(1, Content(gzip.compress(tar(FILES), mtime=0), OCI_LAYER)), "v1")
        shown = invoke(emulator, "findings", "app:v1").stdout.splitlines()
        document = json.loads(invoke(emulator, "findings", "app:v1", "--json").stdout)
    assert shown == [
        "NAME           SEVERITY   PACKAGE  VERSION  DESCRIPTION",
        "CVE-2024-1000  UNTRIAGED  flask    1.0      a hole",
    ]
    assert [each["title"] for each in document["findings"]] == ["CVE-2024-1000 - flask"]
