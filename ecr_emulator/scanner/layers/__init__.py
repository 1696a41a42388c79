"""Layers of images as a stream of files, within limits."""
