"""Credentials: client ids and secrets that come with every request of a dashboard, and are hashed once a minute."""

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable

from queries.control.applications import check_secret
from queries.control.database import Control
from queries.control.identity import Credential, Identity, find_identity

LIFETIME_SECONDS = 60.0
"""How long a secret that was right is taken for right: a changed one is noticed after this time at the latest."""

MOST = 1_000
"""How many are remembered."""


class Credentials:
    """Checks ids and secrets. Of those that were right a keyed digest is remembered, never the secret; that the
    application is there is asked each time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._right: dict[bytes, tuple[Credential, float]] = {}
        self._lock = threading.Lock()

    def known(self, control: Control, given: tuple[str, str]) -> Identity | None:
        """Whose client id and secret these are, if they were right a moment ago."""
        credential = self._remembered(self._digest(control, *given))
        return find_identity(control, credential) if credential else None

    def check(self, control: Control, given: tuple[str, str]) -> Identity | None:
        """Whose client id and secret these are, if anybody's."""
        identity = self.known(control, given)
        if identity:
            return identity
        identity = check_secret(control, *given)
        if identity:
            self._remember(self._digest(control, *given), identity.credential)
        return identity

    def _digest(self, control: Control, client_id: str, client_secret: str) -> bytes:
        text = "\0".join((str(id(control)), client_id, client_secret))
        return hmac.digest(self._key, text.encode(), hashlib.sha256)

    def _remembered(self, digest: bytes) -> Credential | None:
        with self._lock:
            credential, until = self._right.get(digest, (None, 0.0))
        return credential if self._clock() < until else None

    def _remember(self, digest: bytes, credential: Credential) -> None:
        with self._lock:
            if len(self._right) >= MOST:
                self._right.clear()
            self._right[digest] = (credential, self._clock() + LIFETIME_SECONDS)


CREDENTIALS = Credentials()


def decode_basic(encoded: str) -> tuple[str, str] | None:
    """The user and the password of a header of basic authentication, if it is one."""
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon and user else None
