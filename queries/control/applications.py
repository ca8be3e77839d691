"""Applications: how they are made, and how their secrets and links are checked."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from queries.control.database import Control
from queries.control.tables import Application, Link

HASHER = PasswordHasher()

NOBODYS_HASH = HASHER.hash(secrets.token_urlsafe())
"""What a secret is compared with where there is no such application, so that the time taken does not tell."""

LINK_LIFETIME = timedelta(minutes=15)


class NameTakenError(Exception):
    """There is an application of this name or client id already."""


@dataclass(frozen=True)
class NewApplication:
    """An application and its secret, which is shown once and kept only as a hash."""

    name: str
    client_id: str
    client_secret: str


def create_application(
    control: Control, name: str, client_id: str | None = None, client_secret: str | None = None
) -> NewApplication:
    """Make an application; its id and secret are made up where they are not given.

    Raises:
        NameTakenError: the name or the client id is taken.
    """
    new = NewApplication(name, client_id or f"{uuid.uuid4()}", client_secret or secrets.token_urlsafe(32))
    try:
        with control.session() as session:
            session.add(
                Application(
                    id=str(uuid.uuid4()),
                    name=new.name,
                    client_id=new.client_id,
                    secret_hash=HASHER.hash(new.client_secret),
                    created_at=datetime.now(UTC),
                )
            )
    except IntegrityError:
        raise NameTakenError(
            f"there is an application {name!r} (or client id {new.client_id!r}) already; choose another name"
        ) from None
    return new


def check_secret(control: Control, client_id: str, client_secret: str) -> Application | None:
    """The application that this id and secret belong to, if they do."""
    with control.session() as session:
        application = session.scalar(select(Application).where(Application.client_id == client_id))
    try:
        HASHER.verify(application.secret_hash if application else NOBODYS_HASH, client_secret)
    except (VerifyMismatchError, InvalidHashError):
        return None
    return application


def find_application(control: Control, identifier: str) -> Application | None:
    with control.session() as session:
        return session.get(Application, identifier)


def create_link(control: Control, client_id: str) -> str:
    """A code that can be exchanged once, soon, for a token of this application."""
    code = secrets.token_urlsafe(24)
    with control.session() as session:
        application = session.scalars(select(Application).where(Application.client_id == client_id)).one()
        session.execute(delete(Link).where(Link.expires_at < datetime.now(UTC)))
        session.add(
            Link(code_hash=hashed(code), application_id=application.id, expires_at=datetime.now(UTC) + LINK_LIFETIME)
        )
    return code


def redeem_link(control: Control, code: str) -> Application | None:
    """The application whose link this is, if it has not been redeemed or expired. It is then used up."""
    with control.session() as session:
        owner = session.scalar(
            delete(Link)
            .where(Link.code_hash == hashed(code), Link.expires_at >= datetime.now(UTC))
            .returning(Link.application_id)
        )
        return session.get(Application, owner) if owner else None


def hashed(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
