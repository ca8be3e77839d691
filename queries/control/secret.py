"""Secret: how passwords and the secrets of programs are made, kept and compared.

What a person chose is hashed slowly (argon2), what we made up at random needs no more than a digest. Which of the two
is done follows from the secret that is given, never from what is stored, and it is done for accounts that do not exist
too: so the time that an answer takes does not tell what there is.
"""

import hashlib
import hmac
import re
import secrets
from contextlib import suppress

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

HASHER = PasswordHasher()

NOBODYS_HASH = HASHER.hash(secrets.token_urlsafe())
"""What a secret is compared with where there is nothing to compare it with."""

PREFIX = "gpum_"
"""What secrets that we make begin with: scanners that look for leaked secrets find them by it."""

MADE = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}")

LONGEST = 1_000
"""Nobody's secret is longer, and hashing one that is would take our time."""


def make_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def is_made(secret: str) -> bool:
    """Whether a secret looks like one that we made."""
    return MADE.fullmatch(secret) is not None


def hash_secret(secret: str) -> str:
    return digest(secret) if is_made(secret) else HASHER.hash(secret)


def is_right(secret: str, stored: str | None) -> bool:
    """Whether a secret is the one of which a hash is stored; None: there is no such account."""
    if is_made(secret):
        return hmac.compare_digest(digest(secret), stored or "")
    try:
        return HASHER.verify(stored or NOBODYS_HASH, secret[:LONGEST]) and stored is not None
    except VerifyMismatchError:
        return False
    except InvalidHashError:
        return verify_nobodys(secret)


def verify_nobodys(secret: str) -> bool:
    """Take the time that it takes; the secret that we made for this account was not given."""
    with suppress(VerifyMismatchError):
        HASHER.verify(NOBODYS_HASH, secret[:LONGEST])
    return False


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
