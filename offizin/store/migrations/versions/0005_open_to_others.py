"""Ids of workspaces, tokens, secrets, and what programs outside of our workers have added to a METS."""

from __future__ import annotations

import uuid
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
READY = "state = 'CACHED' AND open_edges = 0 AND NOT held"


def upgrade() -> None:
    # SQLite can add columns, but then the table is written differently from one that was made whole.
    how = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("workspaces", recreate=how) as batch:  # type: ignore[arg-type]
        batch.add_column(sa.Column("id", sa.Text()))
        batch.add_column(sa.Column("managed", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("description", sa.Text(), nullable=False, server_default=""))
        batch.add_column(sa.Column("deleted_at", sa.Float()))
        batch.add_column(sa.Column("base_version", sa.Text(), nullable=False, server_default=""))
    _add_peak_memory(how)
    _give_ids()
    op.create_index("workspaces_by_id", "workspaces", ["id"], unique=True)
    op.create_table(
        "held_files",
        sa.Column("seq", Number, primary_key=True),
        sa.Column("workspace", Number, nullable=False),
        sa.Column("job", Number, nullable=False),
        sa.Column("piece", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_index("held_files_of_job", "held_files", ["job", "piece"])
    op.create_table(
        "tokens",
        sa.Column("seq", Number, primary_key=True),
        sa.Column("name", sa.Text(), nullable=False, unique=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, unique=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float()),
        sa.Column("revoked_at", sa.Float()),
        sa.Column("used_at", sa.Float()),
    )
    op.create_table(
        "secrets",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
    )


def _add_peak_memory(how: str) -> None:
    op.drop_index("jobs_ready", "jobs")  # a table that is written anew would lose it
    with op.batch_alter_table("jobs", recreate=how) as batch:  # type: ignore[arg-type]
        batch.add_column(sa.Column("peak_memory", Number, nullable=False, server_default="0"))
    columns: list[Any] = ["server", "processor", sa.text("priority DESC"), "tag", "seq"]
    op.create_index("jobs_ready", "jobs", columns, sqlite_where=sa.text(READY), postgresql_where=sa.text(READY))


def _give_ids() -> None:
    connection = op.get_bind()
    workspaces = sa.table("workspaces", sa.column("seq", Number), sa.column("id", sa.Text()))
    for (seq,) in connection.execute(sa.select(workspaces.c.seq)).all():
        new = {"id": str(uuid.uuid4())}
        connection.execute(sa.update(workspaces).where(workspaces.c.seq == seq).values(new))
