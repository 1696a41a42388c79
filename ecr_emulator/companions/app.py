"""The companions as a WSGI application: moto, with separate state for each emulator."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import RLock
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from ecr_emulator.companions.copies import Copy
from ecr_emulator.companions.error_responses import refuse, service_of
from ecr_emulator.companions.iam.backend import iam_of_aws
from ecr_emulator.companions.iam.sts_backend import sts_of_aws
from ecr_emulator.companions.kms.backend import kms_of_aws
from ecr_emulator.companions.moto_application import moto_application
from ecr_emulator.companions.moto_calls import account_of, keep_from_web_pages, motos_answer, service_and_operation
from ecr_emulator.companions.own_backends import OwnBackends
from ecr_emulator.companions.s3 import s3_of_aws
from ecr_emulator.companions.shared_changes import may_change_documents
from ecr_emulator.request_counts import OPERATION
from ecr_emulator.request_log import NOTE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)


class Companions:
    """Answers every service that moto has. The emulator decides the account of a caller.

    The error response states why moto cannot answer: moto lacks the service or the operation (501), a package that
    moto needs is not installed (501), or moto failed (500, with the traceback in the log).
    """

    def __init__(self, default_account: str) -> None:
        self._default_account = default_account
        self._lock = RLock()
        self._backends = OwnBackends({"iam": iam_of_aws, "sts": sts_of_aws, "kms": kms_of_aws, "s3": s3_of_aws})
        self._moto: WSGIApplication | None = None
        self._is_loaded = False
        self._unchanged_since: Copy | None = None
        self._changing: Callable[[], AbstractContextManager[object]] = nullcontext
        self._are_shared = False
        self._note_reset: Callable[[str | None, str | None], None] = lambda *_: None
        self._at_load: list[tuple[Callable[[], None], str]] = []
        self._before_each_call: list[Callable[[WSGIEnvironment, str], Response | None]] = []
        self._after_each_answer: list[Callable[[WSGIEnvironment, Response], None]] = []
        self._after_each_call: list[tuple[Callable[[], None], frozenset[str] | None]] = []
        self._at_reset: list[Callable[[], None]] = []
        self._in_snapshots: list[tuple[Callable[[], Any], Callable[[Any], None]]] = []

    @property
    def is_loaded(self) -> bool:
        """Whether moto has been imported for this emulator."""
        return self._is_loaded

    def use_backend(
        self, service: str, make: Callable[[], type], more_regions: Callable[[], Iterable[str]] = tuple
    ) -> None:
        """Use the class that ``make`` returns for the backends of a service, also in more Regions than moto's."""
        self._backends.use(service, make, more_regions)

    def entered(self) -> AbstractContextManager[None]:
        """Make moto's globals show the state of these companions, for code that reads or changes it."""
        self._unchanged_since = None
        return self._backends.entered()

    def reading(self) -> AbstractContextManager[None]:
        """Make moto's globals show the state of these companions, for code that only reads it."""
        return self._backends.entered()

    def share(
        self,
        changing: Callable[[], AbstractContextManager[object]],
        note_reset: Callable[[str | None, str | None], None],
    ) -> None:
        """Share IAM and the other kept parts of the state with other nodes: change them only within ``changing``.

        ``note_reset`` tells the others of a reset, of an account and in a Region if they are given.
        """
        self._changing, self._note_reset, self._are_shared = changing, note_reset, True

    def at_load(self, action: Callable[[], None], service: str) -> None:
        """Register an action on the state of a service for the first use of moto, before moto answers.

        A failed action runs again.
        """
        self._at_load.append((action, service))

    def refill(self, service: str) -> None:
        """Run the actions of ``at_load`` for a service on empty backends, which replace the present ones in one step.

        Raises what the actions raise; the present backends stay then.
        """
        with self._backends.refilling(service):
            for action, of_service in self._at_load:
                if of_service == service:
                    action()

    def load_again(self) -> None:
        """Run all actions of ``at_load`` at the next use of moto."""
        self._is_loaded = False

    def note_change(self) -> None:
        """Forget that the state is the one of the last snapshot."""
        self._unchanged_since = None

    def if_loaded(self, action: Callable[[], None]) -> None:
        """Run an action now if moto is loaded. Wait for a first use of moto that is in progress."""
        with self._lock, self.entered():
            if self._is_loaded:
                action()

    def before_each_call(self, answer: Callable[[WSGIEnvironment, str], Response | None]) -> None:
        """Register a function of each request and its account, called before moto; its answer replaces moto's."""
        self._before_each_call.append(answer)

    def after_each_answer(self, action: Callable[[WSGIEnvironment, Response], None]) -> None:
        """Register an action on each request and moto's answer to it, before the caller receives the answer."""
        self._after_each_answer.append(action)

    def after_each_call(self, action: Callable[[], None], services: frozenset[str] | None = None) -> None:
        """Register an action for the end of each call, before the caller receives the answer.

        ``services`` limits it to calls to these, by their names in signatures, and to calls that name no service.
        """
        self._after_each_call.append((action, services))

    def at_reset(self, action: Callable[[], None]) -> None:
        """Register an action for the end of a reset, whether or not moto was ever used."""
        self._at_reset.append(action)

    def in_snapshots(self, get: Callable[[], Any], put: Callable[[Any], None]) -> None:
        """Include the result of ``get`` in snapshots; a restore calls ``put`` with a copy of it."""
        self._in_snapshots.append((get, put))

    def snapshot(self) -> Copy:
        """Copy the state of the companions. This is free if they had no call since the last snapshot."""
        with self._lock:
            if self._unchanged_since is None:
                more = [get() for get, _ in self._in_snapshots]
                self._unchanged_since = Copy.of((self._is_loaded, self._backends.state(), more))
            return self._unchanged_since

    def restore(self, snapshot: Copy) -> None:
        """Restore a snapshot. This is free if the companions had no call since it was taken or restored."""
        with self._changing(), self._lock:
            if self._unchanged_since is not snapshot:
                self._note_reset(None, None)
                self._is_loaded, backends, more = snapshot.restored()
                self._backends.replace(backends)
                for (_, put), each in zip(self._in_snapshots, more, strict=True):
                    put(each)
                self._unchanged_since = snapshot

    def load(self) -> WSGIApplication:
        """Return moto's application. The first import takes about 0.5 s, and each service adds to that."""
        with self._lock, self.entered():
            if self._moto is None:
                self._moto = moto_application()
            if not self._is_loaded:
                for action, _ in self._at_load:
                    action()
                self._is_loaded = True
            return self._moto

    def change(self, action: Callable[[], None]) -> None:
        """Change what moto knows, as a call of a client would. Imports moto if need be."""
        with self._changing(), self._lock:
            self.load()
            with self.entered():
                action()
                self._follow(None)

    @contextmanager
    def changing_documents(self) -> Iterator[None]:
        """Let a call to another service change what nodes share, within the block. Other nodes wait meanwhile."""
        if not self._are_shared:
            yield
            return
        with self._changing():
            yield
            self._follow(None)

    def replace(self, action: Callable[[], None]) -> None:
        """Delete all state, and let an action put other state in its place before what belongs to every state."""
        first = (action, "")
        with self._changing(), self._lock:
            self.reset()
            self._at_load.insert(0, first)
            try:
                self.change(lambda: None)
            finally:
                self._at_load.remove(first)

    def reset(self, account: str | None = None, region: str | None = None) -> None:
        """Delete the state of the companions, or only that of an account, in one Region or in all.

        Users, buckets and other state without a Region stay if a Region is given.
        """
        with self._changing(), self._lock:
            self._note_reset(account, region)
            if account is None:
                self.forget()
                for action in self._at_reset:
                    action()
                return
            self.load()  # loading moto also loads the state that an earlier process stored
            self.forget(account, region)
            with self.entered():
                self._follow(None)

    def forget(self, account: str | None = None, region: str | None = None) -> None:
        """Delete what ``reset`` deletes, but only from the memory of this process."""
        with self._lock:
            self._unchanged_since = None
            if account is None:
                self._backends.clear()
                self._is_loaded = False  # what belongs to the state is put in again when moto is next needed
            else:
                self._backends.clear_account(account, region)

    def close(self) -> None:
        """Release files and containers that companions hold."""
        self._backends.clear()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[NOTE] = service_and_operation(environ)
        try:
            with self.entered():
                answer = self._answer(environ)
        except Exception as failure:
            return refuse(failure, environ, start_response)
        environ[OPERATION] = ":".join(environ[NOTE].values())  # moto has answered, so it has the operation
        return answer(environ, start_response)

    def _answer(self, environ: WSGIEnvironment) -> Response:
        """Return moto's whole answer: if an action after the call fails, its failure is the answer instead."""
        moto = self.load()
        account = environ["HTTP_X_MOTO_ACCOUNT_ID"] = account_of(environ, self._default_account)
        with self._changing() if self._are_shared and may_change_documents(environ[NOTE]) else nullcontext():
            answer = self._own_answer(environ, account) or motos_answer(moto, environ)
            keep_from_web_pages(answer)
            for look in self._after_each_answer:
                look(environ, answer)
            self._follow(service_of(environ))
        return answer

    def _follow(self, service: str | None) -> None:
        """Run the actions for the end of a call to a service, or of a change that concerns any service."""
        for action, services in self._after_each_call:
            if service is None or services is None or service in services:
                action()

    def _own_answer(self, environ: WSGIEnvironment, account: str) -> Response | None:
        answers = (answer(environ, account) for answer in self._before_each_call)
        return next((answer for answer in answers if answer is not None), None)
