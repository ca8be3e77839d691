"""Access keys: long-lived secrets of users, for programs that cannot renew tokens."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from queries.control.database import Control, NameTakenError
from queries.control.identity import Identity, of_access_key
from queries.control.secret import digest, hash_secret, make_secret
from queries.control.tables import AccessKey, User


def create_access_key(control: Control, user: User, name: str) -> tuple[AccessKey, str]:
    """A key of a user, and its secret.

    Raises:
        NameTakenError: the user has a key of this name.
    """
    secret = make_secret()
    key = AccessKey(
        id=str(uuid.uuid4()),
        user_id=user.id,
        name=name,
        client_id=str(uuid.uuid4()),
        secret_hash=hash_secret(secret),
        epoch=0,
        created_at=datetime.now(UTC),
    )
    try:
        with control.session() as session:
            session.add(key)
    except IntegrityError:
        raise NameTakenError(f"{user.username} has an access key {name!r} already; choose another name") from None
    return key, secret


def find_by_access_key(control: Control, secret: str) -> Identity | None:
    """Whose access key's secret this is."""
    with control.session() as session:
        key = session.scalar(select(AccessKey).where(AccessKey.secret_hash == digest(secret)))
        user = session.get(User, key.user_id) if key else None
        return of_access_key(key, user) if key and user else None


def list_access_keys(control: Control, tenant_id: int) -> Sequence[tuple[AccessKey, User]]:
    with control.session() as session:
        chosen = select(AccessKey, User).join(User).where(User.tenant_id == tenant_id)
        return [(key, user) for key, user in session.execute(chosen.order_by(AccessKey.created_at))]


def renew_access_key(control: Control, identifier: str) -> str:
    """Give an access key another secret."""
    secret = make_secret()
    with control.session() as session:
        key = session.get_one(AccessKey, identifier)
        key.secret_hash = hash_secret(secret)
        key.epoch += 1
    return secret


def delete_access_key(control: Control, identifier: str) -> None:
    with control.session() as session:
        session.execute(delete(AccessKey).where(AccessKey.id == identifier))
