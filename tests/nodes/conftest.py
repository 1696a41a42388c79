"""Nodes on one state, in PostgreSQL."""

import pytest


@pytest.fixture
def nodes(start_nodes):
    """Two nodes."""
    return start_nodes()
