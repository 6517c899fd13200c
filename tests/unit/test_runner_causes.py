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
