"""A page's input as its output, as ``Processor._copy_page_file`` of ocrd 3 makes it, for pages that got none."""

from __future__ import annotations

import os
from typing import Any

from ocrd_modelfactory import page_from_file
from ocrd_models.ocrd_page import to_xml
from ocrd_utils import MIMETYPE_PAGE, make_file_id

from .accounts import Accounts
from .codec import Piece


def copy_pages(processor: Any, workspace: Any, piece: Piece, accounts: Accounts) -> None:
    """Each page by itself: one that cannot be copied has failed. Works in the current directory."""
    for page in piece.pages:
        accounts.begins(page)
        try:
            for number, group in enumerate(piece.output_file_grps):
                input_file = _input_of(workspace, page, piece.input_file_grps, number)
                if input_file is None:
                    accounts.failed(page, "NO_INPUT", f"no file of the page in {','.join(piece.input_file_grps)}")
                    break
                _copy(processor, workspace, input_file, page, group)
            else:
                accounts.returned(page)
        except Exception as error:
            accounts.raised(page, error)


def _input_of(workspace: Any, page: str, groups: list[str], number: int) -> Any:
    """The page's PAGE in the file group of that number (or the first), or else its first file there."""
    group = groups[number if number < len(groups) else 0]
    files = [file for file in workspace.mets.find_files(fileGrp=group, pageId=page) if file.local_filename]
    return next((file for file in files if file.mimetype == MIMETYPE_PAGE), files[0] if files else None)


def _copy(processor: Any, workspace: Any, file: Any, page: str, group: str) -> None:
    file_id = make_file_id(file, group)
    if file.mimetype == MIMETYPE_PAGE or file.mimetype.startswith("image/"):
        pcgts = page_from_file(file)
        pcgts.set_pcGtsId(file_id)
        processor.add_metadata(pcgts)
        content: Any = to_xml(pcgts)
        mimetype, suffix = MIMETYPE_PAGE, ".xml"
    else:
        with open(file.local_filename, "rb") as stream:
            content = stream.read()
        mimetype, suffix = file.mimetype, os.path.splitext(file.local_filename)[1]
    workspace.add_file(
        file_grp=group, file_id=file_id, page_id=page, local_filename=os.path.join(group, file_id + suffix),
        mimetype=mimetype, content=content,
    )  # fmt: skip
