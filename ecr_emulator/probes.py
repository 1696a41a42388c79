"""The addresses at which tools ask whether the emulator is alive or ready."""

from __future__ import annotations

LIVENESS_PROBES = frozenset(["/_ecr/health", "/_localstack/health", "/health", "/healthz", "/livez"])
READINESS_PROBES = frozenset(["/_ecr/ready", "/ready", "/readyz"])
PROBES = LIVENESS_PROBES | READINESS_PROBES
