"""Of what pages were made: runner and server agree, and a plan does what differs and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offizin.messages import Delta, File, FileState, Made, Piece, Slice, encode
from offizin.messages.recipes import recipe_of
from offizin.runner import codec
from offizin.runner.digests import Digests
from offizin.runner.inputs import Inputs
from offizin.runner.inputs import recipe_of as recipe_in_runner
from offizin.scheduling.comparison import Comparison
from offizin.scheduling.fingerprints import fingerprints_after, states_in
from offizin.scheduling.plan import MISSING, Found, Output, PlannedStep, plan
from offizin.store.fingerprints import Fingerprint
from offizin.workflows.policies import OnExistingOutput, Policies

texts = st.text(max_size=8)
parameters = st.dictionaries(texts, st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts)


@given(texts, texts, parameters)
def test_runner_and_server_have_the_same_digest_of_a_recipe(
    processor: str, version: str, given_: dict[str, Any]
) -> None:
    assert recipe_of(processor, version, json.dumps(given_)) == recipe_in_runner(processor, version, given_)


def test_a_recipe_is_another_with_another_processor_version_or_parameter() -> None:
    recipes = {
        recipe_of("ocrd-a", "1", '{"x": 1, "y": 2}'),
        recipe_of("ocrd-b", "1", '{"x": 1, "y": 2}'),
        recipe_of("ocrd-a", "2", '{"x": 1, "y": 2}'),
        recipe_of("ocrd-a", "1", '{"x": 1, "y": 3}'),
    }
    assert len(recipes) == 4
    assert recipe_of("ocrd-a", "1", '{"y":2,"x":1}') in recipes


# A book of two pages: images, what a step has made of them, what a second has made of that.


class Book:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.files: dict[tuple[str, str | None], list[File]] = {}
        self.known: dict[tuple[str, str], Fingerprint] = {}
        self.states: dict[str, FileState] = {}
        for page in ("p1", "p2"):
            self.write("IMG", page, f"image {page}")
        self.files["IMG", None] = [File("URL", "IMG", "text/html", None, None, "https://example.org/")]

    def write(self, group: str, page: str, content: str) -> File:
        name = f"{group}_{page}"
        (self.directory / name).write_text(content)
        file = File(name, group, "text/plain", page, name)
        self.files[group, page] = [file]
        return file

    def run(self, step: PlannedStep, pages: list[str], *, recipe: str = "r") -> None:
        """As runner and server do it, with one file for each page."""
        files = [
            file
            for (group, page), listed in self.files.items()
            if page in pages or (step.together and page is None)
            for file in listed
        ]
        piece = Piece(
            version=1, job="j", attempt=1, piece=0, processor="any", parameters=msgspec.Raw(b"{}"),
            input_file_grps=list(step.input_file_grps), output_file_grps=list(step.output_file_grps),
            directory=str(self.directory), mets="", log="", slice=Slice(pages, files),
        )  # fmt: skip
        inputs = Inputs(codec.Piece(encode(piece)), Digests(), step.together)
        inputs.look_at_all()
        made = []
        added = []
        digests = Digests()
        for page in pages:
            digest, reads = inputs.of(page)
            made.append(Made(page, recipe, digest, [FileState(*read) for read in reads]))
            for group in step.output_file_grps:
                file = self.write(group, page, f"{group} {page} of {digest} by {recipe}")
                size, changed_at, inode, content = digests.of(str(self.directory / file.id)) or (0, 0, 0, "")
                fields = {"size": size, "changed_at": changed_at, "inode": inode, "digest": content}
                added.append(msgspec.structs.replace(file, **fields))
        delta = Delta(files=added, made=made)
        self.known |= {place: each for place, each in fingerprints_after([delta], {}).items() if each is not None}
        self.states |= states_in([delta])

    def found(self, recipes: tuple[str, ...] = ("r", "r")) -> Callable[[PlannedStep, str], Found]:
        return self.comparison(recipes).found

    def comparison(self, recipes: tuple[str, ...] = ("r", "r")) -> Comparison:
        numbered = dict(enumerate(recipes))
        return Comparison(str(self.directory), self.files, self.known, self.states, numbered, ["p1", "p2"])

    def outputs(self, steps: list[PlannedStep], recipes: tuple[str, ...] = ("r", "r")) -> list[list[Output]]:
        found = self.found(recipes)
        return [[found(step, page).output for page in ("p1", "p2")] for step in steps]


A = PlannedStep(0, "ocrd-a", "{}", ("IMG",), ("A",))
B = PlannedStep(1, "ocrd-b", "{}", ("A",), ("B",))
THERE, OUTDATED, GONE, DROPPED = Output.THERE, Output.OUTDATED, Output.MISSING, Output.DROPPED


@pytest.fixture
def book(tmp_path: Path) -> Book:
    made = Book(tmp_path)
    for step in (A, B):
        for page in ("p1", "p2"):
            made.run(step, [page])
    return made


def test_what_runner_and_server_look_at_is_the_same(book: Book) -> None:
    assert book.outputs([A, B]) == [[THERE, THERE], [THERE, THERE]]


def test_files_are_read_only_when_they_look_changed(book: Book) -> None:
    comparison = book.comparison()
    for step in (A, B):
        comparison.found(step, "p1")
    assert comparison.seen == []
    content = (book.directory / "IMG_p1").read_text()
    (book.directory / "IMG_p1").unlink()
    (book.directory / "IMG_p1").write_text(content)
    comparison = book.comparison()
    assert comparison.found(A, "p1").output is THERE
    assert [state.path for state in comparison.seen] == ["IMG_p1"]


def test_another_input_outdates_what_was_made_of_it(book: Book) -> None:
    (book.directory / "IMG_p2").write_text("another")
    assert book.outputs([A, B]) == [[THERE, OUTDATED], [THERE, THERE]]


def test_another_recipe_outdates_its_step(book: Book) -> None:
    assert book.outputs([A, B], ("r", "other")) == [[THERE, THERE], [OUTDATED, OUTDATED]]


def test_what_is_made_of_something_that_comes_anew_is_outdated(book: Book) -> None:
    numbered = {0: "r", 1: "r"}
    comparison = Comparison(str(book.directory), book.files, book.known, book.states, numbered, ["p1"], {("A", "p1")})
    assert [comparison.found(step, page).output for step in (A, B) for page in ("p1", "p2")] == [
        THERE, THERE, OUTDATED, THERE,
    ]  # fmt: skip


def test_what_was_changed_by_hand_is_seen(book: Book) -> None:
    (book.directory / "A_p1").write_text("by hand")
    found = book.found(("other", "r"))
    assert found(A, "p1") == Found(OUTDATED, by_hand=True)
    assert found(A, "p2") == Found(OUTDATED)
    assert found(B, "p1") == Found(OUTDATED)


def test_what_is_gone_from_the_disk_is_outdated_and_what_is_gone_from_the_mets_is_missing(book: Book) -> None:
    (book.directory / "B_p1").unlink()
    del book.files["B", "p2"]
    assert book.outputs([A, B]) == [[THERE, THERE], [OUTDATED, GONE]]


def test_where_nobody_knows_how_it_was_made_what_is_there_counts(book: Book) -> None:
    del book.known["B", "p1"]
    (book.directory / "A_p1").write_text("another")
    assert book.outputs([A, B], ("r", "other"))[1] == [THERE, OUTDATED]


def test_what_was_dropped_stands_for_itself(book: Book) -> None:
    for page in ("p1", "p2"):
        del book.files["A", page]
        old = book.known["A", page]
        book.known["A", page] = Fingerprint(old.recipe, old.inputs, old.outputs, dropped=True)
    assert book.outputs([A, B]) == [[DROPPED, DROPPED], [THERE, THERE]]
    (book.directory / "IMG_p1").write_text("another")
    assert book.outputs([A, B]) == [[OUTDATED, DROPPED], [THERE, THERE]]


def test_pages_that_belong_together_are_made_of_all(tmp_path: Path) -> None:
    book, together = Book(tmp_path), PlannedStep(0, "ocrd-a", "{}", ("IMG",), ("A",), together=True)
    book.run(together, ["p1", "p2"])
    assert book.outputs([together]) == [[THERE, THERE]]
    (book.directory / "IMG_p2").write_text("another")
    assert book.outputs([together]) == [[OUTDATED, OUTDATED]]


# Plans

STEPS = [
    PlannedStep(0, "ocrd-a", "{}", ("IMG",), ("A",)),
    PlannedStep(1, "ocrd-b", "{}", ("A",), ("B",)),
    PlannedStep(2, "ocrd-c", "{}", ("A",), ("C",)),
    PlannedStep(3, "ocrd-d", "{}", ("B", "C"), ("D",)),
]
PAGES = ["p1", "p2", "p3"]
founds = st.builds(Found, st.sampled_from(Output), st.booleans())
worlds = st.fixed_dictionaries({(step.number, page): founds for step in STEPS for page in PAGES})
whole = st.sets(st.integers(0, 3))


def planned(world: dict[tuple[int, str], Found], together: Collection[int] = ()) -> dict[tuple[int, str], bool]:
    """What is to be done, and whether over what is there."""
    steps = [replace(step, together=step.number in together) for step in STEPS]
    made = plan(steps, PAGES, page_wise=True, found=lambda step, page: world[step.number, page])
    return {(job.step.number, page): job.overwrite for job in made.jobs for page in job.pages}


@given(worlds)
def test_what_is_missing_is_made_and_what_is_outdated_is_made_anew(world: dict[tuple[int, str], Found]) -> None:
    done = planned(world)
    for key, found in world.items():
        if found.output is GONE:
            assert done[key] is False
        elif found.by_hand:
            assert key not in done
        elif found.output is OUTDATED:
            assert done[key] is True


@given(worlds)
def test_nothing_is_made_without_a_reason(world: dict[tuple[int, str], Found]) -> None:
    done = planned(world)
    anew = {key for key, overwrite in done.items() if overwrite}
    direct = {(n, p) for n, p in anew if world[n, p].output is OUTDATED}
    for number, page in anew - direct:
        readers = [later.number for later in STEPS if "ABCD"[number] in later.input_file_grps]
        is_needed = world[number, page].output is DROPPED and any((later, page) in done for later in readers)
        is_behind = any(
            (earlier, page) in anew and "ABCD"[earlier] in STEPS[number].input_file_grps for earlier in range(number)
        )
        assert is_needed or is_behind


@given(worlds, whole)
def test_what_is_behind_something_made_anew_is_made_too_unless_it_was_changed_by_hand(
    world: dict[tuple[int, str], Found], together: set[int]
) -> None:
    done = planned(world, together)
    for (number, page), overwrite in done.items():
        if overwrite:
            for later in STEPS[number + 1 :]:
                pages = PAGES if later.number in together else [page]
                if "ABCD"[number] in later.input_file_grps:
                    assert all((later.number, each) in done or world[later.number, each].by_hand for each in pages)


@given(worlds, whole)
def test_what_was_dropped_is_there_for_all_that_need_it(
    world: dict[tuple[int, str], Found], together: set[int]
) -> None:
    done = planned(world, together)
    for number, page in done:
        for earlier in STEPS[:number]:
            if "ABCD"[earlier.number] in STEPS[number].input_file_grps:
                found = world[earlier.number, page]
                assert found.output is not DROPPED or found.by_hand or (earlier.number, page) in done


def with_policy(step: PlannedStep, policy: OnExistingOutput) -> PlannedStep:
    return replace(step, policies=Policies(on_existing_output=policy))


def test_all_is_made_with_overwrite() -> None:
    anew = [with_policy(step, OnExistingOutput.OVERWRITE) for step in STEPS]
    made = plan(anew, PAGES, page_wise=False, found=lambda _step, _page: Found(THERE, by_hand=True))
    assert [(job.step.number, job.pages) for job in made.jobs] == [(n, tuple(PAGES)) for n in range(4)]
    assert made.kept == 0


def test_what_is_behind_a_step_that_overwrites_is_made_anew() -> None:
    steps = [STEPS[0], with_policy(STEPS[1], OnExistingOutput.OVERWRITE), *STEPS[2:]]
    made = plan(steps, ["p1"], page_wise=True, found=lambda _step, _page: Found(THERE))
    assert [job.step.number for job in made.jobs] == [1, 3]


def test_what_is_to_be_left_is_left_whatever_it_was_made_of() -> None:
    steps = [STEPS[0], with_policy(STEPS[1], OnExistingOutput.SKIP), *STEPS[2:]]
    made = plan(steps, ["p1"], page_wise=True, found=lambda _step, _page: Found(OUTDATED))
    assert [job.step.number for job in made.jobs] == [0, 2, 3]
    made = plan(steps, ["p1"], page_wise=True, found=lambda _step, _page: MISSING)
    assert [job.step.number for job in made.jobs] == [0, 1, 2, 3]


def test_what_is_kept_is_counted() -> None:
    found = {0: Found(OUTDATED, by_hand=True), 1: Found(THERE), 2: MISSING, 3: Found(OUTDATED)}
    made = plan(STEPS, ["p1"], page_wise=True, found=lambda step, _page: found[step.number])
    assert [(job.step.number, job.overwrite) for job in made.jobs] == [(2, False), (3, True)]
    assert (made.skipped, made.kept) == (2, 1)
