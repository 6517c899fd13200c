"""The words a task line may have, and what to say of those it may not. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Option:
    """``value`` names what follows the option."""

    value: str
    example: str


@dataclass(frozen=True, slots=True)
class Fault:
    message: str
    advice: str


OPTIONS = {
    "-I": Option("input file group", "-I OCR-D-IMG"),
    "-O": Option("output file group", "-O OCR-D-OCR"),
    "-p": Option("JSON object", """-p '{"model": "frk"}'"""),
    "-P": Option("key and value", """-P model frk (a text that looks like an option or a number: -P model '"-I"')"""),
}
_LONG_FORMS = {
    "--input-file-grp": "-I",
    "--output-file-grp": "-O",
    "--parameter": "-p",
    "--parameter-override": "-P",
    "--param-override": "-P",
}
_OF_THE_RUN = {
    "-g": "the pages",
    "--page-id": "the pages",
    "-m": "the METS file",
    "--mets": "the METS file",
    "-w": "the directory",
    "--working-dir": "the directory",
    "-U": "the METS server",
    "--mets-server-url": "the METS server",
    "-l": "the log level",
    "--log-level": "the log level",
    "--overwrite": "whether files are replaced",
}
_TYPOGRAPHIC_DASHES = "‐‑‒–—−"
_TYPOGRAPHIC_QUOTES = "“”„‟‘’‚‛«»"
_SHELL_OPERATORS = (";", "&", "&&", "|", "||", ">", ">>", "<")
_NO_SCRIPT = "A workflow is no shell script: write one step a line."
_PROCESSOR_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LONGEST_GROUP = 200  # its name becomes that of a directory, and part of those of files
_GROUP_FOR_OUTPUT = re.compile(r"\w[\w.:+-]*")


def no_processor(word: str) -> Fault | None:
    """What is wrong with the first word of a line, or None."""
    if word in OPTIONS or word.startswith("-"):
        return Fault(
            f"the line begins with {word!r}, not with a processor",
            "Begin each line with the name of a processor. Where a step goes on, end the line before with a backslash.",
        )
    if word == "ocrd" or word == "process":
        return Fault(
            f"{word!r} is no processor",
            "Write the steps alone, one a line and without the quotes around them: leave out `ocrd process`.",
        )
    if any(blank in word for blank in " \t\n\u00a0"):
        return Fault(
            f"{word!r} is no processor's name",
            "Quotes around a whole step belong to the command line: leave them out. "
            "Use plain blanks between words (text copied from a web page may have others).",
        )
    if word.removeprefix("ocrd-").startswith("-") or word == "ocrd-" or not _PROCESSOR_NAME.fullmatch(word):
        return Fault(
            f"{word!r} is no processor's name",
            "Write the name alone, with or without ocrd-, as in tesserocr-recognize: no path, letters and digits only.",
        )
    return None


def no_option(word: str) -> Fault:
    """What is wrong with a word that stands where an option must be."""
    name, equals, rest = word.partition("=")
    if name in _OF_THE_RUN:
        what = _OF_THE_RUN[name]
        return Fault(
            f"{name} is an option of the run, not of a step",
            f"Leave it out of the workflow, and say {what} once for the whole run.",
        )
    if name in _LONG_FORMS:
        short = _LONG_FORMS[name]
        return Fault(f"{name} is not known in a workflow", f"Write {short}, as in: {OPTIONS[short].example}")
    if equals and name in OPTIONS:
        return Fault(f"{word!r} is no option", f"Write a blank for the equals sign: {name} {rest}")
    if word[:2] in OPTIONS:
        return Fault(f"{word!r} is no option", f"Write a blank behind {word[:2]}: {word[:2]} {word[2:]}")
    if word[:1] in _TYPOGRAPHIC_DASHES and word:
        return Fault(
            f"{word!r} begins with a typographic dash",
            f"Write a plain hyphen: -{word.lstrip(_TYPOGRAPHIC_DASHES)}",
        )
    if word.startswith("-"):
        return Fault(f"{word} is no option of a step", "A step knows -I, -O, -p and -P.")
    if word in _SHELL_OPERATORS:
        return Fault(f"{word!r} belongs to no option", _NO_SCRIPT)
    return Fault(
        f"{word!r} belongs to no option",
        "Several file groups are separated by a comma without blanks (-I A,B); "
        "a value with blanks stands in quotes; -P takes two words, key and value (-P model frk).",
    )


def no_file_group(group: str, whole: str) -> Fault | None:
    """What is wrong with one file group of a comma list, or None."""
    if not group:
        return Fault(
            f"an empty file group in {whole!r}" if whole else "the file group is empty",
            "Separate file groups by one comma without blanks, as in -I OCR-D-IMG,OCR-D-BIN.",
        )
    if len(group) > LONGEST_GROUP:
        return Fault(f"{group[:100]!r}… is too long for a file group", f"It may have {LONGEST_GROUP} characters.")
    if group != group.strip() or not group.isprintable():
        return Fault(f"{group!r} is no file group's name", "Leave out blanks and control characters.")
    if group[0] in _TYPOGRAPHIC_QUOTES:
        return Fault(f"{group!r} stands in typographic quotes", "Write plain ones, or none.")
    if group.startswith("-"):
        return Fault(f"{group!r} looks like an option, not like a file group", "Name a file group, as in -I OCR-D-IMG.")
    return None


def unusable_output_group(group: str) -> Fault | None:
    """What is wrong with a file group that is to be written, or None. Its name becomes a directory of the workspace."""
    if len(group.encode()) > LONGEST_GROUP:
        return Fault(f"{group[:100]!r}… is too long for a file group", f"It may have {LONGEST_GROUP} bytes.")
    if not _GROUP_FOR_OUTPUT.fullmatch(group):
        return Fault(
            f"{group!r} cannot be an output file group: its name becomes a directory of the workspace",
            f"{_NO_SCRIPT} " * group.endswith(";")
            + "Use letters, digits, hyphens and underscores, as in -O OCR-D-OCR.",
        )
    return None
