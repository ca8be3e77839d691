"""A database that an earlier release made goes on as it is."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from queries.control.applications import check_secret, redeem_link
from queries.control.database import Control, ControlError, migrate, open_engine
from queries.control.identity import find_identity
from queries.control.roles import ADMINISTRATOR
from queries.control.rules import Grant, grants_of
from queries.control.secret import digest
from queries.control.tokens import Tokens

NOW = datetime.now(UTC)


@pytest.fixture
def older(url: str) -> str:
    """What the release before wrote: an application, its link, and a signing key."""
    migrate(url, "0001")
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text("insert into applications (id, name, client_id, secret_hash, created_at) values (:a, :b, :c, :d, :e)"),
            {"a": "the-id", "b": "grafana", "c": "id", "d": PasswordHasher().hash("secret"), "e": NOW},
        )
        connection.execute(
            text("insert into links values (:a, 'the-id', :b)"), {"a": digest("code"), "b": NOW + timedelta(hours=5)}
        )
        connection.execute(text("insert into signing_keys values ('key', :a, :b)"), {"a": "s" * 64, "b": NOW})
    engine.dispose()
    return url


def test_an_older_database_goes_on(older: str) -> None:
    control = Control(older)
    found = check_secret(control, "id", "secret")
    assert found
    assert (found.name, found.tenant_id, found.subject_id) == ("grafana", 1, "the-id")
    with control.session() as session:
        assert grants_of(session, found) == [Grant(ADMINISTRATOR, "tenant", "1")]
    assert redeem_link(control, "code") == found
    control.close()


def test_a_token_of_before_is_still_good(older: str) -> None:
    claims = {
        "iss": "metrics-api",
        "sub": "the-id",
        "name": "grafana",
        "iat": NOW,
        "exp": NOW + timedelta(hours=1),
        "jti": "x",
    }
    token = jwt.encode(claims, "s" * 64, "HS256", headers={"kid": "key"})
    control = Control(older)
    identity = find_identity(control, Tokens(control, timedelta(hours=24)).read(token))
    assert identity
    assert identity.name == "grafana"
    control.close()


def test_references_hold_after_the_migration(older: str) -> None:
    control = Control(older)
    with control.session() as session:
        session.execute(text("delete from applications"))
        assert session.execute(text("select count(*) from links")).scalar() == 0
    control.close()


def test_an_address_that_is_none_is_explained() -> None:
    for url in ("nonsense", "nosuchdatabase://x/y"):
        with pytest.raises(ControlError, match="write an address like"):
            Control(url)
