"""The METS of one attempt, as a program that is no Python sees it: what its pages have, and what it has added.

Look-ups answer as ocrd_models.OcrdMets.find_all_files does (ocrd 3.13.3) for the same pages; nothing touches mets.xml.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable

from offizin.errors import Conflict, InvalidRequest, NotBuiltYet, PagesInvalid
from offizin.messages import File
from offizin.pages import resolve_pages

# ocrd_utils.REGEX_FILE_ID
_XS_ID = re.compile(r"[a-zA-Z_][\w.-]*")


class AttemptMets:
    """``whole``: pages and files are those of the whole METS, not of a slice; ``overwrite``: what is there gives way
    unasked; ``check`` is called before anything is added and may raise; ``added_one`` afterwards.

    ``added`` is in the order of adding; ``missing_attribute`` is what was asked for and a slice cannot tell.
    """

    def __init__(
        self,
        directory: str,
        pages: Iterable[str],
        files: Iterable[File],
        file_groups: Iterable[str] = (),
        unique_identifier: str | None = None,
        *,
        whole: bool = False,
        overwrite: bool = False,
        check: Callable[[], None] = lambda: None,
        added_one: Callable[[], None] = lambda: None,
    ) -> None:
        self.directory = os.path.realpath(directory)
        self.unique_identifier = unique_identifier
        self.added: dict[tuple[str, str], File] = {}
        self.missing_attribute = ""
        self._pages = dict.fromkeys(pages)
        self._groups: dict[str, list[File]] = {group: [] for group in file_groups}
        self._by_id: dict[str, list[File]] = {}
        self._whole = whole
        self._overwrite = overwrite
        self._check = check
        self._added_one = added_one
        for file in files:
            self._put(file)

    @property
    def physical_pages(self) -> list[str]:
        return list(self._pages)

    @property
    def file_groups(self) -> list[str]:
        return list(self._groups)

    def find_files(
        self,
        *,
        file_grp: str | None = None,
        file_id: str | None = None,
        page_id: str | None = None,
        mimetype: str | None = None,
        local_filename: str | None = None,
        url: str | None = None,
    ) -> list[File]:
        """``//`` begins a regular expression, in all but ``local_filename``; a page selector may have all forms.

        Raises InvalidRequest, re.error, and NotBuiltYet for what cannot be told of these pages alone.
        """
        if file_id and not file_id.startswith("//"):
            found = list(self._by_id.get(file_id, ()))
        else:
            found = [file for files in self._groups.values() for file in files]
        if file_grp:
            matches = _matcher(file_grp)
            found = [file for file in found if matches(file.file_grp)]
        if file_id:
            matches = _matcher(file_id)
            found = [file for file in found if matches(file.id)]
        if page_id is not None:
            pages = self._select(page_id) if page_id else frozenset[str]()
            found = [file for file in found if file.page_id in pages]
        if mimetype:
            matches = _matcher(mimetype)
            found = [file for file in found if matches(file.mimetype)]
        if url:
            matches = _matcher(url)
            found = [file for file in found if file.url and matches(file.url)]
        if local_filename:
            found = [file for file in found if file.local_filename == local_filename]
        return found

    def add_file(self, file: File, *, force: bool = False) -> None:
        """With ``force`` one with its ID in its group gives way, if it is of the same page and type.

        Raises InvalidRequest, Conflict, and what ``check`` raises.
        """
        self._check()
        for kind, name in (("file/@ID", file.id), ("fileGrp/@USE", file.file_grp)):
            if not _XS_ID.fullmatch(name):
                raise InvalidRequest(f"Invalid syntax for mets:{kind} {name} (not an xs:ID)")
        file = self._inside(file)
        there = [old for old in self._by_id.get(file.id, ()) if old.file_grp == file.file_grp]
        for old in there:
            if (old.page_id, old.mimetype) != (file.page_id, file.mimetype):
                raise Conflict(f"A file with ID=={file.id} already exists {old} but unrelated - cannot mitigate")
            if not (force or self._overwrite):
                raise Conflict(f"A file with ID=={file.id} already exists {old} and neither force nor ignore are set")
        for old in there:
            self._by_id[file.id].remove(old)
            self._groups[file.file_grp].remove(old)
        self._put(file)
        if file.page_id is not None:
            self._pages.setdefault(file.page_id)
        self.added.pop((file.file_grp, file.id), None)
        self.added[file.file_grp, file.id] = file
        self._added_one()

    def _inside(self, file: File) -> File:
        """With its path relative to the workspace, whose directory is made if needed (as Workspace.add_file does)."""
        name = file.local_filename
        if not name:
            return file
        path = os.path.normpath(os.path.join(self.directory, name))  # noqa: PTH118 - as text, it goes into the METS
        parent = os.path.realpath(os.path.dirname(path))  # noqa: PTH120
        if parent != self.directory and not parent.startswith(self.directory + os.sep):
            raise InvalidRequest(f"local_filename {name} leads out of the workspace {self.directory}")
        os.makedirs(parent, exist_ok=True)  # noqa: PTH103
        if not os.path.isabs(name):  # noqa: PTH117
            return file
        relative = os.path.relpath(path, self.directory)
        return File(file.id, file.file_grp, file.mimetype, file.page_id, relative, file.url)

    def _select(self, selector: str) -> frozenset[str]:
        if selector in self._pages:
            return frozenset((selector,))
        try:
            return frozenset(resolve_pages(selector, list(self._pages)))
        except PagesInvalid as error:
            if self._whole:
                raise
            self.missing_attribute = self.missing_attribute or f"pageId={selector}"
            raise NotBuiltYet(f"the pages of this job alone do not tell what {selector!r} is: {error}") from None

    def _put(self, file: File) -> None:
        self._groups.setdefault(file.file_grp, []).append(file)
        self._by_id.setdefault(file.id, []).append(file)


def _matcher(wanted: str) -> Callable[[str], object]:
    if wanted.startswith("//"):
        return re.compile(wanted[2:]).fullmatch
    return wanted.__eq__
