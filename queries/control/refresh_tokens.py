"""Refresh tokens: codes that are exchanged once each, for a new token and another code."""

import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete

from queries.control.database import Control
from queries.control.identity import Identity, of_user
from queries.control.secret import digest
from queries.control.tables import RefreshToken, User


def create_refresh_token(control: Control, identity: Identity, lifetime: timedelta) -> str:
    code = secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    with control.session() as session:
        session.execute(delete(RefreshToken).where(RefreshToken.expires_at < now))
        session.add(
            RefreshToken(
                code_hash=digest(code),
                user_id=identity.credential.id,
                epoch=identity.credential.epoch,
                expires_at=now + lifetime,
            )
        )
    return code


def redeem_refresh_token(control: Control, code: str) -> Identity | None:
    """Whose refresh token this is. It is then used up."""
    with control.session() as session:
        used = session.execute(
            delete(RefreshToken)
            .where(RefreshToken.code_hash == digest(code), RefreshToken.expires_at >= datetime.now(UTC))
            .returning(RefreshToken.user_id, RefreshToken.epoch)
        ).first()
        user = session.get(User, used.user_id) if used else None
        return of_user(user) if used and user and user.epoch == used.epoch else None
