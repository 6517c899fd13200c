"""All tables. The same on SQLite and PostgreSQL; what differs stands in ``dialects``.

Times are seconds since the epoch (UTC) by the server's clock. ``seq`` columns are the database's own short numbers and
never leave the server; ``id`` columns are what the outside sees.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    false,
    text,
)

metadata = MetaData()

# SQLite gives rowids only to INTEGER columns, PostgreSQL wants BIGINT for a million books.
Number = BigInteger().with_variant(Integer, "sqlite")

READY = "state = 'CACHED' AND open_edges = 0 AND NOT held"
IN_FLIGHT = "state IN ('QUEUED', 'RUNNING')"

workspaces = Table(
    "workspaces",
    metadata,
    Column("seq", Number, primary_key=True),
    Column("mets", Text, nullable=False, unique=True),  # absolute, links resolved
    Column("added_at", Float, nullable=False),
    Column("owner", Number),  # the server that dispatches, completes and saves
    Column("epoch", Number, nullable=False, server_default="0"),  # how often the owner was another one
    Column("id", Text),  # what the outside sees
    Column("managed", Boolean, nullable=False, server_default=false()),  # its files lie in our home and go with it
    Column("description", Text, nullable=False, server_default=""),
    Column("deleted_at", Float),
    Column("base_version", Text, nullable=False, server_default=""),  # SHA-512 of the manifest it came with
    Index("workspaces_by_id", "id", unique=True),
)

runs = Table(
    "runs",
    metadata,
    Column("seq", Number, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("workspace", Number, nullable=False),
    Column("workflow", Text, nullable=False),
    Column("page_selector", Text, nullable=False),
    Column("page_wise", Boolean, nullable=False),
    Column("overwrite", Boolean, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", Text, nullable=False),  # RUNNING until it has ended and its METS is saved
    Column("open_jobs", Integer, nullable=False),  # jobs that are not over
    Column("all_jobs", Integer, nullable=False),
    Column("skipped_jobs", Integer, nullable=False),  # (step, page) pairs whose output was there already
    Column("revivals", Integer, nullable=False, server_default="0"),  # how often it was retried
    Column("submitted_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("message", Text, nullable=False, server_default=""),
    Column("description", Text, nullable=False, server_default=""),
    Column("callback_url", Text),
    Column("kept_jobs", Integer, nullable=False, server_default="0"),  # such whose output somebody has changed by hand
    Column("finish", Text, nullable=False, server_default="[]"),  # JSON: what becomes of groups at the end
    Column("undone_at", Float),
    Index("runs_live", "workspace", sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
)

steps = Table(
    "steps",
    metadata,
    Column("run", Number, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("processor", Text, nullable=False),
    Column("parameters", Text, nullable=False),  # JSON object, defaults filled in
    Column("input_file_grps", Text, nullable=False),  # JSON arrays
    Column("output_file_grps", Text, nullable=False),
    Column("policies", Text, nullable=False, server_default="{}"),  # JSON object: those that are not the default
    sqlite_with_rowid=False,
)

# Other ways to do a step: its fallbacks, and what a retry asked for. The step's own way is number 0.
alternatives = Table(
    "alternatives",
    metadata,
    Column("run", Number, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("processor", Text, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("is_fallback", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

jobs = Table(
    "jobs",
    metadata,
    Column("seq", Number, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("run", Number, nullable=False),
    Column("step", Integer, nullable=False),
    Column("page", Text),  # the page of a job of one page; otherwise its pages stand in job_pages
    Column("pages", Integer, nullable=False),
    Column("processor", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("tag", Number, nullable=False),  # virtual time: the place in the fair order (scheduling.window)
    Column("state", Text, nullable=False),
    Column("open_edges", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("tries", Integer, nullable=False),  # attempts that count against the job
    Column("losses", Integer, nullable=False),  # attempts lost with their worker or server
    Column("cancelling", Boolean, nullable=False),
    Column("cause", Text),
    Column("message", Text, nullable=False, server_default=""),
    Column("queued_at", Float),
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("seconds", Float),
    Column("server", Number, nullable=False, server_default="1"),  # the owner of its workspace
    Column("holder", Text),  # the session of the worker that has taken the attempt over
    Column("held", Boolean, nullable=False, server_default=false()),  # its step is paused, or its next try is not due
    Column("alternative", Integer, nullable=False, server_default="0"),
    Column("overwrite", Boolean, nullable=False, server_default=false()),  # also where its run does not
    Column("mark", Text, nullable=False, server_default=""),  # a page that is not simply done: skipped, copied …
    Column("peak_memory", Number, nullable=False, server_default="0"),  # bytes, of the runner until then; 0: not known
    Index("jobs_of_run", "run", "step"),
    Index(
        "jobs_ready",
        "server",
        "processor",
        text("priority DESC"),
        "tag",
        "seq",
        sqlite_where=text(READY),
        postgresql_where=text(READY),
    ),
    Index("jobs_in_flight", "server", "seq", sqlite_where=text(IN_FLIGHT), postgresql_where=text(IN_FLIGHT)),
)

# The pages of a job of many pages (a job of one page has them in its own row).
job_pages = Table(
    "job_pages",
    metadata,
    Column("job", Number, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("page", Text, nullable=False),
    Column("piece", Integer),
    Column("state", Text, nullable=False),
    Column("cause", Text),
    Column("message", Text, nullable=False, server_default=""),
    Column("mark", Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)

# What was recognised on a page, counted in the PAGE of a job's results. No row: nothing, or no PAGE.
page_counts = Table(
    "page_counts",
    metadata,
    Column("job", Number, primary_key=True),
    Column("page", Text, primary_key=True),
    Column("regions", Integer, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("words", Integer, nullable=False),
    Column("confidence", Float),  # mean of what has one, from 0 to 1
    sqlite_with_rowid=False,
)

# Of what a page's files in a file group were made, as digests: the same again needs not be done again.
fingerprints = Table(
    "fingerprints",
    metadata,
    Column("workspace", Number, primary_key=True),
    Column("file_grp", Text, primary_key=True),
    Column("page", Text, primary_key=True),
    Column("recipe", Text, nullable=False),  # of processor, version, parameters
    Column("inputs", Text, nullable=False),  # of the files that it was made of
    Column("outputs", Text, nullable=False),  # JSON array of [mimetype, digest]: the files as they were made
    Column("dropped", Boolean, nullable=False, server_default=false()),  # at the end of a run, as its workflow said
    Column("run", Number, nullable=False, server_default="0"),  # that has made the files
    Column("replaced", Boolean, nullable=False, server_default=false()),  # files that it had not made
    sqlite_with_rowid=False,
)

# Digests of files, for as long as nothing says that they have changed.
file_digests = Table(
    "file_digests",
    metadata,
    Column("workspace", Number, primary_key=True),
    Column("path", Text, primary_key=True),  # relative to the workspace
    Column("size", Number, nullable=False),
    Column("changed_at", Number, nullable=False),  # mtime in nanoseconds
    Column("inode", Number, nullable=False),
    Column("digest", Text, nullable=False),
    sqlite_with_rowid=False,
)

# What a job of many pages was cut into; each goes its own way through window, worker and runner.
pieces = Table(
    "pieces",
    metadata,
    Column("job", Number, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("processor", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("tag", Number, nullable=False),
    Column("state", Text, nullable=False),  # CACHED, QUEUED, RUNNING, or SUCCESS when it is over, however it ended
    Column("open_edges", Integer, nullable=False, server_default="0"),
    Column("attempt", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("server", Number, nullable=False, server_default="1"),
    Column("holder", Text),
    Column("held", Boolean, nullable=False, server_default=false()),
    Column("alternative", Integer, nullable=False, server_default="0"),
    Index(
        "pieces_ready",
        "server",
        "processor",
        text("priority DESC"),
        "tag",
        "job",
        sqlite_where=text(READY),
        postgresql_where=text(READY),
    ),
    Index("pieces_in_flight", "server", "job", sqlite_where=text(IN_FLIGHT), postgresql_where=text(IN_FLIGHT)),
    sqlite_with_rowid=False,
)

edges = Table(
    "edges",
    metadata,
    Column("predecessor", Number, primary_key=True),
    Column("successor", Number, primary_key=True),
    Column("kind", Text, nullable=False),  # needs | after
    Index("edges_backwards", "successor"),
    sqlite_with_rowid=False,
)

# Attempts that did not work out, for the story of a job.
attempts = Table(
    "attempts",
    metadata,
    Column("seq", Number, primary_key=True),
    Column("job", Number, nullable=False),
    Column("piece", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("page", Text),
    Column("cause", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("log_tail", Text, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("peak_memory", Number, nullable=False),
    Column("again", Boolean, nullable=False),
    Column("ended_at", Float, nullable=False),
    Column("host", Text, nullable=False, server_default=""),  # where its worker was
    Column("runner", Number, nullable=False, server_default="0"),  # process id there
    Index("attempts_of_job", "job"),
)

# What is not yet in mets.xml: replayed after a crash, deleted by the transaction after the save.
deltas = Table(
    "deltas",
    metadata,
    Column("seq", Number, primary_key=True),
    Column("workspace", Number, nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON array of messages.Delta
    Index("deltas_of_workspace", "workspace", "seq"),
    # "all up to this one are saved" must never mean a later one: SQLite would give numbers again
    sqlite_autoincrement=True,
)

# Files that programs outside of our workers have added through a METS server: they join the delta of their attempt when
# it ends.
held_files = Table(
    "held_files",
    metadata,
    Column("seq", Number, primary_key=True),
    Column("workspace", Number, nullable=False),
    Column("job", Number, nullable=False),
    Column("piece", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON of messages.File
    Index("held_files_of_job", "job", "piece"),
)

callbacks = Table(
    "callbacks",
    metadata,
    Column("seq", Number, primary_key=True),
    Column("url", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("server", Number, nullable=False, server_default="1"),  # the one that makes it
    Index("callbacks_due", "server", "due_at"),
)

events = Table(
    "events",
    metadata,
    Column("seq", Number, primary_key=True),
    Column("at", Float, nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON array of store.events.Change
)

workflows = Table(
    "workflows",
    metadata,
    Column("id", Text, primary_key=True),
    Column("content", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("changed_at", Float, nullable=False),
    Index("workflows_by_digest", "digest"),
)

# What runners said of their processors, by the program's path and time stamp.
processors = Table(
    "processors",
    metadata,
    Column("name", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("independent_pages", Boolean, nullable=False),
    Column("full_mets", Boolean, nullable=False),
    Column("plain", Boolean, nullable=False, server_default=false()),  # called for each piece: no runner begins in it
)

# The number of the last transaction of each server that writes, so that one whose answer was lost can be asked for
# (PostgreSQL; SQLite has no connection to lose).
writers = Table(
    "writers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("transactions", Number, nullable=False),
    Column("at", Float, nullable=False),
)

# The servers that share this database. A row stays: the name is kept in the server's home. The incarnation grows when
# the server starts and when another one takes its work over; the beat while it lives.
servers = Table(
    "servers",
    metadata,
    Column("seq", Number, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("incarnation", Number, nullable=False),
    Column("address", Text, nullable=False),  # URL at which others reach it
    Column("beat", Number, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("heir", Number),  # the server that has taken its work over
    Column("writer", Text, nullable=False, server_default=""),  # its process, in the table of that name
)

# Workers that may live: a server that starts must hear them, or let their leases lapse, before it gives work out again.
sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Number, nullable=False),
    Column("processors", Text, nullable=False),  # JSON object: slots by processor
    Column("started_at", Float, nullable=False),
)

# What workers have said of processors that need not be on the server's machine.
tool_descriptions = Table(
    "tool_descriptions",
    metadata,
    Column("processor", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),  # of the program, as its worker saw it
    Column("version", Text, nullable=False),
    Column("tool", Text, nullable=False),  # JSON object
)

# Processors and hosts that get no new work.
pauses = Table(
    "pauses",
    metadata,
    Column("kind", Text, primary_key=True),  # processor | host | step | host and processor
    Column("name", Text, primary_key=True),
    Column("since", Float, nullable=False),
    Column("cause", Text, nullable=False, server_default=""),  # empty: somebody asked for it
    Column("message", Text, nullable=False, server_default=""),
)

# Tries that come later.
delays = Table(
    "delays",
    metadata,
    Column("job", Number, primary_key=True),
    Column("piece", Integer, primary_key=True),
    Column("due_at", Float, nullable=False),
    Column("server", Number, nullable=False, server_default="1"),
    Index("delays_due", "server", "due_at"),
    sqlite_with_rowid=False,
)

# What a server has started on hosts, to be ended by it or by a later server.
deployed = Table(
    "deployed",
    metadata,
    Column("seq", Number, primary_key=True),
    Column("server", Number, nullable=False),
    Column("host", Text, nullable=False),
    Column("kind", Text, nullable=False),  # native | docker | service
    Column("name", Text, nullable=False),
    Column("identity", Text, nullable=False),  # JSON: what tells it from everything else there
    Column("details", Text, nullable=False),  # JSON
    Column("deployed_at", Float, nullable=False),
)

# Who may ask for what. The secret itself is shown once and is kept nowhere.
tokens = Table(
    "tokens",
    metadata,
    Column("seq", Number, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("scope", Text, nullable=False),  # read | run | admin | worker
    Column("digest", Text, nullable=False, unique=True),  # SHA-256 of the secret, as hex
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked_at", Float),
    Column("used_at", Float),  # at last, to the minute
)

# What the servers on this database sign with, so that each of them knows what another one has signed.
secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
