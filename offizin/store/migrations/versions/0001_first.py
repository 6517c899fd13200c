"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("seq", Number, nullable=False),
        sa.Column("job", Number, nullable=False),
        sa.Column("piece", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("page", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("log_tail", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("peak_memory", Number, nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("attempts_of_job", "attempts", ["job"], unique=False)
    op.create_table(
        "callbacks",
        sa.Column("seq", Number, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("callbacks_due", "callbacks", ["due_at"], unique=False)
    op.create_table(
        "deltas",
        sa.Column("seq", Number, nullable=False),
        sa.Column("workspace", Number, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    op.create_index("deltas_of_workspace", "deltas", ["workspace", "seq"], unique=False)
    op.create_table(
        "edges",
        sa.Column("predecessor", Number, nullable=False),
        sa.Column("successor", Number, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("predecessor", "successor"),
        sqlite_with_rowid=False,
    )
    op.create_index("edges_backwards", "edges", ["successor"], unique=False)
    op.create_table(
        "events",
        sa.Column("seq", Number, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "job_pages",
        sa.Column("job", Number, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("piece", sa.Integer(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("job", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "jobs",
        sa.Column("seq", Number, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("run", Number, nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("page", sa.Text(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("processor", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("tag", Number, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("open_edges", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.Column("cancelling", sa.Boolean(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("queued_at", sa.Float(), nullable=True),
        sa.Column("started_at", sa.Float(), nullable=True),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
    )
    op.create_index(
        "jobs_in_flight",
        "jobs",
        ["seq"],
        unique=False,
        sqlite_where=sa.text("state IN ('QUEUED', 'RUNNING')"),
        postgresql_where=sa.text("state IN ('QUEUED', 'RUNNING')"),
    )
    op.create_index("jobs_of_run", "jobs", ["run", "step"], unique=False)
    op.create_table(
        "pieces",
        sa.Column("job", Number, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("processor", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("tag", Number, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("open_edges", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("job", "number"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "pieces_in_flight",
        "pieces",
        ["job"],
        unique=False,
        sqlite_where=sa.text("state IN ('QUEUED', 'RUNNING')"),
        postgresql_where=sa.text("state IN ('QUEUED', 'RUNNING')"),
    )
    op.create_table(
        "processors",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("independent_pages", sa.Boolean(), nullable=False),
        sa.Column("full_mets", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "runs",
        sa.Column("seq", Number, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("workspace", Number, nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("page_selector", sa.Text(), nullable=False),
        sa.Column("page_wise", sa.Boolean(), nullable=False),
        sa.Column("overwrite", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("open_jobs", sa.Integer(), nullable=False),
        sa.Column("all_jobs", sa.Integer(), nullable=False),
        sa.Column("skipped_jobs", sa.Integer(), nullable=False),
        sa.Column("revivals", sa.Integer(), server_default="0", nullable=False),
        sa.Column("submitted_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("callback_url", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
    )
    op.create_index(
        "runs_live",
        "runs",
        ["workspace"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "steps",
        sa.Column("run", Number, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("processor", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("input_file_grps", sa.Text(), nullable=False),
        sa.Column("output_file_grps", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "workflows",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("workflows_by_digest", "workflows", ["digest"], unique=False)
    op.create_table(
        "workspaces",
        sa.Column("seq", Number, nullable=False),
        sa.Column("mets", sa.Text(), nullable=False),
        sa.Column("added_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("mets"),
    )

    for table, last in (("jobs", "seq"), ("pieces", "job")):
        op.create_index(
            f"{table}_ready",
            table,
            ["processor", sa.text("priority DESC"), "tag", last],
            sqlite_where=sa.text("state = 'CACHED' AND open_edges = 0"),
            postgresql_where=sa.text("state = 'CACHED' AND open_edges = 0"),
        )
