"""What is fuzzed: each takes bytes and refuses them in its own words, or gives back what holds together."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

from offizin.errors import InvalidRequest, MetsInvalid, PagesInvalid, TooLarge, WorkflowInvalid, ZipInvalid
from offizin.messages import Agent, File
from offizin.mets.contents import Contents
from offizin.mets.document import Additions, Document, with_additions
from offizin.mets.encoding import to_utf8
from offizin.mets.scan import Scan
from offizin.mets.sections import with_sections
from offizin.pages import resolve_pages
from offizin.runner.page_look import look_at
from offizin.trust.addresses import Addressees, outgoing_url
from offizin.trust.zips import ZipLimits, open_zip
from offizin.workflows import parse_workflow
from offizin.workspaces.page_text import page_statistics, page_text
from tests.conformance.mets.examples import EXAMPLES
from tests.fuzz import examples

_PATH = Path("/books/mets.xml")
_NEW = "offizin_fuzz"


@dataclass(frozen=True)
class Target:
    """``take`` returns whether the case was accepted; what it raises is a failure."""

    name: str
    seeds: Sequence[bytes]
    words: Sequence[bytes]
    take: Callable[[bytes], bool]


def take_mets(case: bytes) -> bool:
    """What can be read can be added to; then the new file is there, and all that was there before."""
    try:
        content = to_utf8(case, _PATH)[0]
        scan = Scan(content, _PATH)
    except MetsInvalid:
        return False
    before, layout = scan.contents(), scan.layout()
    page = before.pages[0] if before.pages else "new_page"
    added = File(_NEW, "NEW-GRP", "text/xml", page, "NEW-GRP/a&'\".xml", None)
    additions = Additions([added], agents=[Agent(f"{_NEW}_agent", "ocrd-x")])
    try:
        document = with_additions(with_sections(Document(content, layout), additions, _PATH), additions)
    except MetsInvalid:
        return False
    after = Scan(document.content, _PATH).contents()
    assert _files(after) == _files(before) | {(added.id, added.file_grp, added.page_id)}, "files"
    assert [each for each in after.pages if each != "new_page"] == [each for each in before.pages if each != "new_page"]
    return True


def _files(contents: Contents) -> set[tuple[str, str, str | None]]:
    return {(file.id, file.file_grp, file.page_id) for file in contents.files}


def take_page(case: bytes) -> bool:
    """What is no fault can be counted; text is found, or refused."""
    counts, fault = look_at(case)
    assert all(number >= 0 for number in (counts or {}).values())
    with tempfile.NamedTemporaryFile(suffix=".xml") as file:
        file.write(case)
        file.flush()
        try:
            assert all("\n" not in line for line in page_text(Path(file.name)))
            page_statistics(Path(file.name))
        except InvalidRequest:
            return False
    return not fault


def take_workflow(case: bytes) -> bool:
    """What is read says the same when it is written and read again."""
    try:
        workflow = parse_workflow(case.decode("utf-8", "replace"))
    except WorkflowInvalid:
        return False
    again = parse_workflow(workflow.to_text())
    steps = [(s.processor, s.input_file_grps, s.output_file_grps, s.parameters_json) for s in workflow.steps]
    assert [(s.processor, s.input_file_grps, s.output_file_grps, s.parameters_json) for s in again.steps] == steps
    return True


_PAGES = [f"PHYS_{number:04d}" for number in range(1, 200)] + ["p1r", "p1v", "ü..x", "1", "a1b2c3", "//", "~"]


def take_selector(case: bytes) -> bool:
    """What is selected is there, each page once, in the order of the book."""
    try:
        found = resolve_pages(case.decode("utf-8", "replace"), _PAGES)
    except PagesInvalid:
        return False
    assert found
    assert found == [page for page in _PAGES if page in set(found)]
    return True


def take_url(case: bytes) -> bool:
    """What is accepted for all has a host, and is http."""
    try:
        url = outgoing_url(case.decode("utf-8", "replace"), Addressees())
    except InvalidRequest:
        return False
    assert url.scheme in ("http", "https")
    assert url.host
    return True


def take_zip(case: bytes) -> bool:
    """What is opened gives out no more than it was let in with."""
    limits = ZipLimits(total=1_000_000, ratio=100, count=100)
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        file.write(case)
        file.flush()
        try:
            opened = open_zip(Path(file.name), limits)
        except (ZipInvalid, TooLarge):
            return False
        assert opened.fp is not None
        with closing(opened.fp), opened:
            given = 0
            for member in opened.infolist():
                try:
                    given += len(opened.read(member))
                except (BadZipFile, zlib.error, EOFError, NotImplementedError):
                    continue
        assert given <= limits.total
    return True


TARGETS = (
    Target("METS", list(EXAMPLES.values()), examples.METS_WORDS, take_mets),
    Target("PAGE", [examples.PAGE], examples.PAGE_WORDS, take_page),
    Target("workflow", examples.WORKFLOWS, examples.WORKFLOW_WORDS, take_workflow),
    Target("page range", examples.SELECTORS, examples.SELECTOR_WORDS, take_selector),
    Target("URL", examples.URLS, examples.URL_WORDS, take_url),
    Target("zip", [examples.small_zip()], examples.ZIP_WORDS, take_zip),
)
