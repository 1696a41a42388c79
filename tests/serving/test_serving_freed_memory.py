"""Memory that large requests needed goes back to the system."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.boto import client_at
from tests.support.processes import serving

PART = bytes(16 << 20)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it reads /proc")
def test_memory_of_large_requests_is_given_back(tmp_path):
    with serving(tmp_path, "--port", "0", "--data-dir", f"{tmp_path}/state") as served:
        ecr = client_at(served.url, account="123456789012")
        ecr.create_repository(repositoryName="team/app")

        def upload(_=None):
            upload_id = ecr.initiate_layer_upload(repositoryName="team/app")["uploadId"]
            ecr.upload_layer_part(
                repositoryName="team/app",
                uploadId=upload_id,
                partFirstByte=0,
                partLastByte=len(PART) - 1,
                layerPartBlob=PART,
            )

        upload()
        before = resident_memory(served.process.pid)
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(upload, range(6)))
        assert resident_memory(served.process.pid) < before + 5 * len(PART)


def resident_memory(process):
    """Return the bytes of a process that are in memory."""
    [line] = [each for each in Path(f"/proc/{process}/status").read_text().splitlines() if each.startswith("VmRSS:")]
    return int(line.split()[1]) << 10
