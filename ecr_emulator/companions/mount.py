"""moto behind the emulator's own door.

moto keeps its state for the whole process: emulators in one process share their companions, apart by account.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable
from threading import RLock
from typing import TYPE_CHECKING, Any

from ecr_emulator.companions.identities import find_identity

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

_ACCOUNT = re.compile(r"[0-9]{12}")
_ACCESS_KEY = re.compile(r"Credential=([^/,\s]+)/")


class Companions:
    """Answers every service that moto has. A caller's account is the one that the emulator gives it."""

    def __init__(self, default_account: str) -> None:
        self._default_account = default_account
        self._lock = RLock()
        self._moto: WSGIApplication | None = None
        self._at_load: list[Callable[[], None]] = []
        self._watchers: dict[str, Callable[[], None]] = {}

    @property
    def is_loaded(self) -> bool:
        """Whether moto has been imported for this emulator."""
        return self._moto is not None

    def at_load(self, action: Callable[[], None]) -> None:
        """Do something once, when moto is first needed and before it answers anybody."""
        self._at_load.append(action)

    def after_calls(self, target_prefix: str, action: Callable[[], None]) -> None:
        """Do something after each call whose ``X-Amz-Target`` begins so, before the caller has its answer."""
        self._watchers[target_prefix] = action

    def load(self) -> WSGIApplication:
        """moto's application, imported now if it was not."""
        with self._lock:
            if self._moto is None:
                from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

                self._moto = DomainDispatcherApplication(create_backend_app)
                for action in self._at_load:
                    action()
            return self._moto

    def reset(self) -> None:
        """Forget what the companions know, in the whole process."""
        if self.is_loaded:
            from moto.moto_api._internal.models import moto_api_backend

            moto_api_backend.reset()
            self._changed()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account(environ)
        try:
            answer = self.load()(environ, start_response)
        except ImportError as missing:
            log.warning("moto cannot serve this request: %s", missing)
            return _missing_package(missing, start_response)
        target: str = environ.get("HTTP_X_AMZ_TARGET", "")
        for prefix, action in self._watchers.items():
            if target.startswith(prefix):
                action()
        return answer

    def _changed(self) -> None:
        for action in self._watchers.values():
            action()

    def _account(self, environ: WSGIEnvironment) -> str:
        signature = environ.get("HTTP_AUTHORIZATION", "") or environ.get("QUERY_STRING", "").replace("%2F", "/")
        found = _ACCESS_KEY.search(signature)
        access_key = found[1] if found else ""
        if _ACCOUNT.fullmatch(access_key):
            return access_key
        known = find_identity(access_key) if self.is_loaded else None
        return known[0] if known else self._default_account


def _missing_package(missing: ImportError, start_response: StartResponse) -> Iterable[bytes]:
    message = f"This service needs a package that is not installed ({missing.name}): pip install 'moto[all]'."
    body: Any = json.dumps({"__type": "NotImplementedException", "message": message}).encode()
    headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))]
    start_response("501 Not Implemented", headers)
    return [body]
