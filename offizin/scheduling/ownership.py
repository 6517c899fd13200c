"""Which server looks after a workspace: one at a time dispatches its jobs, takes their results in and writes its METS.

A workspace without work goes to whoever is asked to do something with it. One with work stays with its owner as long as
that lives; whoever takes over for a dead one does so in ``upkeep.server_heartbeats``. So work and all that it waits for
has one owner.
"""

from __future__ import annotations

from collections.abc import Collection

from offizin.errors import OwnedElsewhere
from offizin.store import edges, jobs, servers, shown_jobs, workspaces
from offizin.store.servers import ServerIdentity
from offizin.store.transaction import Transaction
from offizin.store.workspaces import Holding


class Moved(Exception):
    """The workspace has had another owner meanwhile: what was known of it may no longer be so."""


class Ownership:
    """What this ``server`` owns. Its methods run within transactions."""

    def __init__(self, server: ServerIdentity) -> None:
        self.server = server.seq

    def take(self, tx: Transaction, workspace: int, known: int | None = None) -> int:
        """From now on the workspace is ours; its epoch, which stays as long as it is.

        Raises OwnedElsewhere when another server has work on it, and Moved when the epoch is not the ``known`` one.
        """
        epoch = self.check(tx, workspace)
        if epoch is None:
            workspaces.move(tx, [workspace], self.server)
            epoch = workspaces.holding(tx, workspace).epoch
        if known is not None and epoch != known:
            raise Moved
        return epoch

    def check(self, tx: Transaction, workspace: int) -> int | None:
        """The epoch of a workspace that is ours, None for one that can be taken. Raises OwnedElsewhere."""
        found = workspaces.holding(tx, workspace)
        if found.owner == self.server:
            return found.epoch
        if found.owner is not None and workspaces.has_work(tx, workspace):
            raise owned_elsewhere(tx, workspaces.mets_path(tx, workspace), found.owner)
        return None

    def holds(self, tx: Transaction, workspace: int, epoch: int) -> bool:
        """Whether it has been ours all the time since ``take`` answered this epoch."""
        return workspaces.holding(tx, workspace) == Holding(self.server, epoch)

    def check_job(self, tx: Transaction, job_id: str) -> None:
        """Raises OwnedElsewhere for a job of another server that lives."""
        owner = jobs.server_of(tx, job_id)
        if owner is None or owner == self.server:
            return
        row = servers.by_seq(tx, owner)
        if row is not None and not row.has_left:
            [job] = shown_jobs.shown(tx, ids=[job_id])
            raise owned_elsewhere(tx, job.mets, owner)

    def check_predecessors(self, tx: Transaction, waiting: Collection[int]) -> None:
        """Raises OwnedElsewhere if one of these jobs waits for a live one of another server."""
        for mets, owner in edges.owners_before(tx, waiting):
            if owner != self.server:
                raise owned_elsewhere(tx, mets, owner)


def owned_elsewhere(tx: Transaction, mets: str, owner: int) -> OwnedElsewhere:
    row = servers.by_seq(tx, owner)
    name, address = (row.name, row.address) if row else (str(owner), "")
    return OwnedElsewhere(
        f"another server has work on {mets}: {address or name}",
        address=address,
        advice="Ask that server; if it is gone, this one takes the work over soon.",
    )
