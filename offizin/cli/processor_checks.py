"""The doctor's look at processors: are there any, do they answer, do they find their models."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from offizin.cli.finding import Finding, note, problem, well
from offizin.cli.processor_list import on_this_machine
from offizin.cli.wording import count, some
from offizin.errors import OffizinError
from offizin.processors.language_data import VARIABLE, tessdata_directories
from offizin.settings import Settings

INSTALL = "pip install ocrd-tesserocr   # in the virtual environment of offizin, or in one of its own that is on PATH"
NOT_LANGUAGES = {"osd", "equ", "snum"}


async def processors(settings: Settings) -> list[Finding]:
    try:
        found, silent = await on_this_machine(settings, versions=False)
    except OffizinError as error:
        return [problem("processors", error.message, error.advice)]
    names = [one.name for one in found]
    findings = [_there(names)]
    if silent:
        findings.append(
            note("programs", f"{some(silent)}: no OCR-D processors, or they do not answer", f"{silent[0]} --dump-json")
        )
    if any(name.startswith("ocrd-tesserocr-") for name in names):
        findings.append(_language_data(tessdata_directories(os.environ)))
    return findings


def _there(names: Sequence[str]) -> Finding:
    if not names:
        return problem("processors", "none found on PATH", INSTALL)
    return well("processors", f"{count(len(names), 'processor')}: {some(list(names), 4)}")


def _language_data(directories: Sequence[Path]) -> Finding:
    named = os.environ.get(VARIABLE)
    if named and not any(Path(named).glob("*.traineddata")):
        return problem("language data", f"{VARIABLE} is {named}, where no *.traineddata lies", f"unset {VARIABLE}")
    if not directories:
        return problem("language data", "tesseract has none", "apt-get install tesseract-ocr-eng tesseract-ocr-frk")
    models = sorted({path.stem for path in directories[0].glob("*.traineddata")} - NOT_LANGUAGES)
    if not models:
        return problem("language data", f"none in {directories[0]}", "apt-get install tesseract-ocr-eng")
    return well("language data", f"{some(models, 8)} in {directories[0]}")
