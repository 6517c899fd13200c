"""Several servers, workers with sessions, and what was started on other hosts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
READY = "state = 'CACHED' AND open_edges = 0"
IN_FLIGHT = "state IN ('QUEUED', 'RUNNING')"


def upgrade() -> None:
    for name, last in (("jobs", "seq"), ("pieces", "job")):
        op.drop_index(f"{name}_ready", name)
        op.drop_index(f"{name}_in_flight", name)
        _add_columns(
            name,
            sa.Column("server", Number, nullable=False, server_default="1"),
            sa.Column("holder", sa.Text()),
            sqlite_with_rowid=name == "jobs",
        )
        _partial_index(f"{name}_ready", name, ["server", "processor", sa.text("priority DESC"), "tag", last], READY)
        _partial_index(f"{name}_in_flight", name, ["server", last], IN_FLIGHT)
    _add_columns(
        "workspaces", sa.Column("owner", Number), sa.Column("epoch", Number, nullable=False, server_default="0")
    )
    # The first server that enters goes on with what is there.
    op.execute("UPDATE workspaces SET owner = 1")
    op.drop_index("callbacks_due", "callbacks")
    _add_columns("callbacks", sa.Column("server", Number, nullable=False, server_default="1"))
    op.create_index("callbacks_due", "callbacks", ["server", "due_at"])
    _create_tables()


def _add_columns(table: str, *columns: sa.Column[Any], **options: Any) -> None:
    # SQLite can add columns, but then the table is written differently from one that was made whole.
    how = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table(table, recreate=how, table_kwargs=options) as batch:  # type: ignore[arg-type]
        for column in columns:
            batch.add_column(column)


def _partial_index(name: str, table: str, columns: list[Any], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _create_tables() -> None:
    op.create_table(
        "servers",
        sa.Column("seq", Number, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("incarnation", Number, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("beat", Number, nullable=False),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.Column("heir", Number),
        sa.Column("writer", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", Number, nullable=False),
        sa.Column("processors", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "tool_descriptions",
        sa.Column("processor", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("processor"),
    )
    op.create_table(
        "pauses",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name"),
    )
    op.create_table(
        "deployed",
        sa.Column("seq", Number, nullable=False),
        sa.Column("server", Number, nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("deployed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
