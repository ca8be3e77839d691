"""Tokens: signed statements of who asks, for as long as the settings say."""

import secrets
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import get_args

import jwt
from sqlalchemy import delete, select

from queries.control.database import Control
from queries.control.identity import Credential, CredentialKind, Identity
from queries.control.tables import SigningKey

ALGORITHM = "HS256"
ISSUER = "metrics-api"
AUDIENCE = "metrics-api"

KEYS_SECONDS = 2.0
"""How long keys are remembered: a key that was withdrawn is accepted so long at the most."""

LEEWAY = timedelta(minutes=5)
"""How far apart clocks may be."""


class TokenError(Exception):
    """A token is not ours, altered or expired."""


@dataclass(frozen=True)
class Keys:
    """The keys by their ids, the newest first, when they were read, and when the newest was made."""

    secrets: dict[str, str]
    read_at: float
    newest_at: datetime | None

    @property
    def are_fresh(self) -> bool:
        return time.monotonic() - self.read_at < KEYS_SECONDS


class Tokens:
    """Issues and reads tokens. A new key is made when the newest is as old as the settings say; keys whose last token
    has expired are forgotten."""

    def __init__(self, control: Control, lifetime: timedelta, key_lifetime: timedelta = timedelta(days=30)) -> None:
        self.control = control
        self.lifetime = lifetime
        self.key_lifetime = key_lifetime
        self._keys = Keys({}, float("-inf"), None)
        self._lock = threading.Lock()

    def issue(self, identity: Identity) -> str:
        """A token whose claims are ASCII without ``~``, ``>``, ``?``: Run:ai's client decodes it as plain base64, in
        which those would be other letters."""
        now = datetime.now(UTC)
        key, secret = self._newest()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": identity.credential.id,
            "kind": identity.credential.kind,
            "epoch": identity.credential.epoch,
            "tenant": identity.tenant_id,
            "iat": now,
            "exp": now + self.lifetime,
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(claims, secret, ALGORITHM, headers={"kid": key})

    def read(self, token: str) -> Credential:
        """What a token stands for. Tokens of the time before there were users name an application, and no audience.

        Raises:
            TokenError: it is none of ours, or no longer.
        """
        try:
            key = str(jwt.get_unverified_header(token).get("kid"))
            claims = jwt.decode(
                token,
                self._secret(key),
                [ALGORITHM],
                issuer=ISSUER,
                options={"require": ["exp", "iat", "sub", "iss"], "verify_aud": False},
            )
        except jwt.ExpiredSignatureError:
            raise TokenError("the token has expired; ask for a new one at POST /api/v1/token") from None
        except jwt.InvalidTokenError:
            raise TokenError("the token is not valid; ask for one at POST /api/v1/token") from None
        kind, epoch = claims.get("kind", "service-account"), claims.get("epoch", 0)
        if claims.get("aud", AUDIENCE) != AUDIENCE or kind not in get_args(CredentialKind):
            raise TokenError("the token is not valid; it was made for something else")
        return Credential(kind, claims["sub"], epoch)

    def rotate(self) -> None:
        """Sign with a new key from now on. Tokens that were signed with older ones are good until they expire."""
        now = datetime.now(UTC)
        with self.control.session() as session:
            session.execute(delete(SigningKey).where(SigningKey.id.in_(self._done(now))))
            session.add(SigningKey(id=str(uuid.uuid4()), secret=secrets.token_urlsafe(48), created_at=now))
        self._read_keys()

    def revoke_all(self) -> None:
        """Forget all keys: nobody's token is good any more."""
        with self.control.session() as session:
            session.execute(delete(SigningKey))
        self.rotate()

    def _done(self, now: datetime) -> list[str]:
        """The keys that signed nothing that is still good: a younger key has signed for longer than a token lives."""
        with self.control.session() as session:
            keys = session.scalars(select(SigningKey).order_by(SigningKey.created_at.desc())).all()
        signed_until = dict(zip((key.id for key in keys[1:]), (key.created_at for key in keys), strict=False))
        return [key for key, until in signed_until.items() if until + self.lifetime + LEEWAY < now]

    def _secret(self, key: str) -> str:
        if not self._keys.are_fresh:
            self._read_keys()
        if key not in self._keys.secrets:
            self._reread_keys()
        if key not in self._keys.secrets:
            raise jwt.InvalidTokenError("unknown key")
        return self._keys.secrets[key]

    def _newest(self) -> tuple[str, str]:
        keys = self._read_keys()
        if keys.newest_at is None or keys.newest_at + self.key_lifetime < datetime.now(UTC):
            self.rotate()
        return next(iter(self._keys.secrets.items()))

    def _reread_keys(self) -> None:
        """For a key that is not known: somebody else may have made it now. Not more often than once a second, since
        anybody can name keys that there are not."""
        with self._lock:
            if time.monotonic() - self._keys.read_at > 1:
                self._read_keys()

    def _read_keys(self) -> Keys:
        with self.control.session() as session:
            keys = session.scalars(select(SigningKey).order_by(SigningKey.created_at.desc(), SigningKey.id)).all()
        newest_at = keys[0].created_at if keys else None
        self._keys = Keys({key.id: key.secret for key in keys}, time.monotonic(), newest_at)
        return self._keys
