"""The parts of the companions' state that portable snapshots hold, as documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.kept_documents import Kept


class StateDocuments:
    """The documents of some parts of the state, by their names. ``are_kept`` says whether a data directory has them."""

    def __init__(self, companions: Companions, kept: Mapping[str, Kept], *, are_kept: bool) -> None:
        self._companions = companions
        self._kept = kept
        self._are_kept = are_kept

    def all(self) -> dict[str, str]:
        """Return all documents. Raises ``CompanionFailure``."""
        if not self._companions.is_loaded and not self._are_kept:
            return {name: kept.empty for name, kept in self._kept.items()}
        self._companions.load()
        with self._companions.reading():
            return {name: kept.text() for name, kept in self._kept.items()}

    def replacement(self, documents: Mapping[str, str]) -> Callable[[], None]:
        """Return a function that replaces everything in the companions by the content of documents.

        A part without a document becomes empty. Raises ``ValueError``, ``TypeError``, ``LookupError`` or
        ``AttributeError`` for what is no such document.
        """
        given = {name: text for name, text in documents.items() if text != self._kept[name].empty}
        all_put_back = [self._kept[name].reader(text) for name, text in given.items()]

        def put_back() -> None:
            for each in all_put_back:
                each()

        return lambda: self._companions.replace(put_back) if all_put_back else self._companions.reset()
