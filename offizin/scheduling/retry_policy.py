"""What happens after an attempt. Pure: it returns decisions, somebody else acts on them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from offizin.messages import Cause


@dataclass(frozen=True, slots=True)
class Limits:
    """``own_failures``: further tries after a processor's own failure, its signal or exit; ``runner_losses``: after its
    runner was lost under a living worker; ``free_losses``: losses of the worker or server that do not count."""

    own_failures: int = 0
    runner_losses: int = 3
    free_losses: int = 2
    counted_losses: int = 3


class Next(StrEnum):
    OVER = "over"  # the outcome of each page stands
    AGAIN = "again"  # the same pages once more
    PAGE_BY_PAGE = "page by page"  # the pages that are not done, each as a piece of its own
    FULL_METS = "full METS"  # once more with a copy of the whole METS


@dataclass(frozen=True, slots=True)
class Attempt:
    """One ended attempt at a piece. ``open_pages``: how many have no outcome of their own; ``failed``: the first cause
    among those that have one; ``tries``: the counted attempts before this one."""

    cause: Cause | None
    failed: Cause | None
    charged: bool
    open_pages: int
    tries: int
    independent_pages: bool
    wants_full_mets: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done after a cause. ``tries``: so many more at most (None: as ``Limits.own_failures`` says), with nothing
    beside it on its worker if it has to be ``alone``, each after so many seconds (``pauses``; at once if there are
    none). Whichever worker is free makes the next try."""

    tries: int | None = None
    alone: bool = False
    pauses: tuple[float, ...] = ()


AS_LIMITED = Rule()
NEVER = Rule(tries=0)
LATER = Rule(tries=4, pauses=(60.0, 300.0, 900.0, 3600.0))

# RUNNER_LOST: as Limits.runner_losses says, at once. WORKER_LOST: see after_loss.
TABLE = {
    Cause.EXCEPTION: AS_LIMITED,
    Cause.EXIT: AS_LIMITED,
    Cause.CRASH: AS_LIMITED,
    Cause.TIMEOUT: AS_LIMITED,
    Cause.NO_OUTPUT: AS_LIMITED,
    Cause.BAD_OUTPUT: AS_LIMITED,
    Cause.OUT_OF_MEMORY: Rule(tries=1, alone=True),
    Cause.DISK_FULL: LATER,
    Cause.MODEL_MISSING: NEVER,
    Cause.BAD_PARAMETER: NEVER,
    Cause.BAD_IMAGE: NEVER,
    Cause.NO_INPUT: NEVER,
    Cause.CANCELLED: NEVER,
}


def tries_after(cause: Cause, limits: Limits) -> int:
    """How many more, in all."""
    if cause is Cause.RUNNER_LOST:
        return limits.runner_losses
    tries = TABLE.get(cause, NEVER).tries
    return limits.own_failures if tries is None else tries


def pause_before_next(cause: Cause, tries: int) -> float:
    """In seconds, before the try that follows ``tries`` counted ones and this."""
    pauses = TABLE.get(cause, NEVER).pauses
    return pauses[min(tries, len(pauses) - 1)] if pauses else 0.0


def losses_before_next(cause: Cause, losses: int, limits: Limits) -> int:
    """What has to be alone is from now on like what was lost with its worker so often that it is."""
    return max(losses, limits.free_losses) if TABLE.get(cause, NEVER).alone else losses


def after(attempt: Attempt, limits: Limits) -> Next:
    """What to do with a piece after this attempt."""
    if attempt.cause is Cause.CANCELLED or (not attempt.open_pages and attempt.failed is None):
        return Next.OVER  # cancelled, or nothing is left to do, whatever came after the last page
    if not attempt.charged:
        return Next.AGAIN
    if attempt.wants_full_mets:
        return Next.FULL_METS
    lost = Cause.RUNNER_LOST in (attempt.cause, attempt.failed)
    if lost and attempt.tries < limits.runner_losses:
        return Next.AGAIN
    if attempt.cause is not None and attempt.open_pages > 1 and attempt.independent_pages:
        # One page took the others with it: alone, only the guilty one fails.
        return Next.PAGE_BY_PAGE
    if lost:
        return Next.OVER
    worst = attempt.cause or attempt.failed
    return Next.AGAIN if worst is not None and attempt.tries < tries_after(worst, limits) else Next.OVER


@dataclass(frozen=True, slots=True)
class AfterLoss:
    """``alone``: nothing else may run on the worker meanwhile; ``give_up``: it has taken too many workers with it."""

    alone: bool
    give_up: bool


def after_loss(losses: int, limits: Limits) -> AfterLoss:
    """What to do with a piece that was lost with its worker or server for the ``losses``-th time."""
    return AfterLoss(alone=losses >= limits.free_losses, give_up=losses > limits.free_losses + limits.counted_losses)
