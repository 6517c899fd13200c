"""What a METS holds, as plain dictionaries: pages, file groups, files, and the rules by which a delta changes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from offizin.messages import Delta, File, Slice
from offizin.mets.contents import Contents, as_indexed


class Holdings:
    """Look-ups take the same time however big the METS is. Not safe for use by several threads at once.

    ``pages`` and ``file_groups`` are in document order. A file that several pages link is listed with each of them, its
    ``page_id`` being that page; a file that none links has none.
    """

    def __init__(self, contents: Contents) -> None:
        self.pages = list(contents.pages)
        self.page_set = set(contents.pages)
        self.unique_identifier = contents.unique_identifier
        self.other_ids = set(contents.other_ids)
        self._dangling = dict(contents.dangling)
        # an ordered set; the empty name is that of groups without USE
        self._groups: dict[str, None] = dict.fromkeys(contents.file_groups)
        self.file_groups = [group for group in self._groups if group]
        # page (None: no page) -> group -> files in document order
        self._by_page: dict[str | None, dict[str, tuple[File, ...]]] = {page: {} for page in self.pages}
        self._by_id: dict[str, list[File]] = {}
        self._insert(contents.files)

    def __len__(self) -> int:
        """How many entries it has, pages and files: its size in memory goes by that."""
        return len(self.pages) + len(self._by_id)

    def files(self, file_grp: str, page_id: str | None) -> Sequence[File]:
        """The files of a group and page, in document order. ``page_id`` None: those that belong to no page."""
        groups = self._by_page.get(page_id)
        return groups.get(file_grp, ()) if groups else ()

    def of_pages(self, pages: Sequence[str | None], file_grp: str | None = None) -> list[File]:
        """Their files in one group, or in all of them, group by group."""
        if file_grp is None:
            return self._gather(pages)
        return [file for page in pages for file in self.files(file_grp, page)]

    def of_group(self, file_grp: str) -> list[File]:
        """Page by page; then those that belong to none."""
        return self.of_pages([*self.pages, None], file_grp)

    def has_files(self, file_grp: str, page_id: str) -> bool:
        return bool(self.files(file_grp, page_id))

    def by_arrival(self) -> Iterator[File]:
        """All files in the order they came: that of the document, then that of the deltas."""
        return (file for files in self._by_id.values() for file in files)

    def by_id(self, file_id: str) -> File | None:
        """The file with this ID: the first, where the METS has it in several groups, as the reference allows."""
        found = self._by_id.get(file_id)
        return found[0] if found else None

    def all_by_id(self, file_id: str) -> Sequence[File]:
        """All files with this ID, and a file of several pages once for each."""
        return self._by_id.get(file_id, ())

    def dangling(self, file_id: str) -> Sequence[str]:
        """The pages that link a file which is not there."""
        return self._dangling.get(file_id, ())

    def slice(self, pages: Sequence[str], *, with_files_without_page: bool = False) -> Slice:
        """All files of ``pages``: group by group in document order, within a group by page."""
        files = self._gather([*pages, None] if with_files_without_page else pages)
        return Slice(list(pages), files, list(self.file_groups), self.unique_identifier)

    def apply(self, delta: Delta) -> None:
        """Take a delta in. Once or twice is the same; a file that is there already stays as it is.

        With ``delta.overwrite``, other files of its (group, page) pairs go, and of those that it empties; a file that
        differs is replaced. Groups that it ends go when nothing is in them.
        """
        if delta.overwrite:
            self._take_out_what_is_replaced(delta)
        fresh: dict[tuple[str, str], File] = {}
        for file in delta.files:
            key = (file.file_grp, file.id)
            if key not in fresh and not any(f.file_grp == file.file_grp for f in self._by_id.get(file.id, ())):
                fresh[key] = as_indexed(file)
        for file in fresh.values():
            if file.file_grp not in self._groups:
                self._groups[file.file_grp] = None
                self.file_groups.append(file.file_grp)
            if file.page_id is not None and file.page_id not in self.page_set:
                self.pages.append(file.page_id)
                self.page_set.add(file.page_id)
        self.other_ids.update(agent.id for agent in delta.agents)
        if delta.ends_agents:
            self.other_ids = {other for other in self.other_ids if not other.startswith(tuple(delta.ends_agents))}
        self._insert(self._linked(fresh.values()) if self._dangling else fresh.values())
        for group in delta.ends_groups:
            if (
                not any(groups.get(group) for groups in self._by_page.values())
                and self._groups.pop(group, self) is None
            ):
                self.file_groups.remove(group)

    def _gather(self, pages: Sequence[str | None]) -> list[File]:
        files: list[File] = []
        parts = [groups for page in pages if (groups := self._by_page.get(page))]
        for group in self._groups:
            for groups in parts:
                if group in groups:
                    files += groups[group]
        return files

    def _insert(self, files: Iterable[File]) -> None:
        by_id, by_page = self._by_id, self._by_page
        more: dict[tuple[str | None, str], list[File]] = {}
        for file in files:
            if file.id in by_id:
                by_id[file.id].append(file)
            else:
                by_id[file.id] = [file]
            groups = by_page.get(file.page_id)
            if groups is None:
                groups = by_page[file.page_id] = {}
            if file.file_grp not in groups:
                groups[file.file_grp] = (file,)
            else:  # gathered, so that many files of one page and group take no quadratic time
                more.setdefault((file.page_id, file.file_grp), []).append(file)
        for (page, group), added in more.items():
            by_page[page][group] += tuple(added)

    def _linked(self, files: Iterable[File]) -> Iterator[File]:
        """Pages that linked a file before it was there get it, too."""
        for file in files:
            pages = self._dangling.pop(file.id, None)
            if pages is None:
                yield file
                continue
            if file.page_id is not None and file.page_id not in pages:
                pages = sorted([*pages, file.page_id], key=self.pages.index)
            for page in pages:
                yield replace(file, page_id=page)

    def _take_out_what_is_replaced(self, delta: Delta) -> None:
        wanted: dict[tuple[str, str | None], dict[str, File]] = {pair: {} for pair in delta.empties}
        for file in delta.files:
            wanted.setdefault((file.file_grp, file.page_id), {}).setdefault(file.id, as_indexed(file))
        gone = [
            other
            for (group, page), new in wanted.items()
            for file in self.files(group, page)
            if new.get(file.id) != file
            for other in self._unlink(file)
        ]
        places: dict[tuple[str | None, str], set[int]] = {}
        for file in gone:
            places.setdefault((file.page_id, file.file_grp), set()).add(id(file))
        for (page, group), identities in places.items():
            groups = self._by_page[page]
            groups[group] = tuple(file for file in groups[group] if id(file) not in identities)

    def _unlink(self, file: File) -> list[File]:
        """Take a file off its page; off all its pages when others have its ID, because they share the links."""
        same_id = self._by_id.get(file.id, [])
        if not any(other is file for other in same_id):
            return []  # gone with another page already
        gone = [file]
        if sum(other.page_id == file.page_id for other in same_id) > 1:
            alike = {other.page_id: other for other in same_id if replace(other, page_id=file.page_id) == file}
            gone += [other for page, other in alike.items() if page != file.page_id]
        left = [other for other in same_id if not any(other is each for each in gone)]
        if left:
            self._by_id[file.id] = left
        else:
            del self._by_id[file.id]
        return gone
