"""What users do in a simulated world, drawn from a seed: short lists of acts that can be made shorter."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tests.simulation.chances import CLUSTER_TROUBLES, TROUBLES

WORKFLOWS = (
    "seg -I IMG -O SEG\nrec -I SEG -O OCR",
    "seg -I IMG -O SEG\nrec -I SEG,IMG -O OCR\nseg -I OCR -O SEG2",
    "rec -I IMG -O OCR",
    "book -I IMG -O BOOK\nrec -I BOOK -O OCR",
    "seg -I IMG -O SEG\nbook -I SEG -O BOOK",
    "old -I IMG -O OLD\nrec -I OLD -O OCR",
    "seg -I IMG -O IMG2\nrec -I IMG2 -O SEG",
    "rec -I SEG -O OCR2",
    "seg -I IMG -O SEG\nseg -I SEG -O SEG2\nseg -I SEG2 -O SEG3",
    "seg -I IMG -O SEG\nfallback rec\nfallback seg\nrec -I SEG -O OCR",
    "book -I IMG -O BOOK\nfallback seg\nfallback old\nrec -I BOOK -O OCR\nfallback book",
)

POLICIES = (
    "on_missing_output=skip",
    "on_missing_output=copy",
    "on_missing_input=skip",
    "on_existing_output=fail",
    "max_missing_outputs=1",
    "on_missing_output=skip max_missing_outputs=0.3",
    "on_missing_output=copy max_missing_outputs=2 on_missing_input=skip",
    "on_missing_output=skip on_missing_input=fail",
)

# What users do to a run that they have submitted.
LATER = (
    "cancel run", "cancel job", "retry run", "redo run", "set priority of run", "restart", "write METS of run",
    "pause step of run", "resume run",
)  # fmt: skip


@dataclass(frozen=True)
class Act:
    """What one user does at a time. ``which`` counts the submissions before; ``job`` is a place in that run."""

    at: float
    what: str
    which: int = 0
    job: int = 0
    book: int = 0
    workflow: int = 0
    pages: str = ""
    page_wise: bool = False
    overwrite: bool = False
    policies: str = ""
    redo: str = "failed"
    step: int | None = None
    processor: str = ""
    skip: bool = False
    alone: bool = False
    priority: int = 0
    depends: bool = False
    calls_back: bool = False

    def __str__(self) -> str:
        if self.what == "redo run":
            step = "" if self.step is None else f", step {self.step}"
            by = f" by {self.processor}" if self.processor else " as skipped" if self.skip else ""
            return f"{self.at:7.3f}  redo {self.redo} of run {self.which}, pages {self.pages or 'all'}{step}{by}"
        if self.what != "submit":
            return f"{self.at:7.3f}  {self.what} {self.which}" + (f".{self.job}" if "job" in self.what else "")
        words = " ".join(
            word
            for word, said in [
                ("page-wise", self.page_wise),
                ("overwrite", self.overwrite),
                (self.policies, self.policies),
                (f"priority {self.priority}", self.priority),
                ("after the job before", self.depends),
                ("one job", self.alone),
            ]
            if said
        )  # fmt: skip
        text = WORKFLOWS[self.workflow].replace("\n", "; ")
        return f"{self.at:7.3f}  submit {self.which} on book {self.book} pages {self.pages or 'all'}: {text} {words}"


@dataclass(frozen=True)
class Scenario:
    """``books``: how many pages each has."""

    seed: int
    books: tuple[int, ...]
    acts: tuple[Act, ...]
    troubles: frozenset[str] = field(default_factory=frozenset)
    own_failures: int = 0
    in_a_row: int = 5  # failures for one cause that pause a step
    slots: int = 2
    workers: int = 0  # in processes of their own; none: the server has slots

    def __str__(self) -> str:
        lines = [
            f"seed {self.seed}; books of {', '.join(map(str, self.books))} pages; {self._hands}; "
            f"{self.own_failures} more tries after own failures, {self.in_a_row} in a row pause",
            *(f"may happen: {trouble}" for trouble in sorted(self.troubles)),
            *map(str, self.acts),
        ]
        return "\n".join(lines)

    @property
    def _hands(self) -> str:
        return f"{self.workers} workers of {self.slots} slots" if self.workers else f"{self.slots} slots"

    def simpler(self) -> Iterator[Scenario]:
        """Each a little less: to be tried when this one fails."""
        for trouble in sorted(self.troubles):
            yield replace(self, troubles=self.troubles - {trouble})
        for at in range(len(self.acts)):
            yield replace(self, acts=self.acts[:at] + self.acts[at + 1 :])
        for book, pages in enumerate(self.books):
            if pages > 1:
                fewer = pages // 2 if pages > 2 else 1
                yield replace(self, books=(*self.books[:book], fewer, *self.books[book + 1 :]))
        for at, act in enumerate(self.acts):
            plain = replace(act, overwrite=False, policies="", depends=False, priority=0)
            if plain != act:
                yield replace(self, acts=(*self.acts[:at], plain, *self.acts[at + 1 :]))
        if self.workers > 1:
            yield replace(self, workers=self.workers - 1)
        if self.own_failures:
            yield replace(self, own_failures=0)


def scenario(seed: int) -> Scenario:
    """Small worlds: a few books of a few pages, so that everything meets everything. One in ten is special."""
    draw = random.Random(f"scenario/{seed}")
    kind = draw.random()
    if kind < 0.05:
        return _queue(seed, draw)
    if kind < 0.1:
        return _trials(seed, draw)
    books = tuple(draw.choice([1, 2, 3, 5, 8, 13]) for _ in range(draw.choice([1, 1, 2, 3])))
    acts: list[Act] = []
    at, submitted = 0.0, 0
    for _ in range(draw.randint(2, 14)):
        at += draw.choice([0.0, 0.001, 0.01, 0.05, 0.2, 1.0, 8.0]) * draw.random()
        if submitted and draw.random() < 0.5:
            what = draw.choice(LATER)
            act = Act(at, what, which=draw.randrange(submitted), job=draw.randrange(6), priority=draw.randrange(3))
            acts.append(_redo(act, draw) if what == "redo run" else act)
            continue
        book = draw.randrange(len(books))
        acts.append(
            Act(
                at,
                "submit",
                which=submitted,
                book=book,
                workflow=draw.randrange(len(WORKFLOWS)),
                pages=draw.choice(["", "", "P1", "P1..P3", "~P1"]) if books[book] > 3 else "",
                page_wise=draw.random() < 0.5,
                overwrite=draw.random() < 0.3,
                policies=draw.choice(POLICIES) if draw.random() < 0.3 else "",
                alone=draw.random() < 0.1,
                priority=draw.choice([0, 0, 0, 1]),
                depends=draw.random() < 0.15,
                calls_back=draw.random() < 0.3,
            )
        )
        submitted += 1
    some = draw.choice([0, 1, 2, 4, len(TROUBLES)])
    return Scenario(
        seed,
        books,
        tuple(acts),
        troubles=frozenset(draw.sample(sorted(TROUBLES), some)),
        own_failures=draw.choice([0, 0, 1, 2]),
        in_a_row=draw.choice([0, 2, 3, 5]),
        slots=draw.choice([1, 2, 2, 4]),
    )


def cluster_scenario(seed: int) -> Scenario:
    """The same, with workers in processes of their own and a broker between."""
    draw = random.Random(f"cluster/{seed}")
    plain = scenario(seed)
    own = [name for name in TROUBLES if "with the broker" not in name and "result" not in name]
    some = draw.choice([0, 1, 2, 4, 8])
    troubles = set(draw.sample(sorted(CLUSTER_TROUBLES), draw.choice([0, 1, 2, len(CLUSTER_TROUBLES)])))
    troubles |= set(draw.sample(sorted(own), some))
    return replace(plain, troubles=frozenset(troubles), workers=draw.choice([1, 2, 2, 3]))


def _redo(act: Act, draw: random.Random) -> Act:
    redo, pages = draw.choice(["failed", "missing", "all"]), draw.choice(["", "", "P1", "~P1"])
    step = draw.choice([None, None, 0, 1])
    processor = "" if step is None else draw.choice(["", "", "ocrd-seg", "ocrd-rec", "ocrd-book"])
    skip = redo != "all" and not processor and draw.random() < 0.3
    return replace(act, redo=redo, pages=pages, step=step, processor=processor, skip=skip)


def _queue(seed: int, draw: random.Random) -> Scenario:
    """Runs that wait for one processor, each on a book of its own: who is next?"""
    books = tuple(draw.choice([8, 13, 20]) for _ in range(3))
    acts, at = [], 0.0
    for which in range(draw.randint(2, 6)):
        at += draw.random()
        book, priority = which % len(books), draw.choice([0, 0, 0, 1])
        acts.append(Act(at, "submit", which, book=book, workflow=2, page_wise=True, overwrite=True, priority=priority))
    restart = [Act(at * draw.random(), "restart")] if draw.random() < 0.3 else []
    acts = sorted([*acts, *restart], key=lambda act: act.at)
    troubles = frozenset({"the server is killed"} if draw.random() < 0.3 else ())
    return Scenario(seed, books, tuple(acts), troubles, slots=draw.choice([1, 2]))


def _trials(seed: int, draw: random.Random) -> Scenario:
    """One run that fails in every way, and is tried again and again, while old results still come in."""
    acts = [Act(0.0, "submit", workflow=draw.randrange(len(WORKFLOWS)), page_wise=draw.random() < 0.2)]
    at = 0.0
    for _ in range(draw.randint(3, 10)):
        at += draw.random()
        acts.append(
            Act(
                at,
                draw.choice(["retry run", "retry run", "redo run", "cancel run", "cancel job", "resume run"]),
                job=draw.randrange(3),
            )
        )
        acts[-1] = _redo(acts[-1], draw)
    troubles = {
        trouble for trouble in TROUBLES if "page" in trouble or "result comes" in trouble or "processor" in trouble
    }
    return Scenario(seed, (draw.choice([3, 5, 8]),), tuple(acts), frozenset(troubles), slots=draw.choice([1, 2]))
