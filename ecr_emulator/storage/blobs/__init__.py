"""Blobs: verified bytes by digest."""
