"""With S3, a layer is acknowledged after S3 has confirmed it (docs/durability.md)."""

from __future__ import annotations

import re

import pytest

from tests.support.s3 import KEY, SECRET
from tests.support.state_changes import CHANGES, CHUNKED, WHOLE
from tests.support.traced_server import file_changes, traced_server

pytestmark = pytest.mark.journey


def test_s3_has_confirmed_a_blob_before_its_row_is_committed(moto_s3, tmp_path):
    credentials = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    arguments = "--data-dir", "state", "--blobs", moto_s3.new_url()
    with traced_server(tmp_path, *arguments, variables=credentials) as traced:
        for change in CHANGES[:3]:
            traced.perform(change.perform)
        traced.end()
    for number, blob in ((1, WHOLE), (2, CHUNKED)):
        seen = [*file_changes(traced.calls_of(number), tmp_path)]
        (confirmed,) = (at for at, each in enumerate(seen) if each.endswith(f"/{blob.digest.removeprefix('sha256:')}"))
        assert seen[confirmed].startswith("S3 confirms ")
        assert confirmed < seen.index("sync state/ecr.sqlite-wal") < seen.index("answer 201")
    first_chunk = seen[seen.index("answer 202") + 1 :]
    assert re.fullmatch(r"S3 confirms /.*/uploads/.*", first_chunk[0])
    assert "answer 202" in first_chunk
