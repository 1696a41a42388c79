"""The cost of an upstream adapter that is not used."""

import subprocess
import sys


def test_requests_is_imported_when_the_first_upstream_is_asked():
    code = (
        "import sys, ecr_emulator.upstream.client as client\n"
        "client.HttpUpstreams(None)\n"
        "print('requests' in sys.modules, 'urllib3' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
