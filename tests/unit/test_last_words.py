"""What the last line of a program's log says of its failure."""

from __future__ import annotations

import pytest

from offizin.messages import Cause
from offizin.runner.causes import cause_of
from offizin.workers.last_words import cause_in, last_line


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("cp: error writing 'OUT/P1.png': No space left on device", Cause.DISK_FULL),
        ("terminate called after throwing an instance of 'std::bad_alloc'", Cause.OUT_OF_MEMORY),
        ("bash: fork: Cannot allocate memory", Cause.OUT_OF_MEMORY),
        ("MemoryError", Cause.OUT_OF_MEMORY),
        ("torch.OutOfMemoryError: CUDA", Cause.OUT_OF_MEMORY),
        ("ocrd.processor.base.ResourceNotFoundError: Could not find resource 'x'", Cause.MODEL_MISSING),
        ("configured model frk is not installed", Cause.MODEL_MISSING),
        ("PIL.UnidentifiedImageError: cannot identify image file 'a.tif'", Cause.BAD_IMAGE),
        ("convert: cannot identify image file `a.tif'", Cause.BAD_IMAGE),
        ("ValueError: no ink", None),
        ("a remodelled page was not found", None),
        ("", None),
    ],
)
def test_well_known_words_tell_the_cause(line: str, cause: Cause | None) -> None:
    assert cause_in(line) is cause


@pytest.mark.parametrize(
    "words",
    ["No space left on device", "out of memory", "broken PNG file (chunk b'')", "model frk is not available", "no ink"],
)
def test_the_words_tell_the_same_as_in_a_runner(words: str) -> None:
    assert str(cause_in(words) or Cause.EXCEPTION) == cause_of(RuntimeError(words))[0]


def test_the_last_line_is_the_last_that_stands_by_itself() -> None:
    assert last_line("a\nOutOfMemoryError: heap\n\tat x.y(Z.java)\n\n   at z\n") == "OutOfMemoryError: heap"
    assert last_line("  \n\n") == ""
