"""Services: what the handlers work with, made once per process."""

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.concurrency import run_in_threadpool

from metrics_api.access.directory import Directory
from metrics_api.access.oidc import Provider
from metrics_api.access.rate import Rate
from metrics_api.access.throttle import Throttle, network_of
from metrics_api.cache import Cache
from metrics_api.memory import Memory
from metrics_api.policy import Actor, require
from metrics_api.pool import Pool
from metrics_api.streaming import Exporting
from metrics_api.warming import Warming
from queries.accounting import Accounting
from queries.clusters import Clusters
from queries.control.chart import Chart, Charts
from queries.control.database import Control
from queries.control.roles import Action
from queries.control.rules import Place
from queries.control.tokens import Tokens
from queries.discovery import Discovery
from queries.engine import Engine
from queries.entities import Entities
from queries.lake import Lake
from queries.nodes import Nodes
from queries.question import Asker
from queries.rosters.register import Register
from queries.scope import Scope
from queries.settings import Settings
from queries.snapshot import Snapshot


@dataclass(frozen=True)
class Services:
    settings: Settings
    engine: Engine
    control: Control
    tokens: Tokens
    pool: Pool
    cache: Cache
    exporting: Exporting
    warming: Warming
    discovery: Discovery
    charts: Charts
    directory: Directory
    throttle: Throttle
    rate: Rate
    provider: Provider | None
    clusters: Clusters
    register: Register
    entities: Entities = field(default_factory=Entities)
    nodes: Nodes = field(default_factory=Nodes)
    memory: Memory = field(default_factory=Memory)

    @classmethod
    def start(cls, settings: Settings) -> "Services":
        """Open what the settings name.

        Raises:
            LakeError, ControlError: it cannot be opened.
        """
        lake = Lake(settings.store.path)
        lake.create()
        control = Control(settings.store.control_url)
        limits = settings.limits
        clusters = Clusters(settings, control)
        clusters.refresh()
        engine = Engine(lake, Accounting.of(settings, clusters.roll.collected), limits.hot_bytes)
        auth = settings.auth
        tokens = Tokens(control, auth.token_lifetime, auth.key_lifetime)
        discovery = Discovery(control, engine, settings)
        directory = Directory(control, settings, discovery)
        provider = Provider(auth.oidc) if auth.oidc else None
        pool, cache, exporting = Pool(limits), Cache(limits.cache_bytes), Exporting(limits)
        register = Register(engine, limits.listed_bytes)
        return cls(
            settings,
            engine,
            control,
            tokens,
            pool,
            cache,
            exporting,
            Warming(engine, register),
            discovery,
            Charts(control, settings.departments),
            directory,
            Throttle(),
            Rate(limits.requests_per_minute),
            provider,
            clusters,
            register,
        )

    def stop(self) -> None:
        self.warming.stop()
        self.pool.close()
        self.exporting.close()
        self.register.close()
        self.engine.close()
        self.control.close()

    def follow_clusters(self) -> None:
        """Clusters may have been registered, changed or deleted."""
        if self.clusters.refresh():
            self.engine.accounting = Accounting.of(self.settings, self.clusters.roll.collected)

    @property
    def finest_step(self) -> timedelta:
        """The step of the finest samples that are kept."""
        return min((cluster.step for cluster in self.clusters.roll.collected), default=timedelta(minutes=1))

    @property
    def common_step(self) -> timedelta:
        """The shortest time that is whole steps of every cluster."""
        steps = [int(cluster.step.total_seconds()) for cluster in self.clusters.roll.collected]
        return timedelta(seconds=math.lcm(*steps)) if steps else timedelta(minutes=1)

    @property
    def accounting(self) -> Accounting:
        """With what the API said of the organisation when that was looked at last."""
        return self.engine.accounting.with_assigned(self.charts.newest.assigned)

    async def chart(self) -> Chart:
        """The organisation as it stands."""
        return await run_in_threadpool(self.charts.read) if self.charts.is_stale else self.charts.newest

    def forget(self) -> None:
        """Something has changed in the control database."""
        self.directory.forget()
        self.charts.forget()

    def asker(self, scope: Scope, snapshot: Snapshot | None = None) -> Asker:
        """Of a version of the ledger; without one, of the newest."""
        roll = self.clusters.roll
        engine = self.engine.of(self.accounting)
        return Asker(engine, scope, roll.names, datetime.now(UTC), snapshot, roll.deleted)


@dataclass
class Target:
    """What a request is about, as the audit log names it. Handlers fill it in."""

    id: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Client:
    """Who a request comes from before it is known who asks."""

    address: str
    authorization: str


@dataclass(frozen=True)
class Caller:
    """What a handler knows of the request beside its query and body."""

    services: Services
    actor: Actor
    accept: str
    if_none_match: str = ""
    address: str = ""
    target: Target = field(default_factory=Target)

    @property
    def who(self) -> str:
        """Who shares places and requests with nobody else: an account; where nobody signs in, an address."""
        return self.actor.subject_id or network_of(self.address)

    def require(self, action: Action, resource: str, place: Place | None = None) -> None:
        """Raises:
        ApiError: 403 or 404, where the actor may not.
        """
        require(self.actor, action, resource, place)

    @property
    def finest_step(self) -> timedelta:
        return self.services.finest_step

    @property
    def common_step(self) -> timedelta:
        return self.services.common_step

    def asker(self, snapshot: Snapshot | None = None) -> Asker:
        return self.services.asker(self.actor.scope, snapshot)
