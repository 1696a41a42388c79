"""Storage of the state: metadata in SQLite, blobs in files."""
