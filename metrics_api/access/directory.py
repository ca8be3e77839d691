"""Directory: the actors behind credentials, remembered for a moment."""

import threading
import time
from collections import OrderedDict

from metrics_api.policy import Actor
from queries.control.database import Control
from queries.control.identity import Credential, Identity, find_identity
from queries.control.organisation import owns_everything, scope_of
from queries.control.rules import grants_of
from queries.discovery import Discovery
from queries.settings import Settings

SECONDS = 2.0
"""How long an actor is remembered: what another process changed or revoked is noticed so much later."""

MOST = 1_000


class Directory:
    def __init__(self, control: Control, settings: Settings, discovery: Discovery) -> None:
        self._control = control
        self._departments = settings.departments
        self._discovery = discovery
        self._known: OrderedDict[Credential, tuple[Actor, float]] = OrderedDict()
        self._lock = threading.Lock()
        self.generation = 0
        """Another one whenever who may do what may have changed."""

    def remembered(self, credential: Credential) -> Actor | None:
        with self._lock:
            actor, until = self._known.get(credential, (None, 0.0))
        return actor if time.monotonic() < until else None

    def find(self, credential: Credential) -> Actor | None:
        """Who asks by a credential, if it is good."""
        known = self.remembered(credential)
        identity = None if known else find_identity(self._control, credential)
        return self.actor_by(identity) if identity else known

    def actor_by(self, identity: Identity) -> Actor:
        """Who somebody is; what its credential was remembered for counts for a moment."""
        known = self.remembered(identity.credential)
        if known:
            return known
        generation = self.generation
        actor = self.actor_of(identity)
        self._remember(identity.credential, actor, generation)
        return actor

    def actor_of(self, identity: Identity) -> Actor:
        """What somebody may see and do, by the rules."""
        with self._control.session() as session:
            grants = tuple(grants_of(session, identity))
            is_alone = owns_everything(session, identity.tenant_id)
        kinds = {grant.scope_type for grant in grants}
        if "department" in kinds or ("tenant" in kinds and not is_alone):
            self._discovery.run()
        with self._control.session() as session:
            scope = scope_of(session, identity.tenant_id, grants, self._departments)
        return Actor(
            name=identity.name,
            scope=scope,
            subject_type=identity.subject_type,
            subject_id=identity.subject_id,
            tenant_id=identity.tenant_id,
            grants=grants,
            groups=identity.groups,
            user_id=identity.user_id,
            has_key=identity.credential.kind == "access-key",
        )

    def forget(self) -> None:
        """Something about who may do what has changed."""
        with self._lock:
            self._known.clear()
            self.generation += 1

    def _remember(self, credential: Credential, actor: Actor, generation: int) -> None:
        with self._lock:
            if generation != self.generation:
                return
            self._known[credential] = (actor, time.monotonic() + SECONDS)
            while len(self._known) > MOST:
                self._known.popitem(last=False)
