"""Separate moto state for each emulator.

moto keeps its state in the globals of its modules: a ``BackendDict`` for each service, and lists of all instances.
The whole process shares them, and ``mock_aws`` empties them when it starts and when it ends. This module makes those
globals show an emulator its own backends within ``entered``, and all other code the original ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock, RLock, Thread
from types import MappingProxyType
from typing import Any, NamedTuple

_current: ContextVar[OwnBackends | None] = ContextVar("own_backends", default=None)
_redirecting = Lock()

# Methods that Python looks up on the type of a dictionary, bypassing ``__getattribute__``.
_SPECIAL = ("__getitem__", "__setitem__", "__delitem__", "__contains__", "__iter__", "__len__", "__repr__")


class BackendsState(NamedTuple):
    """The backends of one emulator by the ids of moto's, those in use, and the tracked instances by their models."""

    made: dict[int, Any]
    in_use: list[Any]
    tracked: defaultdict[type, list[Any]]


class OwnBackends:
    """The backends of one emulator, in the place of moto's within ``entered``.

    ``kinds`` make classes of backends to use instead of moto's, by the names of their services.
    """

    def __init__(self, kinds: Mapping[str, Callable[[], type]] = MappingProxyType({})) -> None:
        self._kinds = dict(kinds)
        self._more_regions: dict[str, Callable[[], Iterable[str]]] = {}
        self._lock = RLock()
        self._by_id: dict[int, Any] = {}
        self.in_use: list[Any] = []
        self.tracked: defaultdict[type, list[Any]] = defaultdict(list)

    def use(self, service: str, kind: Callable[[], type], more_regions: Callable[[], Iterable[str]] = tuple) -> None:
        """Use the class that ``kind`` returns for the backends of a service. Must be called before the first use.

        ``more_regions`` returns Regions in which moto does not know the service.
        """
        self._kinds[service] = kind
        self._more_regions[service] = more_regions

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Make moto use these backends in this thread, and in threads that are started within the block."""
        before = _current.set(self)
        try:
            yield
        finally:
            _current.reset(before)

    def of(self, backends: Any) -> Any:
        """Return the dictionary that replaces a ``BackendDict`` of moto; a replacement is returned as it is."""
        found = self._by_id.get(id(backends))
        return self._made_for(backends) if found is None else found

    def _made_for(self, backends: Any) -> Any:
        with self._lock:
            if id(backends) not in self._by_id:
                kind: Any = type(backends)
                made = self._by_id[id(backends)] = kind.__new__(kind)
                self._by_id[id(made)] = made
                made.__init__(*self._arguments(backends))
            return self._by_id[id(backends)]

    def _arguments(self, backends: Any) -> tuple[Any, ...]:
        names = ("backend", "service_name", "_use_boto3_regions", "_additional_regions")
        kind, service, uses_boto3, more = (object.__getattribute__(backends, name) for name in names)
        regions = [*(more or ()), *self._more_regions.get(service, tuple)()]
        return self._kinds[service]() if service in self._kinds else kind, service, uses_boto3, regions

    def state(self) -> BackendsState:
        """Return the backends themselves, to be copied. Must not be called within ``entered``."""
        made = {key: backends for key, backends in self._by_id.items() if key != id(backends)}
        return BackendsState(made, self.in_use, self.tracked)

    def replace(self, state: BackendsState) -> None:
        """Replace all backends by these."""
        self.clear()
        with self._lock:
            self._by_id.update(state.made)
            self._by_id.update((id(backends), backends) for backends in state.made.values())
            self.in_use.extend(state.in_use)
            self.tracked.update(state.tracked)

    @contextmanager
    def refilling(self, service: str) -> Iterator[None]:
        """Show this thread empty backends of a service within the block, after which all threads see these.

        A block that raises changes nothing.
        """
        filled = OwnBackends(self._kinds)
        filled.tracked = self.tracked
        with self._lock:
            filled._by_id.update(_without(service, self._by_id))
            filled.in_use.extend(each for each in self.in_use if _service_of(each) != service)
        with filled.entered():
            yield
        with self._lock:
            self._by_id = filled._by_id | _without(service, self._by_id)
            others = [each for each in self.in_use if _service_of(each) != service]
            self.in_use[:] = others + [each for each in filled.in_use if not any(each is known for known in others)]

    def clear(self) -> None:
        """Delete all backends; backends that hold files or containers release them first."""
        with self.entered():
            for backends in list(self.in_use):
                for _, _, backend in list(backends.iter_backends()):
                    _release(backend)
                for regions in list(backends.values()):
                    regions.clear()  # moto keeps references to it: delete only its content
        with self._lock:
            self._by_id.clear()
            self.in_use.clear()
            self.tracked.clear()

    def clear_account(self, account: str, region: str | None) -> None:
        """Delete the state of an account, in one Region or in all. Others keep theirs: no backend is asked to reset."""
        with self.entered():
            for backends in list(self.in_use):
                regions = backends.get(account, {})
                for name in list(regions):
                    if region in (None, name):
                        del regions[name]
                if region is None:
                    _release_buckets(backends, account)


def _service_of(backends: Any) -> str:
    return str(object.__getattribute__(backends, "service_name"))


def _without(service: str, by_id: Mapping[int, Any]) -> dict[int, Any]:
    return {key: backends for key, backends in by_id.items() if _service_of(backends) != service}


def redirect_moto() -> None:
    """Make moto look up the backends of the current emulator; imports moto's core. A repeated call does nothing."""
    from moto.core import base_backend

    dictionaries: Any = base_backend.BackendDict
    models: Any = base_backend.InstanceTrackerMeta
    with _redirecting:
        if isinstance(dictionaries._instances, _InUse):
            return
        _redirect_dictionaries(dictionaries)
        dictionaries._instances = _InUse(dictionaries._instances)
        models.instances_tracked = _tracked_instances()
        _redirect_threads()


