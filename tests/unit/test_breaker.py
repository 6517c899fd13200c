"""When failures in a row pause a step, or a processor on a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from offizin.jobs import RunKind
from offizin.messages import Cause, Delta, Result
from offizin.scheduling.breaker import MORE_ON_A_HOST, Breaker, Place, Step, Weighed
from offizin.scheduling.contexts import StepContext
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.retry_policy import Next
from offizin.scheduling.verdicts import PageVerdict, Verdict
from offizin.workflows.policies import OnMissingOutput, Policies

LIMIT = 3
PROCESSOR = "ocrd-x"
STEP, PLACE = Step("run-1", 0), Place("here", PROCESSOR)


def context(run: int, policies: Policies, fallback: int | None = None) -> StepContext:
    values: dict[str, Any] = dict.fromkeys(StepContext.__slots__)
    values |= {
        "run": run, "run_id": f"run-{run}", "kind": RunKind.WORKFLOW, "step": 0, "mets": Path("mets.xml"),
        "processor": PROCESSOR, "parameters": msgspec.Raw(b"{}"), "policies": policies, "fallback": fallback,
    }  # fmt: skip
    return StepContext(**values)


class Story:
    """What comes back, one after the other. Jobs are numbered as they come."""

    def __init__(self, limit: int = LIMIT, hosts: dict[str, str] | None = None) -> None:
        self.breaker = Breaker(limit, lambda session: (hosts or {}).get(session, "here"))
        self.jobs = 0
        self.paused: list[Step | Place] = []

    def piece(
        self, pages: int = 1, run: int = 1, policies: Policies | None = None, fallback: int | None = None
    ) -> Dispatched:
        self.jobs += 1
        names = [f"p{number}" for number in range(1, pages + 1)]
        return Dispatched(
            self.jobs,
            f"j{self.jobs}",
            0,
            1,
            pages > 1,
            context(run, policies or Policies(), fallback),
            names,
            PROCESSOR,
            False,
            0,
        )

    def comes(self, *causes: Cause | None, piece: Dispatched | None = None, sender: str = "", **more: Any) -> Verdict:
        """A piece with these outcomes of its pages."""
        piece = piece or self.piece(len(causes))
        result = Result(piece.id, piece.attempt, 0, **more)
        pages = [PageVerdict(name, cause, "why") for name, cause in zip(piece.pages, causes, strict=False)]
        verdict = Verdict(piece, result, pages, piece.pages[len(causes) :], Delta(), sender=sender)
        self.weighed = self.breaker.weigh([verdict])
        self.keep(self.weighed)
        return verdict

    def keep(self, weighed: Weighed) -> None:
        self.paused += weighed.trips
        self.breaker.keep(weighed, list(weighed.trips))


def test_so_many_pages_in_a_row_that_fail_for_one_cause_pause_their_step() -> None:
    story = Story()
    for _ in range(LIMIT - 1):
        assert story.comes(Cause.MODEL_MISSING).pages
    assert story.paused == []
    assert story.comes(Cause.MODEL_MISSING).pages
    assert story.paused == [STEP]
    assert story.weighed.trips[STEP].message == "3 pages in a row failed: why"


def test_what_fails_for_that_cause_from_then_on_is_put_back_and_waits() -> None:
    story = Story()
    verdict = story.comes(*[Cause.MODEL_MISSING] * 5, None, Cause.CRASH)
    assert [page.page for page in verdict.pages] == ["p1", "p2", "p3", "p6", "p7"]
    assert [page.page for page in verdict.put_back] == ["p4", "p5"]
    assert verdict.waits
    assert story.comes(Cause.MODEL_MISSING).waits
    other = story.comes(Cause.CRASH)
    assert other.pages
    assert not other.waits


def test_a_piece_that_is_put_back_in_part_waits_at_its_end() -> None:
    story = Story()
    piece = story.piece(6)
    assert not story.comes(*[Cause.CRASH] * 4, piece=piece, end=False).waits
    assert story.comes(piece=piece).waits


def test_a_piece_that_fails_as_a_whole_counts_once() -> None:
    story = Story()
    for _ in range(LIMIT):
        verdict = story.comes(piece=story.piece(9), cause=Cause.CRASH)
        assert not verdict.waits
    assert story.paused == [STEP]
    assert story.comes(piece=story.piece(9), cause=Cause.CRASH).waits


@pytest.mark.parametrize("between", [None, Cause.CRASH])
def test_a_success_or_another_cause_begins_the_row_anew(between: Cause | None) -> None:
    story = Story()
    for _ in range(3):
        for _ in range(LIMIT - 1):
            story.comes(Cause.EXIT)
        story.comes(between)
    assert story.paused == []


def test_one_page_that_is_tried_again_and_again_counts_once() -> None:
    story = Story()
    piece = story.piece()
    for _ in range(3 * LIMIT):
        story.comes(Cause.RUNNER_LOST, piece=piece)
    assert story.paused == []


@pytest.mark.parametrize(("cause", "counts"), [(Cause.RUNNER_LOST, False), (Cause.DISK_FULL, True)])
def test_what_is_tried_again_at_once_has_not_failed_yet(cause: Cause, counts: bool) -> None:
    story = Story()
    for _ in range(LIMIT):
        piece = story.piece()
        pages = [PageVerdict("p1", cause, "why")]
        verdict = Verdict(piece, Result(piece.id, 1, 0), pages, [], Delta(), next=Next.AGAIN)
        story.keep(story.breaker.weigh([verdict]))
    assert bool(story.paused) == counts


@pytest.mark.parametrize("cause", [Cause.CANCELLED, Cause.WORKER_LOST, Cause.NO_INPUT])
def test_what_is_not_the_processors_fault_does_not_count(cause: Cause) -> None:
    story = Story()
    for _ in range(3 * LIMIT):
        story.comes(cause)
    assert story.paused == []


def test_what_policies_forgive_or_a_fallback_does_again_does_not_count() -> None:
    story = Story()
    for _ in range(3 * LIMIT):
        story.comes(Cause.EXCEPTION, piece=story.piece(policies=Policies(OnMissingOutput.SKIP)))
        story.comes(Cause.EXCEPTION, piece=story.piece(fallback=1))
    assert story.paused == []


def test_a_full_mets_or_what_had_not_begun_does_not_count() -> None:
    story = Story()
    for _ in range(3 * LIMIT):
        story.comes(Cause.EXCEPTION, missing_attribute="physical_pages")
        story.comes(Cause.EXCEPTION, charged=False)
    assert story.paused == []


def test_a_limit_of_nothing_never_pauses() -> None:
    story = Story(limit=0)
    for _ in range(50):
        story.comes(Cause.EXCEPTION)
    assert story.paused == []


def test_the_row_begins_anew_after_a_resume() -> None:
    story = Story()
    for _ in range(LIMIT):
        story.comes(Cause.EXIT)
    story.breaker.told({}, [STEP])
    assert not story.comes(Cause.EXIT).waits
    assert story.paused == [STEP]


def test_what_was_not_written_down_did_not_happen() -> None:
    story = Story()
    for _ in range(LIMIT - 1):
        story.comes(Cause.EXIT)
    piece = story.piece()
    verdict = Verdict(piece, Result(piece.id, 1, 0), [PageVerdict("p1", Cause.EXIT, "")], [], Delta())
    assert STEP in story.breaker.weigh([verdict]).trips
    story.comes(None)
    story.comes(Cause.EXIT)
    assert story.paused == []


def test_a_host_on_which_one_run_after_another_fails_is_paused_for_that_processor() -> None:
    story = Story()
    for run in range(1, 9):
        story.comes(Cause.MODEL_MISSING, piece=story.piece(run=run))
    assert story.paused == [PLACE]
    assert story.comes(Cause.MODEL_MISSING, piece=story.piece(run=20)).waits


def test_one_run_alone_blames_no_host() -> None:
    story = Story()
    for _ in range(MORE_ON_A_HOST * LIMIT + 5):
        story.comes(Cause.MODEL_MISSING)
    assert story.paused == [STEP]


def test_a_success_on_another_host_does_not_clear_this_one() -> None:
    story = Story(hosts={"one": "bad", "other": "good"})
    for run in range(1, 9):
        story.comes(Cause.MODEL_MISSING, piece=story.piece(run=run), sender="one")
        story.comes(None, piece=story.piece(run=run), sender="other")
    assert story.paused == [Place("bad", PROCESSOR)]


def test_bad_images_blame_no_host() -> None:
    story = Story()
    for run in range(1, 20):
        story.comes(Cause.BAD_IMAGE, piece=story.piece(run=run))
    assert story.paused == []
