"""``/_ecr/nodes``: the nodes that share the state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue

from ecr_emulator.ports.nodes import OtherNodes


class NodesAdmin:
    """The view. An emulator that shares nothing has no nodes."""

    def __init__(self, others: OtherNodes | None) -> None:
        self._others = others

    def show(self, _: Mapping[str, Any]) -> ResponseReturnValue:
        """Return the nodes, the oldest first."""
        nodes = self._others.all() if self._others else []
        return jsonify(
            nodes=[
                {
                    "id": node.id,
                    "host": node.host,
                    "process": node.process,
                    "version": node.version,
                    "started_at": node.started_at.isoformat(),
                    "silent_for": round(node.silent_for, 3),
                    "running": node.is_running,
                    "this": node.is_this,
                }
                for node in nodes
            ]
        )
