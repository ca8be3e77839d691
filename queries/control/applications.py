"""Applications (service accounts): how they are made, and how their secrets and links are checked."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from queries.control.database import Control, NameTakenError
from queries.control.identity import Identity, of_access_key, of_application
from queries.control.roles import ADMINISTRATOR
from queries.control.rules import NewRule, add_rule, forget_subject
from queries.control.secret import digest, hash_secret, is_right, make_secret
from queries.control.tables import DEFAULT_TENANT, SYSTEM, AccessKey, Application, Link, User

LINK_LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True)
class NewApplication:
    """An application and its secret, which is shown once and kept only as a hash."""

    name: str
    client_id: str
    client_secret: str
    id: str = ""


def create_application(
    control: Control,
    name: str,
    client_id: str | None = None,
    client_secret: str | None = None,
    tenant_id: int = DEFAULT_TENANT,
    created_by: str = SYSTEM,
    rules: Sequence[NewRule] | None = None,
) -> NewApplication:
    """Make an application; its id and secret are made up where they are not given.

    rules: what it may do; without any said, everything in its tenant.
    Raises:
        NameTakenError: the name or the client id is taken.
    """
    new = NewApplication(name, client_id or f"{uuid.uuid4()}", client_secret or make_secret(), str(uuid.uuid4()))
    now = datetime.now(UTC)
    try:
        with control.session() as session:
            session.add(
                Application(
                    id=new.id,
                    tenant_id=tenant_id,
                    name=new.name,
                    client_id=new.client_id,
                    secret_hash=hash_secret(new.client_secret),
                    enabled=True,
                    epoch=0,
                    created_by=created_by,
                    created_at=now,
                    updated_at=now,
                )
            )
            for rule in [NewRule(ADMINISTRATOR.id, "tenant", str(tenant_id))] if rules is None else rules:
                add_rule(session, tenant_id, "service-account", new.id, rule, created_by)
    except IntegrityError:
        raise NameTakenError(
            f"there is an application {name!r} (or client id {new.client_id!r}) already; choose another name"
        ) from None
    return new


def check_secret(control: Control, client_id: str, client_secret: str) -> Identity | None:
    """Whose client id and secret these are: an application's, or those of a user's access key."""
    with control.session() as session:
        application = session.scalar(select(Application).where(Application.client_id == client_id))
        key = session.scalar(select(AccessKey).where(AccessKey.client_id == client_id))
        owner = session.get(User, key.user_id) if key else None
    known = application or key
    if not is_right(client_secret, known.secret_hash if known else None):
        return None
    if key and owner:
        return of_access_key(key, owner)
    return of_application(application) if application and application.enabled else None


def find_application(control: Control, identifier: str) -> Application | None:
    with control.session() as session:
        return session.get(Application, identifier)


def list_applications(control: Control, tenant_id: int) -> Sequence[Application]:
    with control.session() as session:
        chosen = select(Application).where(Application.tenant_id == tenant_id)
        return session.scalars(chosen.order_by(Application.name)).all()


def enable_application(control: Control, identifier: str, enabled: bool) -> Application | None:
    """Let an application ask, or no longer: then its tokens are refused too."""
    with control.session() as session:
        application = session.get(Application, identifier)
        if application:
            application.enabled = enabled
            application.updated_at = datetime.now(UTC)
        return application


def renew_secret(control: Control, identifier: str) -> str | None:
    """Give an application another secret, and refuse its tokens."""
    secret = make_secret()
    with control.session() as session:
        application = session.get(Application, identifier)
        if not application:
            return None
        application.secret_hash = hash_secret(secret)
        application.epoch += 1
        application.updated_at = datetime.now(UTC)
    return secret


def delete_application(control: Control, identifier: str) -> None:
    with control.session() as session:
        forget_subject(session, "service-account", identifier)
        session.execute(delete(Application).where(Application.id == identifier))


def create_link(control: Control, client_id: str) -> str:
    """A code that can be exchanged once, soon, for a token of this application."""
    code = secrets.token_urlsafe(24)
    with control.session() as session:
        application = session.scalars(select(Application).where(Application.client_id == client_id)).one()
        session.execute(delete(Link).where(Link.expires_at < datetime.now(UTC)))
        session.add(
            Link(code_hash=digest(code), application_id=application.id, expires_at=datetime.now(UTC) + LINK_LIFETIME)
        )
    return code


def redeem_link(control: Control, code: str) -> Identity | None:
    """The application whose link this is, if it has not been redeemed or expired. It is then used up."""
    with control.session() as session:
        owner = session.scalar(
            delete(Link)
            .where(Link.code_hash == digest(code), Link.expires_at >= datetime.now(UTC))
            .returning(Link.application_id)
        )
        application = session.get(Application, owner) if owner else None
        return of_application(application) if application and application.enabled else None
