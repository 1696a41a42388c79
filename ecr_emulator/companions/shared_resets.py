"""Resets of the companions that each node has in its own memory: a reset on one node is one on all nodes."""

from __future__ import annotations

import json
from typing import Any

from ecr_emulator.companions.app import Companions
from ecr_emulator.ports.companion_documents import RESETS, CompanionDocuments

MOST = 100
"""Maximum number of resets in the document. A node that has missed more resets everything."""


class SharedResets:
    """The newest resets of all nodes, in a document: their numbers, and the account and the Region of each.

    A node does those that it has neither done itself nor found in the document before.
    """

    def __init__(self, companions: Companions, documents: CompanionDocuments) -> None:
        self._companions = companions
        self._documents = documents
        self._done = self._newest(self._listed())

    def note(self, account: str | None, region: str | None) -> None:
        """List a reset that this node does, within ``changing``, so that the others do it, too."""
        listed = self._listed()
        number = self._newest(listed) + 1
        reset = {"number": number, "account": account, "region": region}
        self._documents.put(RESETS, json.dumps([*listed, reset][-MOST:]))
        if self._done == number - 1:
            self._done = number

    def catch_up(self) -> None:
        """Do the resets of other nodes that this node has not done yet."""
        listed = self._listed()
        later = [each for each in listed if each["number"] > self._done]
        if later and later[0]["number"] > self._done + 1:
            self._companions.forget()
        else:
            for each in later:
                self._companions.forget(each["account"], each["region"])
        self._done = self._newest(listed)

    def _listed(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = json.loads(self._documents.find(RESETS).text or "[]")
        return listed

    def _newest(self, listed: list[dict[str, Any]]) -> int:
        return listed[-1]["number"] if listed else 0
