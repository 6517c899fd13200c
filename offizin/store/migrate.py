"""Bringing a database to the newest schema (Alembic). Imported eagerly, Alembic itself only when there is work."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

NEWEST = "0005"


def upgrade(engine: Engine) -> None:
    """Raises alembic's CommandError for a database from a newer Offizin."""
    with engine.connect() as connection:
        upgrade_over(connection)


def upgrade_over(connection: Connection) -> None:
    """The same over a connection that is not in a transaction."""
    if inspect(connection).has_table("alembic_version"):
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
        if found == NEWEST:
            return
    connection.rollback()
    _run_alembic(connection)


def _run_alembic(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
