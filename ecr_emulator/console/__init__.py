"""The console: pages for people under ``/_ecr/``, rendered on the server (docs/console.md)."""
