"""Blobs in S3: ``S3Blobs`` implements ``ports.blobs.BlobStore`` in a ``Bucket``."""
