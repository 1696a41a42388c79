"""The pages of one repository: the tabs on top of them."""

from __future__ import annotations

from typing import NamedTuple


class Tab(NamedTuple):
    """A page of a repository: its title, and its endpoint, which takes the ``name`` of the repository."""

    title: str
    endpoint: str


TABS = (
    Tab("Images", "console.images"),
    Tab("Permissions", "console.permissions"),
    Tab("Lifecycle", "console.lifecycle"),
    Tab("Settings", "console.repository_settings"),
)
