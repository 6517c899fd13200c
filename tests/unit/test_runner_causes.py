"""Exceptions of processors become causes of offizin.messages."""

from __future__ import annotations

import errno

import pytest
from ocrd.processor.base import MissingInputFile, NonUniqueInputFile, ResourceNotFoundError
from PIL import Image, UnidentifiedImageError

from offizin.messages import Cause
from offizin.runner.causes import cause_of, cause_of_loading
from offizin.runner.channel import DeadlinePassed


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (MemoryError(), Cause.OUT_OF_MEMORY),
        (TimeoutError(), Cause.TIMEOUT),
        (OSError(errno.ENOSPC, "No space left on device"), Cause.DISK_FULL),
        (OSError(errno.EACCES, "Permission denied"), Cause.EXCEPTION),
        (UnidentifiedImageError("cannot identify image file"), Cause.BAD_IMAGE),
        (Image.DecompressionBombError("too big"), Cause.BAD_IMAGE),
        (ResourceNotFoundError("frk", "ocrd-x"), Cause.MODEL_MISSING),
        (MissingInputFile("OCR-D-IMG", "P1", None), Cause.NO_INPUT),
        (NonUniqueInputFile("OCR-D-IMG", "P1", None), Cause.NO_INPUT),
        (DeadlinePassed("nothing is written any more"), Cause.RUNNER_LOST),
        (SystemExit(3), Cause.EXIT),
        (KeyboardInterrupt(), Cause.EXIT),
        (ValueError("too pale"), Cause.EXCEPTION),
        (OSError("image file is truncated (5 bytes not processed)"), Cause.BAD_IMAGE),
        (OSError("broken data stream when reading image file"), Cause.BAD_IMAGE),
        (SyntaxError("broken PNG file (chunk b'IDAT')"), Cause.BAD_IMAGE),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), Cause.DISK_FULL),
        (RuntimeError("cannot write: [Errno 28] No space left on device"), Cause.DISK_FULL),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), Cause.OUT_OF_MEMORY),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), Cause.OUT_OF_MEMORY),
        (RuntimeError("std::bad_alloc"), Cause.OUT_OF_MEMORY),
        (RuntimeError("configured model frk is not installed"), Cause.MODEL_MISSING),
        (ValueError("the model of this page says that no line was found"), Cause.EXCEPTION),
    ],
)
def test_each_has_its_cause(error: BaseException, cause: Cause) -> None:
    assert cause_of(error)[0] == cause


def test_the_message_names_class_and_text() -> None:
    assert cause_of(ValueError("too pale"))[1] == "ValueError: too pale"
    assert cause_of(MemoryError())[1] == "MemoryError"
    assert "exit 3" in cause_of(SystemExit(3))[1]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (Exception("configured model frk is not installed"), Cause.MODEL_MISSING),
        (Exception("this model is too old"), Cause.EXCEPTION),
        (FileNotFoundError("model.bin"), Cause.MODEL_MISSING),
        (ValueError("Invalid parameters:\n<report/>"), Cause.BAD_PARAMETER),
        (RuntimeError("no GPU"), Cause.EXCEPTION),
        (SystemExit(1), Cause.EXIT),
    ],
)
def test_loading_fails_for_want_of_a_model_or_a_good_parameter(error: BaseException, cause: Cause) -> None:
    assert cause_of_loading(error)[0] == cause


def raised(error: Exception, over: Exception, *, on_purpose: bool) -> Exception:
    """``error`` as it is when it was raised from, or while handling, another one."""
    try:
        try:
            raise over
        except Exception as first:
            if on_purpose:
                raise error from first
            raise error  # noqa: B904
    except Exception as last:
        return last


@pytest.mark.parametrize("on_purpose", [True, False])
def test_what_an_error_was_raised_over_tells_its_cause(on_purpose: bool) -> None:
    full = raised(ValueError("cannot write PAGE"), OSError(errno.ENOSPC, "No space left"), on_purpose=on_purpose)
    assert cause_of(full) == ("DISK_FULL", "ValueError: cannot write PAGE")
    deeper = raised(RuntimeError("no"), full, on_purpose=on_purpose)
    assert cause_of(deeper)[0] == Cause.DISK_FULL


def test_a_time_limit_counts_only_where_the_error_was_raised_from_it() -> None:
    assert cause_of(raised(ValueError("no"), TimeoutError(), on_purpose=True))[0] == Cause.TIMEOUT
    assert cause_of(raised(ValueError("no"), TimeoutError(), on_purpose=False))[0] == Cause.EXCEPTION


def test_what_was_raised_from_nothing_stands_for_itself() -> None:
    error = raised(ValueError("no"), MemoryError(), on_purpose=True)
    error.__cause__, error.__suppress_context__ = None, True
    assert cause_of(error)[0] == Cause.EXCEPTION


def test_a_ring_of_errors_has_an_end() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__context__, other.__context__ = other, one
    assert cause_of(one)[0] == Cause.EXCEPTION
