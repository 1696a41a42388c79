"""The addresses at which tools ask whether the emulator is alive or ready."""

from __future__ import annotations

PROBES = frozenset(
    ["/_ecr/health", "/_ecr/ready", "/_localstack/health", "/health", "/healthz", "/livez", "/ready", "/readyz"]
)
