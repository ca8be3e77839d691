import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import update

from queries.control.applications import (
    check_secret,
    create_application,
    create_link,
    redeem_link,
)
from queries.control.database import Control, ControlError, NameTakenError
from queries.control.identity import find_identity
from queries.control.tables import Link, SigningKey, Table
from queries.control.tokens import TokenError, Tokens


def test_the_migrations_make_the_tables_that_the_code_expects(control: Control) -> None:
    with control.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []


def test_processes_that_start_at_once_migrate_once(url: str) -> None:
    problems: list[BaseException] = []

    def open_it() -> None:
        try:
            Control(url).close()
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_a_database_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=r"store\.control = .*nowhere.*: cannot be opened: unable to open"):
        Control(f"sqlite:///{tmp_path / 'nowhere' / 'control.sqlite'}")


def test_a_secret_opens_and_another_does_not(control: Control) -> None:
    new = create_application(control, "grafana")
    found = check_secret(control, new.client_id, new.client_secret)
    assert found
    assert found.name == "grafana"
    assert check_secret(control, new.client_id, "another") is None
    assert check_secret(control, "nobody", new.client_secret) is None


def test_secrets_are_kept_as_hashes(tmp_path: Path) -> None:
    control = Control(f"sqlite:///{tmp_path / 'control.sqlite'}")
    new = create_application(control, "grafana")
    chosen = create_application(control, "demo", "demo", "a secret that somebody chose")
    control.close()
    with sqlite3.connect(tmp_path / "control.sqlite") as connection:
        kept = "\n".join(connection.iterdump())
    connection.close()
    assert new.client_secret not in kept
    assert chosen.client_secret not in kept


def test_a_name_is_taken_once(control: Control) -> None:
    create_application(control, "grafana")
    with pytest.raises(NameTakenError, match="choose another name"):
        create_application(control, "grafana")


def test_a_link_opens_once(control: Control) -> None:
    create_application(control, "demo", "demo", "demo")
    code = create_link(control, "demo")
    first = redeem_link(control, code)
    assert first
    assert first.name == "demo"
    assert redeem_link(control, code) is None
    assert redeem_link(control, "made-up") is None


def test_a_link_that_is_too_old_does_not_open(control: Control) -> None:
    create_application(control, "demo", "demo", "demo")
    code = create_link(control, "demo")
    with control.session() as session:
        session.execute(update(Link).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    assert redeem_link(control, code) is None


def test_a_token_says_whose_it_is_in_every_process(url: str, control: Control) -> None:
    new = create_application(control, "grafana")
    application = check_secret(control, new.client_id, new.client_secret)
    assert application
    token = Tokens(control, timedelta(hours=1)).issue(application)
    elsewhere = Control(url)
    credential = Tokens(elsewhere, timedelta(hours=1)).read(token)
    elsewhere.close()
    assert find_identity(control, credential) == application
    assert application.name == "grafana"


def test_tokens_that_are_altered_expired_or_foreign_are_refused(control: Control) -> None:
    new = create_application(control, "grafana")
    application = check_secret(control, new.client_id, new.client_secret)
    assert application
    tokens = Tokens(control, timedelta(hours=1))
    token = tokens.issue(application)
    head, body, signature = token.split(".")
    expired = Tokens(control, timedelta(seconds=-1)).issue(application)
    claims = jwt.decode(token, options={"verify_signature": False})
    unsigned = jwt.encode(claims, "", "none", headers={"kid": jwt.get_unverified_header(token)["kid"]})
    foreign = jwt.encode(claims, "k" * 64, "HS256", headers={"kid": "another"})
    for bad in (f"{head}.{body}.{signature[:-2]}AA", unsigned, foreign, "", "a.b.c", "é"):
        with pytest.raises(TokenError, match="is not valid"):
            tokens.read(bad)
    with pytest.raises(TokenError, match="has expired"):
        tokens.read(expired)


def test_a_token_of_an_older_key_is_still_read(control: Control) -> None:
    new = create_application(control, "grafana")
    application = check_secret(control, new.client_id, new.client_secret)
    assert application
    tokens = Tokens(control, timedelta(hours=1))
    old = tokens.issue(application)
    with control.session() as session:
        later = datetime.now(UTC) + timedelta(seconds=1)
        session.add(SigningKey(id="newer", secret="s" * 64, created_at=later))
    new_token = tokens.issue(application)
    assert jwt.get_unverified_header(new_token)["kid"] == "newer"
    assert tokens.read(old) == tokens.read(new_token)
