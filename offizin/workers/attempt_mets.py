"""The METS of one attempt, as a program that is no Python sees it: what its pages have, and what it has added.

Look-ups answer as ocrd_models.OcrdMets.find_all_files does (ocrd 3.13.3) for the same pages; nothing touches mets.xml.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from offizin.errors import NotBuiltYet, PagesInvalid
from offizin.messages import File
from offizin.mets_server.adding import check_names, check_replaced, inside
from offizin.mets_server.looking_up import FileQuery
from offizin.mets_server.protocol import Agent, as_listed
from offizin.pages import resolve_pages


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

    def find_files(self, query: FileQuery) -> list[File]:
        """Raises InvalidRequest, PatternInvalid, and NotBuiltYet for what cannot be told of these pages alone."""
        if (file_id := query.one_id) is not None:
            files = list(self._by_id.get(file_id, ()))
        else:
            files = [file for files in self._groups.values() for file in files]
        pages = None if query.page_id is None else self._select(query.page_id)
        return query.among(files, pages)

    def add_file(self, file: File, *, force: bool = False) -> None:
        """With ``force`` one with its ID in its group gives way, if it is of the same page and type.

        Raises InvalidRequest, Conflict, and what ``check`` raises.
        """
        self._check()
        check_names(file)
        file = inside(self.directory, file)
        there = [old for old in self._by_id.get(file.id, ()) if old.file_grp == file.file_grp]
        check_replaced(file, there, force=force or self._overwrite)
        for old in there:
            self._by_id[file.id].remove(old)
            self._groups[file.file_grp].remove(old)
        self._put(file)
        if file.page_id is not None:
            self._pages.setdefault(file.page_id)
        self.added.pop((file.file_grp, file.id), None)
        self.added[file.file_grp, file.id] = file
        self._added_one()

    def _select(self, selector: str) -> frozenset[str]:
        if not selector:
            return frozenset()
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


@dataclass(slots=True)
class ServedAttempt:
    """Behind the protocol. Agents that were added are kept for it alone (the agent of a step is the server's to write),
    and nothing is to be saved: what was added goes to the server when the attempt ends."""

    mets: AttemptMets
    added_agents: list[Agent] = field(default_factory=list)

    @property
    def directory(self) -> str:
        return self.mets.directory

    async def physical_pages(self) -> list[str]:
        return self.mets.physical_pages

    async def file_groups(self) -> list[str]:
        return self.mets.file_groups

    async def unique_identifier(self) -> str:
        return self.mets.unique_identifier or ""

    async def find_files(self, query: FileQuery) -> list[File]:
        return self.mets.find_files(query)

    async def add_file(self, file: File, *, force: bool) -> None:
        self.mets.add_file(file, force=force)

    async def agents(self) -> list[Agent]:
        return self.added_agents

    async def add_agent(self, agent: Agent) -> None:
        self.added_agents.append(as_listed(agent))

    async def save(self) -> None:
        """Nothing."""

    async def reload(self) -> None:
        """Nothing."""