def _release(backend: Any) -> None:
    from moto.core.base_backend import BaseBackend

    if type(backend).reset is not BaseBackend.reset:
        backend.reset()


def _release_buckets(backends: Any, account: str) -> None:
    """Free the names of an account's buckets, which moto's S3 keeps in one list for all accounts."""
    owners: dict[str, tuple[str, str]] = getattr(backends, "bucket_accounts", {})
    for bucket, (_, owner) in list(owners.items()):
        if owner == account:
            del owners[bucket]


def _redirect_dictionaries(kind: Any) -> None:
    def redirected(method: Any) -> Any:
        return lambda backends, *arguments: method(_shown(backends), *arguments)

    for name in _SPECIAL:
        setattr(kind, name, redirected(getattr(kind, name)))
    kind.__getattribute__ = redirected(object.__getattribute__)


def _shown(backends: Any) -> Any:
    own = _current.get()
    return backends if own is None else own.of(backends)


class _InUse(list[Any]):
    """moto's list of the dictionaries in use, which moto reads to reset them and to find tagged resources."""

    def _shown(self) -> list[Any]:
        own = _current.get()
        return list(super().__iter__()) if own is None else own.in_use

    def __iter__(self) -> Iterator[Any]:
        return iter(self._shown())

    def __contains__(self, backends: object) -> bool:
        return any(each is backends for each in self._shown())

    def append(self, backends: Any) -> None:
        own = _current.get()
        if own is None:
            super().append(backends)
        else:
            own.in_use.append(backends)

    def clear(self) -> None:
        own = _current.get()
        if own is None:
            super().clear()
        else:
            own.in_use.clear()


def _tracked_instances() -> property:
    """Return a property for the tracked instances of a model: a reset of S3 disposes of all of them."""
    of_everybody: dict[type, list[Any]] = {}

    def get(model: type) -> list[Any]:
        own = _current.get()
        if own is not None:
            return own.tracked[model]
        return of_everybody.setdefault(model, model.__dict__.get("instances_tracked", []))

    def put(model: type, instances: list[Any]) -> None:
        own = _current.get()
        (of_everybody if own is None else own.tracked)[model] = instances

    return property(get, put)


def _redirect_threads() -> None:
    """Make threads of moto, as for Step Functions and DynamoDB exports, use the backends of the starting thread."""
    start = Thread.start

    def start_within(thread: Thread) -> None:
        own = _current.get()
        if own is not None:
            run = thread.run

            def run_within() -> None:
                with own.entered():
                    run()

            thread.run = run_within  # type: ignore[method-assign]
        start(thread)

    Thread.start = start_within  # type: ignore[assignment, method-assign]
