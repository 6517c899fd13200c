"""Alembic's entry point; ``store.migrate`` hands the connection over."""

from __future__ import annotations

from alembic import context

from offizin.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with connection.begin():
    context.run_migrations()
