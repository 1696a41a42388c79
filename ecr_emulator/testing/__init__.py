"""The emulator inside test suites: the public Python API. docs/python.md says what is public and what is not."""
