"""Readers of package databases, lock files and package metadata: a module for each format."""
