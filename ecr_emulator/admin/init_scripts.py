"""``/_localstack/init``: the states of the init scripts, in the form in which LocalStack reports them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue

from ecr_emulator.init_scripts import InitScripts

READY = "READY"
STAGES = ("BOOT", "START", READY, "SHUTDOWN")


class InitAdmin:
    """The views. Only the stage READY has scripts, and only SHUTDOWN is always ahead of a running emulator."""

    def __init__(self, init_scripts: InitScripts) -> None:
        self._init_scripts = init_scripts

    def show(self, _: Mapping[str, Any]) -> ResponseReturnValue:
        """Return all stages and all scripts."""
        return jsonify(completed={stage: self._is_completed(stage) for stage in STAGES}, scripts=self._scripts(READY))

    def show_stage(self, _: Mapping[str, Any], stage: str) -> ResponseReturnValue:
        """Return one stage and its scripts."""
        stage = stage.upper()
        if stage not in STAGES:
            return jsonify(error=f"There is no stage {stage!r}; the stages are {', '.join(STAGES)}"), 404
        return jsonify(completed=self._is_completed(stage), scripts=self._scripts(stage))

    def _is_completed(self, stage: str) -> bool:
        return self._init_scripts.completed if stage == READY else stage != "SHUTDOWN"

    def _scripts(self, stage: str) -> list[dict[str, str]]:
        scripts = self._init_scripts.scripts if stage == READY else []
        return [{"stage": stage, "name": each.path.name, "state": each.state} for each in scripts]
