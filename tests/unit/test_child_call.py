"""The command line of a program for one piece."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from offizin.messages import File, Piece, Slice
from offizin.workers.child_call import call_of, policies_of

URL = "http://127.0.0.1:4711/0123"


def piece(pages: list[str], *files: File, **fields: Any) -> Piece:
    return msgspec.structs.replace(
        Piece(
            version=1, job="j", attempt=1, piece=0, processor="ocrd-x", parameters=msgspec.Raw(b'{"model": "frk"}'),
            input_file_grps=["IN", "GT"], output_file_grps=["OUT"], directory="/a book", mets="/a book/mets.xml",
            log="j.log", slice=Slice(pages, list(files)),
        ),
        **fields,
    )  # fmt: skip


def test_it_is_called_as_ocrd_process_calls_it_with_the_url_of_its_attempt() -> None:
    assert call_of(Path("/bin/ocrd-x"), piece(["P1", "P2"]), ["P1", "P2"], URL) == [
        "/bin/ocrd-x", "-m", "/a book/mets.xml", "-w", "/a book", "-U", URL, "-I", "IN,GT", "-O", "OUT",
        "-g", "P1,P2", "-p", '{"model": "frk"}',
    ]  # fmt: skip


def test_only_the_pages_that_are_to_do_are_named() -> None:
    command = call_of(Path("x"), piece(["P1", "P2"], File("F", "IN")), ["P2"], URL)
    assert command[command.index("-g") + 1] == "P2"


def test_for_a_whole_book_no_page_is_named_so_that_files_without_page_are_found() -> None:
    assert "-g" not in call_of(Path("x"), piece(["P1", "P2"], File("F", "IN")), ["P1", "P2"], URL)


def test_more_pages_than_an_argument_holds_are_not_named_as_its_mets_has_no_others() -> None:
    pages = [f"PHYS_{number:05d}" for number in range(20_000)]
    assert "-g" not in call_of(Path("x"), piece(pages), pages, URL)


def test_it_is_told_to_overwrite_and_of_no_output_where_there_is_none() -> None:
    command = call_of(Path("x"), piece(["P1"], overwrite=True, output_file_grps=[]), ["P1"], URL)
    assert command[-1] == "--overwrite"
    assert "-O" not in command


def test_one_page_of_many_takes_no_others_with_it_and_a_single_one_fails_with_its_reason() -> None:
    assert policies_of(["P1", "P2"])["OCRD_MISSING_OUTPUT"] == "SKIP"
    assert policies_of(["P1"])["OCRD_MISSING_OUTPUT"] == "ABORT"
