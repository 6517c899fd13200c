"""The METS of a whole workspace as METS requests see it: what it lists, what is not saved yet, and what live attempts
have added so far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from pathlib import Path
from typing import Any

from offizin.clock import Clock
from offizin.messages import Agent as MetsAgent
from offizin.messages import Delta, File
from offizin.mets.checks import check_addition
from offizin.mets.index import MetsIndex
from offizin.mets_server.adding import check_names, check_replaced, inside
from offizin.mets_server.agents_of_file import read_agents
from offizin.mets_server.looking_up import FileQuery
from offizin.mets_server.protocol import Agent, as_listed
from offizin.pages import resolve_pages
from offizin.scheduling.addition_write import Addition, AdditionWrite
from offizin.scheduling.lanes import Lane, Lanes
from offizin.scheduling.live_additions import AddedFiles, LiveAdditions, LiveAttempt
from offizin.scheduling.ownership import Moved
from offizin.scheduling.saving import Saving
from offizin.scheduling.to_the_end import to_the_end
from offizin.store import deltas
from offizin.store.held_files import HeldFile
from offizin.store.transaction import Database
from offizin.trust.references import References

# So many files are looked through in a thread.
_MANY = 2000
# So long it is not looked again whether somebody else has changed the file, in seconds.
_FRESH = 2.0


class WorkspaceMets:
    """Behind the protocol of METS servers. ``mets`` is absolute, with links resolved."""

    def __init__(
        self,
        mets: Path,
        database: Database,
        lanes: Lanes,
        writing: AdditionWrite,
        saving: Saving,
        clock: Clock,
        references: References,
    ) -> None:
        self.mets = mets
        self.additions = LiveAdditions()
        self.asked_at = clock.monotonic()
        self._looked_at = float("-inf")  # whether it is still the file that we know
        self._agents_of_attempts: list[Agent] = []
        self._unsaved = False  # something that was added by hand
        self._database = database
        self._lanes = lanes
        self._writing = writing
        self._saving = saving
        self._clock = clock
        self._references = references

    @property
    def directory(self) -> str:
        return str(self.mets.parent)

    async def physical_pages(self) -> list[str]:
        index = (await self._lane()).index
        return [*index.pages, *_pages_of(self.additions.files, index)]

    async def file_groups(self) -> list[str]:
        return _groups_of(self.additions.files, (await self._lane()).index)

    async def unique_identifier(self) -> str:
        return (await self._lane()).index.unique_identifier or ""

    async def find_files(self, query: FileQuery) -> list[File]:
        index, added = (await self._lane()).index, self.additions.files
        pages = None if query.page_id is None else await _select(query.page_id, index, added)
        files = _candidates(index, added, query, pages)
        if self.additions.any_overwrites:
            files = [file for file in files if not self.additions.gives_way(file)]
        wanted = None if pages is None else frozenset(pages)
        if len(files) > _MANY or query.may_take_long:
            return await asyncio.to_thread(_found, query, files, wanted)
        return _found(query, files, wanted)

    async def add_file(self, file: File, *, force: bool) -> None:
        """Once it is written down. Raises InvalidRequest, Conflict, MetsMissing, OwnedElsewhere, Unavailable."""
        check_names(file)
        file = await asyncio.to_thread(self._inside, file)
        await self._again_if_moved(lambda lane: self._add(lane, file, force=force))

    async def agents(self) -> list[Agent]:
        """Those of the file, those that are not saved yet, and what attempts have told of themselves."""
        lane = await self._lane()
        listed = await asyncio.to_thread(read_agents, self.mets)
        _, waiting = await self._database.read(lambda tx: deltas.of_workspace(tx, lane.workspace))
        there = {id_ for id_, _ in listed}
        unsaved = [agent for delta in waiting for agent in delta.agents if agent.id not in there]
        return [*(agent for _, agent in listed), *map(_shown, unsaved), *self._agents_of_attempts]

    async def add_agent(self, agent: Agent) -> None:
        """One that stands for a live attempt is kept as long as that: its step's own is written by the server."""
        if self._is_of_attempt(agent):
            self._agents_of_attempts.append(as_listed(agent))
            return
        new = _as_written(agent, f"offizin-agent-{self._clock.new_id()}")
        await self._again_if_moved(lambda lane: self._write(Addition(lane, delta=lambda: Delta(agents=[new]))))
        self._unsaved = True

    async def save(self) -> None:
        """What was added by hand. What attempts make is saved when their runs end, and at intervals.

        Raises MetsChanged, MetsMissing, MetsInvalid.
        """
        if not self._unsaved:
            return
        lane = await self._lane()
        self._unsaved = False
        try:
            saved = await self._saving.save(lane.workspace, self.mets)
        except BaseException:
            self._unsaved = True
            raise
        await self._database.write(saved.note)

    async def reload(self) -> None:
        await self._lanes.refresh(self.mets, self._clock.now())
        await self._lanes.open(self.mets, self._clock.now())

    def _inside(self, file: File) -> File:
        file = inside(self.directory, file)
        self._references.check(self.mets.parent, file.local_filename, file.url)
        return file

    # Of the scheduler

    def attempt_is_over(self) -> None:
        """Their agents are told of by nobody any more."""
        if not self.additions.has_attempts:
            self._agents_of_attempts.clear()

    async def _lane(self) -> Lane:
        self.asked_at = now = self._clock.monotonic()
        if now - self._looked_at > _FRESH:
            self._looked_at = now
            await self._lanes.refresh(self.mets, self._clock.now())
        return await self._lanes.open(self.mets, self._clock.now())

    async def _again_if_moved(self, work: Callable[[Lane], Coroutine[Any, Any, None]]) -> None:
        while True:
            lane = await self._lane()
            try:
                await to_the_end(work(lane))
                return
            except Moved:
                await self._lanes.refresh(self.mets, self._clock.now())

    async def _add(self, lane: Lane, file: File, *, force: bool) -> None:
        attempt = self.additions.attempt_of(file)
        there = self._same(lane.index, file)
        check_replaced(file, there, force=force or (attempt is not None and attempt.piece.overwrite))
        self.additions.files.put(file)
        try:
            if attempt is not None:
                await self._hold(lane, attempt, file)
            else:
                await self._add_by_hand(lane, file, replaces=bool(there))
        except BaseException:
            self.additions.files.remove(file)
            raise

    async def _hold(self, lane: Lane, attempt: LiveAttempt, file: File) -> None:
        attempt.add(file)
        piece = attempt.piece
        piece.holds_files = True
        held = HeldFile(piece.context.workspace, piece.seq, piece.piece, piece.attempt, file)
        try:
            await self._write(Addition(lane, held=held))
        except BaseException:
            attempt.files.pop((file.file_grp, file.id), None)
            raise

    async def _add_by_hand(self, lane: Lane, file: File, *, replaces: bool) -> None:
        """As a delta of its own. One that replaces another names all files of its place, so that the others stay."""
        place = (file.file_grp, file.page_id)

        def delta() -> Delta:
            if not replaces:
                return Delta(files=[file])
            others = [other for other in lane.index.files(*place) if other.id != file.id]
            return Delta(files=[*others, file], overwrite=True)

        check_addition(lane.index, file, overwrite=replaces)
        await self._write(Addition(lane, delta=delta, places=[place], alone=replaces))
        self._unsaved = True
        self.additions.files.remove(file)  # it is in the index now

    async def _write(self, addition: Addition) -> None:
        addition.lane.in_flight += 1
        try:
            await self._writing.write(addition)
        finally:
            addition.lane.in_flight -= 1

    def _same(self, index: MetsIndex, file: File) -> list[File]:
        """Files with its ID in its group."""
        added = [old for old in self.additions.files.of_id(file.id) if old.file_grp == file.file_grp]
        return added or [old for old in index.all_by_id(file.id) if old.file_grp == file.file_grp]

    def _is_of_attempt(self, agent: Agent) -> bool:
        """By the notes that the reference's ``run_processor`` makes."""
        said = {name: text or "" for note, text in agent.notes or () for name in note.values()}
        groups = said.get("output-file-grp", "").split(",")
        return self.additions.writes_any_of(groups)


