"""Control: the control database, opened and brought to the newest form."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import stamina
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

MIGRATIONS = Path(__file__).parent / "migrations"


class ControlError(Exception):
    """The control database cannot be used; the message names it and what would be right."""


class NameTakenError(Exception):
    """There is something of this name already."""


class Control:
    """The control database. Safe to use from several threads and processes."""

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)
        try:
            migrate(url)
        except SQLAlchemyError as error:
            raise ControlError(
                f"store.control = {self.engine.url!r}: cannot be opened: {getattr(error, 'orig', None) or error}"
            ) from None

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction: committed at the end, undone where something is raised."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        self.engine.dispose()


def is_there(url: str) -> bool:
    """Whether there is a database at an address, as far as one can tell without opening it."""
    parsed = make_url(url)
    return parsed.get_backend_name() != "sqlite" or Path(parsed.database or "").is_file()


def open_engine(url: str, keeps_references: bool = True) -> Engine:
    """keeps_references: whether SQLite sees to foreign keys; a migration, which makes tables anew, must go without."""
    try:
        engine = create_engine(with_driver(url))
    except (ArgumentError, ModuleNotFoundError) as error:
        raise ControlError(
            f"store.control: {error}; write an address like sqlite:///control.sqlite or"
            " postgresql://user@host/name (which needs metrics-api[postgresql])"
        ) from None
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def prepare(connection: object, _: object) -> None:
            cursor = connection.cursor()  # type: ignore[attr-defined]  # a DB-API connection, which has no type of its own
            cursor.execute("pragma journal_mode = wal")
            cursor.execute("pragma busy_timeout = 5000")
            cursor.execute(f"pragma foreign_keys = {'on' if keeps_references else 'off'}")
            cursor.close()

    return engine


def with_driver(url: str) -> URL:
    """PostgreSQL is spoken to by psycopg."""
    parsed = make_url(url)
    return parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed


@stamina.retry(on=OperationalError, attempts=5, wait_initial=0.1)
def migrate(url: str, revision: str = "head") -> None:
    """Bring the tables to the newest form. Of several processes that start at once, one does it and the others wait."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = open_engine(url, keeps_references=False)
    try:
        with engine.begin() as connection:
            lock(connection)
            current = MigrationContext.configure(connection).get_current_revision()
            if current != ScriptDirectory.from_config(config).get_current_head():
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
    finally:
        engine.dispose()


def lock(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("begin immediate")
    elif connection.dialect.name == "postgresql":
        connection.exec_driver_sql("select pg_advisory_xact_lock(7415)")
