"""Upstream registries on loopback, for tests: they hold images, behave like public registries, and fail as told."""