async def _select(selector: str, index: MetsIndex, added: AddedFiles) -> list[str]:
    """Raises PagesInvalid."""
    if not selector:
        return []
    if selector in index.page_set:
        return [selector]
    return await asyncio.to_thread(resolve_pages, selector, [*index.pages, *_pages_of(added, index)])


def _candidates(index: MetsIndex, added: AddedFiles, query: FileQuery, pages: Sequence[str] | None) -> Sequence[File]:
    """All that may fit, and as few others as can be had without looking at them: what was added hides what it stands
    for. In the order of the groups, within them in that of the pages; without either, as they came."""
    if (file_id := query.one_id) is not None:
        listed: Sequence[File] = index.all_by_id(file_id)
        more: Sequence[File] = added.of_id(file_id)
    elif pages is not None:
        listed, more = index.of_pages(pages, query.one_group), added.of_pages(pages)
    elif (group := query.one_group) is not None:
        listed, more = index.of_group(group), list(added)
    else:
        listed, more = list(index.by_arrival()), list(added)
    if not more:
        return listed
    hidden = {(file.file_grp, file.id) for file in more}
    both = [*(file for file in listed if (file.file_grp, file.id) not in hidden), *more]
    order = {group: at for at, group in enumerate(_groups_of(added, index))}
    return sorted(both, key=lambda file: order.get(file.file_grp, -1))


def _found(query: FileQuery, files: Sequence[File], pages: Collection[str] | None) -> list[File]:
    """A file of several pages is listed with each of them; it is one file."""
    once = {(file.file_grp, file.id): file for file in reversed(query.among(files, pages))}
    return list(reversed(once.values()))


def _pages_of(added: AddedFiles, index: MetsIndex) -> list[str]:
    """Pages that the METS does not have yet."""
    pages = dict.fromkeys(file.page_id for file in added)
    return [page for page in pages if page is not None and page not in index.page_set]


def _groups_of(added: AddedFiles, index: MetsIndex) -> list[str]:
    return list(dict.fromkeys([*index.file_groups, *(file.file_grp for file in added)]))


def _shown(agent: MetsAgent) -> Agent:
    notes: list[tuple[dict[str, str], str | None]] = [({"option": name}, text or None) for name, text in agent.notes]
    return as_listed(Agent(agent.name, agent.type, agent.role, agent.otherrole or None, agent.othertype, notes))


def _as_written(agent: Agent, id_: str) -> MetsAgent:
    notes = [(name, text or "") for note, text in agent.notes or () for name in note.values()]
    return MetsAgent(id_, agent.name, agent.otherrole or "", notes, agent.type, agent.role, agent.othertype)
