"""Policies, alternatives, marks, counts, fingerprints, delays, and what pauses by itself."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
READY = "state = 'CACHED' AND open_edges = 0 AND NOT held"


def upgrade() -> None:
    _add_columns(
        "runs",
        sa.Column("kept_jobs", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("finish", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("undone_at", sa.Float()),
    )
    _add_columns(
        "steps", sa.Column("policies", sa.Text(), nullable=False, server_default="{}"), sqlite_with_rowid=False
    )
    for name, last in (("jobs", "seq"), ("pieces", "job")):
        op.drop_index(f"{name}_ready", name)
        more = [
            sa.Column("overwrite", sa.Boolean(), nullable=False, server_default=sa.false()),
            sa.Column("mark", sa.Text(), nullable=False, server_default=""),
        ]
        _add_columns(
            name,
            sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()),
            sa.Column("alternative", sa.Integer(), nullable=False, server_default="0"),
            *(more if name == "jobs" else ()),
            sqlite_with_rowid=name == "jobs",
        )
        columns: list[Any] = ["server", "processor", sa.text("priority DESC"), "tag", last]
        op.create_index(f"{name}_ready", name, columns, sqlite_where=sa.text(READY), postgresql_where=sa.text(READY))
    _add_columns("job_pages", sa.Column("mark", sa.Text(), nullable=False, server_default=""), sqlite_with_rowid=False)
    _add_columns(
        "attempts",
        sa.Column("host", sa.Text(), nullable=False, server_default=""),
        sa.Column("runner", Number, nullable=False, server_default="0"),
    )
    _add_columns(
        "pauses",
        sa.Column("cause", sa.Text(), nullable=False, server_default=""),
        sa.Column("message", sa.Text(), nullable=False, server_default=""),
    )
    _add_columns("processors", sa.Column("plain", sa.Boolean(), nullable=False, server_default=sa.false()))
    _create_tables()


def _add_columns(table: str, *columns: sa.Column[Any], **options: Any) -> None:
    # SQLite can add columns, but then the table is written differently from one that was made whole.
    how = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table(table, recreate=how, table_kwargs=options) as batch:  # type: ignore[arg-type]
        for column in columns:
            batch.add_column(column)


def _create_tables() -> None:
    op.create_table(
        "alternatives",
        sa.Column("run", Number, nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("processor", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("is_fallback", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("run", "step", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "page_counts",
        sa.Column("job", Number, nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("regions", sa.Integer(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("words", sa.Integer(), nullable=False),
        sa.Column("confidence", sa.Float()),
        sa.PrimaryKeyConstraint("job", "page"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "fingerprints",
        sa.Column("workspace", Number, nullable=False),
        sa.Column("file_grp", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("recipe", sa.Text(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("outputs", sa.Text(), nullable=False),
        sa.Column("dropped", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("run", Number, nullable=False, server_default="0"),
        sa.Column("replaced", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("workspace", "file_grp", "page"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "file_digests",
        sa.Column("workspace", Number, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", Number, nullable=False),
        sa.Column("changed_at", Number, nullable=False),
        sa.Column("inode", Number, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "path"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "delays",
        sa.Column("job", Number, nullable=False),
        sa.Column("piece", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.Column("server", Number, nullable=False, server_default="1"),
        sa.PrimaryKeyConstraint("job", "piece"),
        sqlite_with_rowid=False,
    )
    op.create_index("delays_due", "delays", ["server", "due_at"])
