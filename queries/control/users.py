"""Users: how they are made, sign in, and are signed out everywhere."""

import secrets
import string
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from queries.control.database import Control, NameTakenError
from queries.control.identity import Identity, of_user
from queries.control.rules import NewRule, add_rule, forget_subject
from queries.control.secret import LONGEST, hash_secret, is_made, is_right
from queries.control.tables import DEFAULT_TENANT, SYSTEM, AccessKey, RefreshToken, User

LETTERS = string.ascii_letters + string.digits

SHORTEST_PASSWORD = 8


class PasswordError(ValueError):
    """A password that nobody should have; the message says what would be right."""


def check_password_form(password: str) -> str:
    """Raises:
    PasswordError: it is too short, too long, or looks like a secret of a program.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST:
        raise PasswordError(f"a password has {SHORTEST_PASSWORD} to {LONGEST} characters")
    if is_made(password):
        raise PasswordError("this is the secret of a program; choose another password")
    return password


def make_password() -> str:
    """A password to be told, and changed."""
    return "".join(secrets.choice(LETTERS) for _ in range(16))


def create_user(
    control: Control,
    username: str,
    password: str | None,
    tenant_id: int = DEFAULT_TENANT,
    created_by: str = SYSTEM,
    rules: Sequence[NewRule] = (),
) -> User:
    """Make a user. Without a password it signs in at the identity provider, or by access keys.

    Raises:
        NameTakenError: the name is taken.
    """
    now = datetime.now(UTC)
    user = User(
        id=str(uuid.uuid4()),
        tenant_id=tenant_id,
        username=username.lower(),
        password_hash=hash_secret(password) if password is not None else None,
        groups=[],
        epoch=0,
        created_by=created_by,
        created_at=now,
        updated_at=now,
    )
    try:
        with control.session() as session:
            session.add(user)
            session.flush()
            for rule in rules:
                add_rule(session, tenant_id, "user", user.username, rule, created_by)
    except IntegrityError:
        raise NameTakenError(f"there is a user {username.lower()!r} already; choose another name") from None
    return user


def check_password(control: Control, username: str, password: str) -> Identity | None:
    """Whose name and password these are."""
    user = find_user_by_name(control, username)
    is_theirs = is_right(password, user.password_hash if user else None)
    return of_user(user) if user and is_theirs else None


def find_user(control: Control, identifier: str) -> User | None:
    with control.session() as session:
        return session.get(User, identifier)


def find_user_by_name(control: Control, username: str) -> User | None:
    with control.session() as session:
        return session.scalar(select(User).where(User.username == username.lower()))


def list_users(control: Control, tenant_id: int) -> Sequence[User]:
    with control.session() as session:
        return session.scalars(select(User).where(User.tenant_id == tenant_id).order_by(User.username)).all()


def delete_user(control: Control, user: User) -> None:
    with control.session() as session:
        forget_subject(session, "user", user.username)
        session.execute(delete(AccessKey).where(AccessKey.user_id == user.id))
        session.execute(delete(RefreshToken).where(RefreshToken.user_id == user.id))
        session.execute(delete(User).where(User.id == user.id))


def set_password(control: Control, identifier: str, password: str) -> None:
    """Change a password; whoever is signed in by the old one is signed out."""
    with control.session() as session:
        user = session.get_one(User, identifier)
        user.password_hash = hash_secret(password)
        user.updated_at = datetime.now(UTC)
        user.epoch += 1


def set_groups(control: Control, identifier: str, groups: Sequence[str]) -> None:
    """Remember the groups that the identity provider told last: tokens of ours count on them."""
    with control.session() as session:
        session.get_one(User, identifier).groups = list(groups)


def log_out(control: Control, identifier: str) -> None:
    """Refuse all tokens of a user that there are. Access keys stay: they are revoked one by one."""
    with control.session() as session:
        session.get_one(User, identifier).epoch += 1
        session.execute(delete(RefreshToken).where(RefreshToken.user_id == identifier))
