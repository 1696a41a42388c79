"""Blobs are transferred in smaller pieces the more transfers there are."""

from contextlib import ExitStack

import pytest

from ecr_emulator.services.piece_sizes import PieceSizes


@pytest.mark.parametrize(("transfers", "size"), [(0, 100), (1, 100), (4, 100), (8, 50), (40, 10), (400, 10)])
def test_all_transfers_together_have_pieces_of_a_limited_size(transfers, size):
    sizes = PieceSizes(smallest=10, largest=100, total=400)
    with ExitStack() as stack:
        for _ in range(transfers):
            stack.enter_context(sizes.transfer())
        assert sizes.size == size
    assert sizes.size == 100
