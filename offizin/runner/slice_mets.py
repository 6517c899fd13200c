"""The METS that a processor sees: the files of its pages, held in plain Python.

A ClientSideOcrdMets, because ``ocrd`` asks for that class, without any server behind it. Look-ups answer as
ocrd_models.OcrdMets does (3.13) for the same pages; what the slice cannot know is noted in ``missing_attribute`` and
raises NotImplementedError, so that the piece is done once more with the whole METS.
"""

# ruff: noqa: N803  (the reference's names)

from __future__ import annotations

import re
from typing import Any, Callable, Iterator, Union

from ocrd.mets_server import ClientSideOcrdMets
from ocrd_models.ocrd_agent import ClientSideOcrdAgent
from ocrd_utils import REGEX_FILE_ID

from .page_selection import SelectorNeedsMets, select_pages
from .slice_file import SliceFile

Pattern = Union[str, "re.Pattern[str]"]


class SliceMets(ClientSideOcrdMets):
    """``slice_`` are the fields of messages.Slice; ``check`` is called before anything is added and may raise."""

    def __init__(self, slice_: dict[str, Any], directory: str, check: Callable[[], None] = lambda: None) -> None:
        # not the base's __init__: it prepares for HTTP
        self.directory = directory
        self.url = ""
        self.multiplexing_mode = False
        self.missing_attribute = ""
        self.added: dict[tuple[str, str], SliceFile] = {}
        self._check = check
        self._unique_identifier = slice_.get("unique_identifier")
        self._pages: dict[str, None] = dict.fromkeys(slice_["pages"])
        self._groups: dict[str, list[SliceFile]] = {group: [] for group in slice_.get("file_groups", ())}
        self._by_id: dict[str, list[SliceFile]] = {}
        self._agents: list[ClientSideOcrdAgent] = []
        for fields in slice_["files"]:
            self._put(SliceFile.from_fields(fields))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._lacks(name)

    def __str__(self) -> str:
        return f"<SliceMets[fileGrps={self.file_groups}, pages={self.physical_pages}]>"

    @property
    def unique_identifier(self) -> str | None:
        return self._unique_identifier

    @property
    def workspace_path(self) -> str:
        return self.directory

    @property
    def physical_pages(self) -> list[str]:
        return list(self._pages)

    @property
    def file_groups(self) -> list[str]:
        return list(self._groups)

    @property
    def agents(self) -> list[ClientSideOcrdAgent]:
        return list(self._agents)

    def add_agent(self, **kwargs: Any) -> ClientSideOcrdAgent:
        """Kept for this piece only: the agent of a step is the server's to write."""
        agent = ClientSideOcrdAgent(None, **kwargs)
        self._agents.append(agent)
        return agent

    def save(self) -> str:
        return ""

    stop = reload = save

    def get_physical_page_for_file(self, ocrd_file: Any) -> str | None:
        page: str | None = ocrd_file.pageId
        return page

    def find_files(self, *args: Any, **kwargs: Any) -> Iterator[SliceFile]:
        return iter(self.find_all_files(*args, **kwargs))

    def find_all_files(
        self,
        ID: str | None = None,
        fileGrp: str | None = None,
        pageId: str | None = None,
        mimetype: str | None = None,
        url: str | None = None,
        local_filename: Pattern | None = None,
        local_only: bool = False,
        include_fileGrp: list[str] | None = None,
        exclude_fileGrp: list[str] | None = None,
    ) -> list[SliceFile]:
        """As OcrdMets.find_all_files. A literal ID or file group is a look-up, the rest filters what that leaves."""
        found: list[SliceFile]
        if ID and not ID.startswith("//"):
            found = self._by_id.get(ID, [])
            if fileGrp:
                found = _matching(found, "fileGrp", fileGrp)
        else:
            if not fileGrp:
                found = [file for group in self._groups.values() for file in group]
            elif fileGrp.startswith("//"):
                pattern = re.compile(fileGrp[2:])
                found = [f for name, group in self._groups.items() if pattern.fullmatch(name) for f in group]
            else:
                found = self._groups.get(fileGrp, [])
            if ID:
                found = _matching(found, "ID", ID)
        if pageId is not None:
            if pageId in self._pages:
                found = [file for file in found if file.pageId == pageId]
            else:
                pages = self._select(pageId) if pageId else ()
                found = [file for file in found if file.pageId in pages]
        if mimetype:
            found = _matching(found, "mimetype", mimetype)
        if url:
            found = _matching([file for file in found if file.url], "url", url)
        if local_filename:
            if isinstance(local_filename, str):  # the reference takes no "//" here
                found = [file for file in found if file.local_filename == local_filename]
            else:
                expression = local_filename
                found = [f for f in found if f.local_filename and expression.fullmatch(f.local_filename)]
        if local_only:
            found = [file for file in found if file.local_filename is not None]
        if exclude_fileGrp:
            found = [file for file in found if file.fileGrp not in exclude_fileGrp]
        if include_fileGrp:
            found = [file for file in found if file.fileGrp in include_fileGrp]
        return list(found)

    def add_file(self, file_grp: str, content: Any = None, **kwargs: Any) -> SliceFile:
        """As OcrdMets.add_file, with its errors. Without content: that is Workspace.add_file's affair."""
        self._check()
        file = self.prepare_file(file_grp, **kwargs)
        self.commit_file(file)
        return file

    def prepare_file(
        self,
        file_grp: str,
        mimetype: str | None = None,
        url: str | None = None,
        ID: str | None = None,
        pageId: str | None = None,
        force: bool = False,
        local_filename: Any = None,
        ignore: bool = False,
        **_: Any,
    ) -> SliceFile:
        """The file, not yet in the METS. Raises ValueError and FileExistsError where OcrdMets.add_file does."""
        if not ID:
            raise ValueError("Must set ID of the mets:file")
        if not file_grp:
            raise ValueError("Must set fileGrp of the mets:file")
        if not REGEX_FILE_ID.fullmatch(ID):
            raise ValueError(f"Invalid syntax for mets:file/@ID {ID} (not an xs:ID)")
        if not REGEX_FILE_ID.fullmatch(file_grp):
            raise ValueError(f"Invalid syntax for mets:fileGrp/@USE {file_grp} (not an xs:ID)")
        if not ignore:
            for old in self._by_id.get(ID, ()):
                if old.fileGrp != file_grp:
                    continue
                if old.pageId != pageId or old.mimetype != (mimetype or ""):
                    raise FileExistsError(f"A file with ID=={ID} already exists {old} but unrelated - cannot mitigate")
                if not force:
                    raise FileExistsError(
                        f"A file with ID=={ID} already exists {old} and neither force nor ignore are set"
                    )
        return SliceFile(ID, file_grp, mimetype, pageId, str(local_filename) if local_filename else None, url)

    def commit_file(self, file: SliceFile) -> SliceFile:
        """Puts a prepared file in; one with its ID in its group gives way."""
        for old in [old for old in self._by_id.get(file.ID, ()) if old.fileGrp == file.fileGrp]:
            self._by_id[file.ID].remove(old)
            self._groups[file.fileGrp].remove(old)
        self._put(file)
        if file.pageId is not None:
            self._pages.setdefault(file.pageId)
        self.added[file.fileGrp, file.ID] = file
        return file

    def _put(self, file: SliceFile) -> None:
        self._groups.setdefault(file.fileGrp, []).append(file)
        self._by_id.setdefault(file.ID, []).append(file)

    def _select(self, selector: str) -> Any:
        try:
            return select_pages(selector, self._pages)
        except SelectorNeedsMets:
            raise self._lacks("pageId=" + selector) from None

    def _lacks(self, name: str) -> NotImplementedError:
        if not self.__dict__.get("missing_attribute"):
            self.missing_attribute = name
        return NotImplementedError(f"ClientSideOcrdMets has no access to '{name}' - try without METS server")


def _matching(files: list[SliceFile], attribute: str, wanted: str) -> list[SliceFile]:
    if not wanted.startswith("//"):
        return [file for file in files if getattr(file, attribute) == wanted]
    pattern = re.compile(wanted[2:])
    return [file for file in files if pattern.fullmatch(getattr(file, attribute))]
