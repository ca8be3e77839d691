"""OIDC: tokens of an identity provider, checked by the keys that it publishes."""

import threading
import time
from dataclasses import dataclass
from typing import Any

import httpx2
import jwt

from queries.control.database import Control, NameTakenError
from queries.control.identity import Identity, of_user
from queries.control.organisation import find_tenant
from queries.control.tokens import TokenError
from queries.control.users import create_user, find_user_by_name, set_groups
from queries.settings import Oidc

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Those in which who can check cannot sign."""

KEPT_SECONDS = 600.0
"""How long the provider's keys are taken for good."""

PAUSE_SECONDS = 10.0
"""How often they are asked for at the most, whatever tokens name."""

TIMEOUT_SECONDS = 5.0

LEEWAY_SECONDS = 30.0

LONGEST_NAME = 255

MOST_GROUPS = 500

CREATED_BY = "identity provider"


class ProviderError(Exception):
    """The identity provider's keys cannot be had; the message says why."""


@dataclass(frozen=True)
class Claims:
    username: str
    groups: tuple[str, ...]


class Provider:
    def __init__(self, settings: Oidc) -> None:
        self.settings = settings
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._read_at = self._tried_at = float("-inf")
        self._lock = threading.Lock()

    def issued(self, token: str) -> bool:
        """Whether a token says that it is the provider's."""
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
        except jwt.InvalidTokenError:
            return False
        return claims.get("iss") == self.settings.issuer

    def read(self, token: str) -> Claims:
        """Whose token it is, and in which groups they are.

        Raises:
            TokenError: it is not the provider's, or not for us, or no longer.
            ProviderError: its keys cannot be had.
        """
        try:
            header = jwt.get_unverified_header(token)
            claims = jwt.decode(
                token,
                self._key(header.get("kid")),
                ALGORITHMS,
                issuer=self.settings.issuer,
                audience=self.settings.audience,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise TokenError("the token of the identity provider has expired; ask it for a new one") from None
        except jwt.InvalidTokenError as error:
            raise TokenError(f"the token of the identity provider is not valid: {error}") from None
        return self._claims(claims)

    def _claims(self, claims: dict[str, Any]) -> Claims:
        username = claims.get(self.settings.username_claim)
        if not isinstance(username, str) or not 0 < len(username) <= LONGEST_NAME:
            raise TokenError(f"the token of the identity provider has no claim {self.settings.username_claim!r}")
        if self.settings.username_claim == "email" and claims.get("email_verified") is False:
            raise TokenError("the identity provider has not verified this email address")
        groups = claims.get(self.settings.groups_claim) or ()
        listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        return Claims(username.lower(), tuple(str(group) for group in listed[:MOST_GROUPS]))

    def _key(self, identifier: str | None) -> jwt.PyJWK:
        with self._lock:
            now = time.monotonic()
            is_due = identifier not in self._keys or now - self._read_at > KEPT_SECONDS
            if is_due and now - self._tried_at > PAUSE_SECONDS:
                self._tried_at = now
                self._fetch(now)
            if identifier not in self._keys:
                raise jwt.InvalidTokenError("it is signed with a key that the provider does not publish")
            return self._keys[identifier]

    def _fetch(self, now: float) -> None:
        try:
            answer = httpx2.get(self.settings.jwks_url, timeout=TIMEOUT_SECONDS, follow_redirects=False)
            answer.raise_for_status()
            published = jwt.PyJWKSet.from_dict(answer.json())
        except (httpx2.HTTPError, jwt.PyJWKSetError, jwt.PyJWKError, ValueError, AttributeError) as error:
            if self._keys:
                return  # those that there were are better than none
            raise ProviderError(f"auth.oidc.jwks_url = {self.settings.jwks_url!r}: {error}") from None
        self._keys = {key.key_id: key for key in published.keys if key.public_key_use in (None, "sig")}
        self._read_at = now


def identify(control: Control, provider: Provider, token: str) -> Identity:
    """Who a token of the provider stands for. Whoever comes for the first time gets a user, to be found in the list.

    Raises:
        TokenError, ProviderError: as ``Provider.read`` has it, or the name is that of a user with a password here.
    """
    claims = provider.read(token)
    tenant = find_tenant(control, provider.settings.tenant)
    if tenant is None:
        raise TokenError(f"auth.oidc.tenant = {provider.settings.tenant!r}: there is no such tenant")
    user = find_user_by_name(control, claims.username)
    if user is None:
        try:
            user = create_user(control, claims.username, None, tenant.id, CREATED_BY)
        except NameTakenError:
            user = find_user_by_name(control, claims.username)
    if user is None or user.is_local or user.tenant_id != tenant.id:
        raise TokenError(f"{claims.username!r} is a user of our own, who signs in with a password")
    if tuple(user.groups) != claims.groups:
        set_groups(control, user.id, claims.groups)
    return of_user(user, claims.groups)
