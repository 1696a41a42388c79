"""The composition root: it builds an emulator from settings. No other module wires the parts together."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from ecr_emulator.admission import Admission
from ecr_emulator.background_parts import open_background
from ecr_emulator.companion_parts import open_companions
from ecr_emulator.control.app import ControlApp
from ecr_emulator.control.caller import Callers
from ecr_emulator.control.in_process import InProcessApi
from ecr_emulator.control.signatures import SignatureCheck
from ecr_emulator.dispatcher import Dispatcher
from ecr_emulator.distribution.app import DistributionApp
from ecr_emulator.domain.addresses import Addresses
from ecr_emulator.domain.host_names import HostNames
from ecr_emulator.domain.names import Registry
from ecr_emulator.event_delivery import EventDelivery
from ecr_emulator.init_scripts import InitScripts
from ecr_emulator.injected_faults import InjectedFaults
from ecr_emulator.nodes import at_another_state, share, share_clock, with_news
from ecr_emulator.probe_answers import ProbeAnswers, with_probes
from ecr_emulator.pull_through_parts import open_pull_through
from ecr_emulator.remembered_answers import RememberedAnswers
from ecr_emulator.request_counts import CountedRequests
from ecr_emulator.request_records import RequestRecords
from ecr_emulator.services import Services
from ecr_emulator.services.cache_tools import CacheTools
from ecr_emulator.services.due_work import DueWork
from ecr_emulator.services.garbage_collection import GarbageCollector
from ecr_emulator.services.lifecycle_forecasts import LifecycleForecasts
from ecr_emulator.services.optional_writes import optional_write
from ecr_emulator.services.prefetch import Prefetch
from ecr_emulator.services.pull_through import TagRefresher
from ecr_emulator.services.pulls import Pulls
from ecr_emulator.services.signatures import Signatures
from ecr_emulator.services.tokens import Tokens
from ecr_emulator.services.uploads import Uploads
from ecr_emulator.services.verification import Verification
from ecr_emulator.settings import Settings
from ecr_emulator.snapshots import Snapshots
from ecr_emulator.state_parts import open_state
from ecr_emulator.storage.owned_directory import OwnedDataDirectory
from ecr_emulator.system import RandomIds, SystemClock, spread
from ecr_emulator.upstream.retries import Retries
from ecr_emulator.upstream_parts import open_upstreams
from ecr_emulator.web_pages import WebPages, names_in

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = logging.getLogger(__name__)


class Emulator:
    """One emulator: its state and the WSGI callable ``wsgi`` that answers all requests.

    ``data_dir`` is the data directory, which ``close`` removes if the settings name none. ``temporary`` says that the
    whole state is then gone: the metadata and the layers may be elsewhere. Raises ``DataDirectoryInUse``,
    ``DatabaseTooNew`` and ``DatabaseUnreadable`` if the data directory cannot be used. ``retries`` are the retries of
    requests to upstreams; the emulator's clock measures their pauses.
    """

    def __init__(
        self, settings: Settings | None = None, clock: SystemClock | None = None, retries: Retries | None = None
    ) -> None:
        self.settings, self.clock = settings or Settings(), clock or SystemClock()
        by_default = Retries(pause=self.clock.pause, spread=spread, negative_ttl=self.settings.negative_ttl)
        self._retries = replace(retries or by_default, elapsed=self.clock.elapsed)
        self.temporary = self.settings.data_dir is None and self.settings.database is None
        self._directory = OwnedDataDirectory(self.settings.data_dir)
        self.data_dir = self._directory.path
        with ExitStack() as failure:
            failure.callback(self._directory.close_after_failure)
            self._open(failure)
            failure.pop_all()

    def _open(self, failure: ExitStack) -> None:
        self._ids = RandomIds()
        self._open_state()
        failure.callback(self._state.close)
        share_clock(self._store, self.clock)
        self._resume_time()
        self._open_companions()
        self.seed_lease, self.faults = self._state.lease("seeds"), InjectedFaults(self.clock)
        self.init_scripts = InitScripts(self._state.lease("init scripts"))
        self._open_pull_through()
        share(self._store, faults=self.faults.ecr, upstream_faults=self.faults.upstreams, addresses=self.upstream_hosts)
        at_another_state(self._store, self._forget)
        self.services = self._wired()
        self._probes = ProbeAnswers(self._store, self.services.home, self.init_scripts)
        delivery = self.settings, self.services, self._companions, self.clock, self.settle, self._state
        self.event_delivery = EventDelivery(*delivery)
        self._garbage_collector.schedule(self.clock.now())
        records = self.request_records = RequestRecords(self.cache_history)
        admission = Admission(self._dispatcher(), self.settings.threads)
        counted = CountedRequests(admission, records, self.clock.now)
        is_open = lambda: not self.faults.ecr.are_injected  # noqa: E731 - read with each request
        self.remembered_answers = RememberedAnswers(counted, records, self.clock, is_open, pulls=admission.pulls)
        self.wsgi: WSGIApplication = with_news(self.remembered_answers, self._store)
        self.event_delivery.start()

    def _open_state(self) -> None:
        state = self._state = open_state(self.settings, self.data_dir, durable=not self.temporary)
        self._store, self._blobs, self._state_snapshots = state.store, state.blobs, state.snapshots
        self._garbage_collector = GarbageCollector(self._store, self._blobs)

    def _resume_time(self) -> None:
        """Move the clock to the latest time in the state if the clock is behind it, so that time never goes back."""
        latest = self._store.latest_time()
        if latest and latest > self.clock.now():
            now = self.clock.advance(latest - self.clock.now())
            log.warning("the clock continues from %s, the latest time in %s", now.isoformat(), self.data_dir)

    def _open_companions(self) -> None:
        ecr = self._api = InProcessApi(lambda: self.services)
        self._parts = open_companions(self.settings, self.clock, self._ids, self._store, self._directory.kept, ecr)
        self._companions, self._secrets, self._keys = self._parts.companions, self._parts.secrets, self._parts.keys

    def _open_pull_through(self) -> None:
        parts = open_upstreams(
            self.settings,
            self.clock,
            self._store,
            secrets=self._secrets,
            retries=self._retries,
            faults=self.faults,
            services=lambda: self.services,
        )
        self.http_upstreams, self.upstream_hosts = parts.http, parts.hosts
        self._rule_reports, self.cache_history = parts.rule_reports, parts.history
        upstreams = self._watched = parts.watched
        state = self._state, self._ids
        made = open_pull_through(self.settings, self.clock, *state, upstreams, self._parts, self._garbage_collector)
        self._cache_parts = made
        self._downloads, self._referrers, self._pull_through = made.downloads, made.referrers, made.cache
        self._new_repositories = made.new_repositories

    def _wired(self) -> Services:
        strict, home = self.settings.strict, Registry(self.settings.account, self.settings.region)
        anonymous = home if self.settings.registry_auth == "open" else None
        signatures = Signatures(self._parts.signer, self._blobs, self._ids, self._keys)
        state = self._store, self._blobs, self._ids, self.clock, self._new_repositories
        parts = self._cache_parts, self._parts, self._garbage_collector
        background = open_background(self.settings, self.data_dir, self._state, signatures, *parts)
        return Services(
            home=home,
            clock=self.clock,
            ids=self._ids,
            store=self._store,
            blobs=self._blobs,
            secrets=self._secrets,
            roles=self._parts.roles,
            keys=self._keys,
            new_repositories=self._new_repositories,
            upstreams=self._watched,
            tokens=Tokens(self._store.signing_key()),
            uploads=Uploads(*state, is_strict=strict, turns=self._state.turns()),
            pulls=Pulls(self._store, self._blobs, self._pull_through, self._downloads, self._keys, strict),
            referrers=self._referrers,
            addresses=Addresses(self.settings.uri_style, self.settings.public_host, anonymous),
            background=background,
            due_work=DueWork(background, self.clock),
            garbage_collector=self._garbage_collector,
            signatures=signatures,
            faults=self.faults.ecr,
            access_questions=self._parts.access_questions,
            verification=Verification(self._store, self._blobs, self._watched, self._downloads),
            allowed_upstreams=self.settings.allow_upstream,
            access=self._parts.access,
        )

    def _dispatcher(self) -> Dispatcher:
        # The admin endpoints and the console are imported by their first request, so lambdas look them up.
        return Dispatcher(
            distribution=DistributionApp(
                self.services,
                self.settings.registry_auth,
                strict=self.settings.strict,
                accept_sparse=self.settings.accept_sparse,
            ),
            control=ControlApp(self.services, self._callers()),
            admin=with_probes(self._probes, lambda environ, start: self._admin(environ, start)),  # noqa: PLW0108
            console=lambda environ, start: self._console(environ, start),  # noqa: PLW0108
            companions=self._companions,
            before_companions=lambda: self.services.due_work.take_steps(self.clock.now()),
            web_pages=WebPages(HostNames(names_in(self.settings)), self.settings.allow_origin),
        )

    @cached_property
    def _admin(self) -> WSGIApplication:
        """The admin endpoints, imported and created on first use: no client of ECR needs them."""
        from ecr_emulator.admin.access_keys import AccessKeysAdmin
        from ecr_emulator.admin.app import admin_app
        from ecr_emulator.admin.events import EventsAdmin
        from ecr_emulator.admin.faults import FaultsAdmin
        from ecr_emulator.admin.metrics import MetricsAdmin, MetricSources
        from ecr_emulator.admin.pull_through import PullThroughAdmin
        from ecr_emulator.admin.state import StateAdmin
        from ecr_emulator.admin.upstreams import UpstreamsAdmin
        from ecr_emulator.admin.views import Admin
        from ecr_emulator.companions.iam.access_keys import AccessKeys
        from ecr_emulator.portable_snapshots import PortableSnapshots, PortableState

        pull_through = PullThroughAdmin(self._cache_tools(), self.services.home, self.clock)
        events = EventsAdmin(self._store, self.event_delivery.streams)
        calls = self._pull_through.calls_in_progress
        counts = self.request_records.counts, self.remembered_answers, self.http_upstreams.counts
        sources = MetricSources(*counts, self.http_upstreams.rate_limits_left, calls, self.services)
        admin = Admin(self.services, self.clock, events, self.reset, self._probes, MetricsAdmin(sources))
        saved = PortableState(self._store, self._state_snapshots, self._parts.documents, self.clock)
        after_load = self._resume_time, self._begin_anew, self.event_delivery.skip_history
        portable = PortableSnapshots(saved, self.event_delivery.quiet, after_load)
        access_keys = AccessKeysAdmin(AccessKeys(self._companions), self.services.home)
        state = StateAdmin(self.services, self.snapshots, portable, access_keys)
        faults, upstreams = FaultsAdmin(self.faults.ecr), UpstreamsAdmin(self.upstream_hosts)
        return admin_app(admin, pull_through, state, faults, upstreams, self.settings.admin_token)

    @cached_property
    def _console(self) -> WSGIApplication:
        """The console, imported and created on first use."""
        from ecr_emulator.console.app import console_app
        from ecr_emulator.console.parts import ConsoleParts

        forecasts = LifecycleForecasts(self._store, self.services.background, self._pull_through.updates.digests)
        parts = self.services, self._api, self._parts.identities, self.clock, self._cache_tools(), self.request_records
        return console_app(ConsoleParts(*parts, forecasts, self.event_delivery.streams, self.settings.admin_token))

    def _cache_tools(self) -> CacheTools:
        refresher = TagRefresher(self._store, self._watched, self._pull_through)
        prefetch = Prefetch(self.services.pulls, self._blobs, self._pull_through.updates)
        return CacheTools(self._rule_reports, refresher, prefetch)

    @cached_property
    def snapshots(self) -> Snapshots:
        """Snapshots of everything in this process: state, time, companions, and the memory about upstreams."""
        memory = self.http_upstreams, self._watched, self.cache_history, self._downloads
        parts = self._state_snapshots, self.clock, self._companions, self.faults, *memory
        return Snapshots(self.event_delivery.quiet, *parts, *self._pull_through.memories())

    def _callers(self) -> Callers:
        # Clients sign with the machine's time, even if the emulator's clock was moved.
        check = SignatureCheck(SystemClock()) if self.settings.verify_signatures else None
        return Callers(self._parts.identities, self.services.home, self.services.access is not None, check)

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until running pulls, imports and downloads end. Returns whether all ended within ``timeout`` seconds."""
        return self._pull_through.settle(timeout) and self._downloads.settle(timeout)

    def reset(self, account: str | None = None, region: str | None = None) -> None:
        """Remove all state except the signing key, so that tokens stay valid; or only that of one account.

        With a Region, only the account's state in this Region is removed.
        """
        self.settle()
        self._store.reset(account, region, clear_files=self._blobs.clear)
        self._garbage_collector.sweep()
        self.faults.clear(account)
        self._begin_anew()
        self._companions.reset(account, region)

    def _begin_anew(self) -> None:
        self._forget()
        self._garbage_collector.schedule(self.clock.now())

    def _forget(self) -> None:
        for memory in (self.http_upstreams, self._pull_through, self._downloads, self._watched, self.cache_history):
            memory.forget()

    def close(self) -> None:
        """Close the state. Running downloads are cut off, and no incomplete download is stored."""
        self.services.due_work.close()
        self._pull_through.close()
        self._referrers.close()
        self._downloads.close()
        self.http_upstreams.close()
        self.event_delivery.close()
        self._companions.close()
        if not self.temporary:
            with optional_write("the time"):
                self._store.remember_end(self.clock.now())
        self._state.close()
        self._directory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
