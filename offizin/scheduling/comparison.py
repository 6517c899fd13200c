"""What there is of a workflow's output, beside what the workflow would make now."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Mapping, Sequence

from offizin.messages import File, FileState
from offizin.messages.recipes import inputs_of
from offizin.scheduling.plan import MISSING, THERE, Found, Output, PlannedStep
from offizin.store.fingerprints import Fingerprint

Group = str
Page = str | None
_Content = list[tuple[str, str, str]]


class Comparison:
    """Blocking: looks at each file once, and reads those whose digest is not known. ``files``: all of the METS that the
    steps read or write; ``known``: how they were made; ``states``: what files were when they were read last;
    ``recipes`` by the number of the step; ``pages``: all that the run is about; ``coming``: what live jobs are about to
    make. ``seen``: what was read."""

    def __init__(
        self,
        directory: str,
        files: Mapping[tuple[Group, Page], Sequence[File]],
        known: Mapping[tuple[Group, str], Fingerprint],
        states: Mapping[str, FileState],
        recipes: Mapping[int, str],
        pages: Sequence[str],
        coming: Collection[tuple[Group, str]] = (),
    ) -> None:
        self._directory = directory
        self._files = files
        self._known = known
        self._states = states
        self._recipes = recipes
        self._pages = pages
        self._coming = coming
        self._digests: dict[str, str | None] = {}
        self._contents: dict[tuple[Group, Page], _Content | None] = {}
        self._of_all_pages: dict[int, str | None] = {}
        self.seen: list[FileState] = []

    def found(self, step: PlannedStep, page: str) -> Found:
        """What there is of the page's output. Where nobody knows how it was made, what is there counts."""
        prints = [self._known.get((group, page)) for group in step.output_file_grps]
        dropped = False
        for group, made in zip(step.output_file_grps, prints, strict=True):
            if not self._files.get((group, page)):
                if made is None or not made.dropped:
                    return MISSING
                dropped = True
        contents = [self._content(group, page) for group in step.output_file_grps]
        if None in contents:
            return Found(Output.OUTDATED)  # gone from the disk
        by_hand = False
        for made, content in zip(prints, contents, strict=True):
            if made is None or not made.recipe:
                return Found(Output.DROPPED) if dropped else THERE
            by_hand = by_hand or sorted(made.outputs) != sorted(each[1:] for each in content or ())
        first = prints[0]
        assert first is not None
        if first.recipe != self._recipes[step.number] or not self._has_these_inputs(first, step, page):
            return Found(Output.OUTDATED, by_hand)
        return Found(Output.DROPPED if dropped else Output.THERE, by_hand)

    def _has_these_inputs(self, made: Fingerprint, step: PlannedStep, page: str) -> bool:
        """Of inputs that the METS names and that are not on disk nothing is known: they have not changed."""
        of_pages = self._pages if step.together else (page,)
        if self._coming and any((group, each) in self._coming for group in step.input_file_grps for each in of_pages):
            return False
        if step.together:
            if step.number not in self._of_all_pages:
                beside: tuple[Page, ...] = (None,) if len(self._pages) > 1 else ()
                self._of_all_pages[step.number] = self._inputs(step, [*self._pages, *beside])
            inputs = self._of_all_pages[step.number]
        else:
            inputs = self._inputs(step, [page])
        return inputs is None or inputs == made.inputs

    def _inputs(self, step: PlannedStep, pages: Sequence[Page]) -> str | None:
        found: _Content = []
        for group in step.input_file_grps:
            for page in pages:
                content = self._content(group, page)
                if content is None:
                    return None
                found += content
        return inputs_of(found)

    def _content(self, group: Group, page: Page) -> _Content | None:
        """Of a page's files in a group, as ``inputs_of`` takes it; of those that were dropped, as they were made. None
        when one is not on disk."""
        key = group, page
        if key not in self._contents:
            self._contents[key] = self._look(group, page)
        return self._contents[key]

    def _look(self, group: Group, page: Page) -> _Content | None:
        files = self._files.get((group, page), ())
        if not files and page is not None:
            made = self._known.get((group, page))
            return [(group, *each) for each in made.outputs] if made is not None and made.dropped else []
        found: _Content = []
        for file in files:
            digest = file.url or "" if file.local_filename is None else self._digest(file.local_filename)
            if digest is None:
                return None
            found.append((group, file.mimetype, digest))
        return found

    def _digest(self, path: str) -> str | None:
        if path not in self._digests:
            self._digests[path] = self._digest_now(path)
        return self._digests[path]

    def _digest_now(self, path: str) -> str | None:
        state = digest_of(self._directory, path, self._states)
        if state is None:
            return None
        if state is not self._states.get(path):
            self.seen.append(state)
        return state.digest


def digest_of(directory: str, path: str, known: Mapping[str, FileState]) -> FileState | None:
    """What the file is and holds, read only where it does not look as it was ``known``; None when it is not there, or
    is no plain file. Blocking."""
    whole = os.path.join(directory, path)  # noqa: PTH118 - Path is three times as slow
    try:
        status = os.stat(whole)  # noqa: PTH116
        if not stat.S_ISREG(status.st_mode):
            return None
        state = known.get(path)
        if state is not None and fits(state, status):
            return state
        with open(whole, "rb") as file:  # noqa: PTH123
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except (OSError, ValueError):
        return None
    # the status is that of before: a change while it was read makes what is known look old, never new
    return FileState(path, status.st_size, status.st_mtime_ns, status.st_ino, digest)


def fits(known: FileState, status: os.stat_result) -> bool:
    """Whether the file looks untouched."""
    return (known.size, known.changed_at, known.inode) == (status.st_size, status.st_mtime_ns, status.st_ino)
