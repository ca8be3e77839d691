"""Run by Alembic: brings the database that it is handed to the newest form."""

from alembic import context

from queries.control.tables import Table

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Table.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
