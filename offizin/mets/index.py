"""The METS of an open workspace as plain dictionaries: what is looked up while jobs run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from offizin.errors import MetsInvalid, MetsMissing
from offizin.messages import Delta, File, Slice
from offizin.mets.checks import check_delta
from offizin.mets.contents import Contents, as_indexed, read_contents
from offizin.mets.stamp import Stamp, read_with_stamp
from offizin.mets.tree import mets_element, parse


class MetsIndex:
    """Pages, file groups and files of one METS. Not safe for use by several threads at once.

    ``pages`` in document order. ``stamp`` is what the file was when it was read; who saves sets it anew.
    A file that several pages link is listed with each of them, its ``page_id`` being that page.
    """

    def __init__(self, path: Path, stamp: Stamp, contents: Contents) -> None:
        self.path = path
        self.stamp = stamp
        self.pages = contents.pages
        self.page_set = set(contents.pages)
        self.unique_identifier = contents.unique_identifier
        self.other_ids = contents.other_ids
        self._dangling = contents.dangling
        # group -> None, an ordered set; the empty name is that of groups without USE
        self._groups: dict[str, None] = dict.fromkeys(contents.file_groups)
        self.file_groups = [group for group in self._groups if group]
        # page (None: no page) -> group -> files in document order
        self._by_page: dict[str | None, dict[str, tuple[File, ...]]] = {page: {} for page in self.pages}
        self._by_id: dict[str, list[File]] = {}
        self._insert(contents.files)

    @classmethod
    def read(cls, path: Path) -> MetsIndex:
        """Read and index the METS at ``path``. Blocking; meant for a thread.

        Raises MetsMissing when there is none, MetsInvalid (with the line) when it is no METS.
        """
        try:
            content, stamp = read_with_stamp(path)
        except (FileNotFoundError, NotADirectoryError):
            raise MetsMissing(
                f"there is no METS file {path}", advice="'offizin import' makes one from images."
            ) from None
        except OSError as error:
            raise MetsInvalid(f"{path} cannot be read: {error.strerror}") from error
        return cls(path, stamp, read_contents(mets_element(parse(content, path))))

    @property
    def directory(self) -> Path:
        """The workspace: what the paths of files are relative to."""
        return self.path.parent

    def files(self, file_grp: str, page_id: str | None) -> Sequence[File]:
        """The files of a group and page, in document order. ``page_id`` None: those that belong to no page."""
        groups = self._by_page.get(page_id)
        return groups.get(file_grp, ()) if groups else ()

    def has_files(self, file_grp: str, page_id: str) -> bool:
        return bool(self.files(file_grp, page_id))

    def by_id(self, file_id: str) -> File | None:
        """The file with this ID: the first, where the METS has it in several groups, as the reference allows."""
        found = self._by_id.get(file_id)
        return found[0] if found else None

    def all_by_id(self, file_id: str) -> Sequence[File]:
        """All files with this ID, and a file of several pages once for each."""
        return self._by_id.get(file_id, ())

    def slice(self, pages: Sequence[str], *, with_files_without_page: bool = False) -> Slice:
        """All files of ``pages``: group by group in document order, within a group by page."""
        files: list[File] = []
        if len(pages) == 1 and not with_files_without_page:
            # the hot path: nearly every job
            groups = self._by_page.get(pages[0])
            if groups:
                for group in self._groups:
                    if group in groups:
                        files += groups[group]
        else:
            chosen: list[str | None] = [*pages, None] if with_files_without_page else [*pages]
            parts = [groups for page in chosen if (groups := self._by_page.get(page))]
            for group in self._groups:
                for groups in parts:
                    if group in groups:
                        files += groups[group]
        return Slice(list(pages), files, list(self.file_groups), self.unique_identifier)

    def check(self, delta: Delta, *, pages: Collection[str], file_grps: Collection[str]) -> None:
        """Raise BadOutput unless ``delta`` is what an attempt on ``pages`` with these output groups may add.

        Looks at the files on disk (one ``stat`` each). See ``offizin.mets.checks``.
        """
        check_delta(self, delta, pages=pages, file_grps=file_grps)

    def apply(self, delta: Delta) -> None:
        """Take a delta in. Once or twice is the same; a file that is there already stays as it is.

        With ``delta.overwrite``, other files of its (group, page) pairs go, and a file that differs is replaced.
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
        self._insert(self._linked(fresh.values()) if self._dangling else fresh.values())

    def _insert(self, files: Iterable[File]) -> None:
        gathered: dict[tuple[str | None, str], list[File]] = {}
        by_id = self._by_id
        for file in files:
            gathered.setdefault((file.page_id, file.file_grp), []).append(file)
            if file.id in by_id:
                by_id[file.id].append(file)
            else:
                by_id[file.id] = [file]
        for (page, group), added in gathered.items():
            groups = self._by_page.setdefault(page, {})
            groups[group] = (*groups.get(group, ()), *added)

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
        wanted: dict[tuple[str, str | None], dict[str, File]] = {}
        for file in delta.files:
            wanted.setdefault((file.file_grp, file.page_id), {})[file.id] = as_indexed(file)
        for (group, page), new in wanted.items():
            for file in self.files(group, page):
                if new.get(file.id) != file:
                    self._take_out(file)

    def _take_out(self, file: File) -> None:
        """Unlink a file from its page. It goes as a whole when it shares its ID with others: they share the links."""
        same_id = self._by_id[file.id]
        if sum(other.page_id == file.page_id for other in same_id) == 1:
            going = [file]
        else:
            going = list(
                {other.page_id: other for other in same_id if replace(other, page_id=file.page_id) == file}.values()
            )
        for gone in going:
            groups = self._by_page[gone.page_id]
            groups[gone.file_grp] = tuple(other for other in groups[gone.file_grp] if other is not gone)
            same_id[:] = [other for other in same_id if other is not gone]
        if not same_id:
            del self._by_id[file.id]
