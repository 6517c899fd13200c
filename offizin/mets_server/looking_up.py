"""Which files a GET /file names: the rules of ocrd_models.OcrdMets.find_all_files (ocrd 3.13.3)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from offizin.messages import File
from offizin.trust.patterns import full_matches, looks_simple


@dataclass(frozen=True, slots=True)
class FileQuery:
    """What is empty or None does not count, but an empty ``page_id``, which no file has. ``//`` begins a regular
    expression, in all but ``local_filename``; ``page_id`` is a page selector, which may have all forms."""

    file_grp: str | None = None
    file_id: str | None = None
    page_id: str | None = None
    mimetype: str | None = None
    local_filename: str | None = None
    url: str | None = None

    @property
    def may_take_long(self) -> bool:
        """Whether an expression has to be looked for in a process of its own."""
        patterns = (self.file_grp, self.file_id, self.mimetype, self.url)
        return any(text and text.startswith("//") and not looks_simple(text[2:]) for text in patterns)

    @property
    def one_id(self) -> str | None:
        return _one(self.file_id)

    @property
    def one_group(self) -> str | None:
        return _one(self.file_grp)

    def among(self, files: Iterable[File], pages: Collection[str] | None) -> list[File]:
        """Those of ``files`` that fit, in their order. ``pages``: what ``page_id`` names, None without one. Blocking
        where it ``may_take_long``. Raises PatternInvalid."""
        found = files
        if self.file_grp:
            found = _fitting(found, self.file_grp, lambda file: file.file_grp)
        if self.file_id:
            found = _fitting(found, self.file_id, lambda file: file.id)
        if pages is not None:
            found = [file for file in found if file.page_id in pages]
        if self.mimetype:
            found = _fitting(found, self.mimetype, lambda file: file.mimetype)
        if self.url:
            found = _fitting(found, self.url, lambda file: file.url or "")
        if self.local_filename:
            found = [file for file in found if file.local_filename == self.local_filename]
        return list(found)


def _one(wanted: str | None) -> str | None:
    return wanted if wanted and not wanted.startswith("//") else None


def _fitting(files: Iterable[File], wanted: str, value: Callable[[File], str]) -> list[File]:
    if wanted.startswith("//"):
        among = list(files)
        matching = set(full_matches(wanted[2:], list(dict.fromkeys(said for file in among if (said := value(file))))))
        return [file for file in among if value(file) in matching]
    return [file for file in files if value(file) == wanted]
