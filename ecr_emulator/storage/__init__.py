"""Where state lives: metadata in SQLite, blobs in files."""
