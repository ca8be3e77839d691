"""Tokens: signed statements of who asks, for as long as the settings say."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from sqlalchemy import select

from queries.control.database import Control
from queries.control.tables import Application, SigningKey

ALGORITHM = "HS256"
ISSUER = "metrics-api"


class TokenError(Exception):
    """A token is not ours, altered or expired."""


@dataclass(frozen=True)
class Bearer:
    """Who a token says it is."""

    id: str
    name: str


class Tokens:
    """Issues and reads tokens. The keys are read once, and again when a token names one that is not known."""

    def __init__(self, control: Control, lifetime: timedelta) -> None:
        self.control = control
        self.lifetime = lifetime
        self._keys: dict[str, str] = {}

    def issue(self, application: Application) -> str:
        now = datetime.now(UTC)
        key, secret = self._newest()
        claims = {
            "iss": ISSUER,
            "sub": application.id,
            "name": application.name,
            "iat": now,
            "exp": now + self.lifetime,
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(claims, secret, ALGORITHM, headers={"kid": key})

    def read(self, token: str) -> Bearer:
        """Whose token it is.

        Raises:
            TokenError: it is none of ours, or no longer.
        """
        try:
            key = str(jwt.get_unverified_header(token).get("kid"))
            claims = jwt.decode(
                token, self._secret(key), [ALGORITHM], issuer=ISSUER, options={"require": ["exp", "iat", "sub", "iss"]}
            )
        except jwt.ExpiredSignatureError:
            raise TokenError("the token has expired; ask for a new one at POST /api/v1/token") from None
        except jwt.InvalidTokenError:
            raise TokenError("the token is not valid; ask for one at POST /api/v1/token") from None
        return Bearer(claims["sub"], str(claims.get("name", "")))

    def _secret(self, key: str) -> str:
        if key not in self._keys:
            self._read_keys()
        if key not in self._keys:
            raise jwt.InvalidTokenError("unknown key")
        return self._keys[key]

    def _newest(self) -> tuple[str, str]:
        if not self._read_keys():
            with self.control.session() as session:
                session.add(
                    SigningKey(id=str(uuid.uuid4()), secret=secrets.token_urlsafe(48), created_at=datetime.now(UTC))
                )
            self._read_keys()
        return next(iter(self._keys.items()))

    def _read_keys(self) -> dict[str, str]:
        with self.control.session() as session:
            keys = session.scalars(select(SigningKey).order_by(SigningKey.created_at.desc(), SigningKey.id)).all()
        self._keys = {key.id: key.secret for key in keys}
        return self._keys
