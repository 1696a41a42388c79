"""The metadata in PostgreSQL."""
