"""Paths of others stay inside."""

from __future__ import annotations

from pathlib import Path

import pytest

from offizin.errors import PathForbidden
from offizin.trust.one_line import one_line
from offizin.trust.paths import WorkspaceRoots, inside


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "mets.xml").write_text("secret")
    root = tmp_path / "root"
    (root / "book").mkdir(parents=True)
    (root / "book" / "mets.xml").write_text("<mets/>")
    (root / "way-out").symlink_to(tmp_path / "secret")
    (root / "by-another-name").symlink_to(root / "book")
    (root / "in-circles").symlink_to(root / "in-circles")
    return root


@pytest.mark.parametrize("name", ["book", "book/mets.xml", "not/there/yet", "by-another-name/mets.xml", "book/../book"])
def test_a_path_below_a_root_is_given_back_resolved(root: Path, name: str) -> None:
    found = WorkspaceRoots((root,)).require(root / name)
    assert found.is_relative_to(root.resolve())
    assert ".." not in found.parts


@pytest.mark.parametrize("name", [
    "..", "../secret/mets.xml", "book/../../secret", "way-out/mets.xml", "way-out/not/there", "/etc/passwd",
    "/proc/self/environ", "in-circles/mets.xml", "a\0b", "\ud800", "x" * 5000, "../root-and-more/mets.xml",
])  # fmt: skip
def test_a_path_outside_of_all_roots_is_forbidden_and_the_roots_are_named(root: Path, name: str) -> None:
    with pytest.raises(PathForbidden) as refused:
        WorkspaceRoots((root,)).require(root / name)
    assert str(root) in refused.value.advice or "no path" in refused.value.message


def test_what_is_not_there_is_refused_in_the_words_of_what_is(root: Path) -> None:
    told = set()
    for name in ("mets.xml", "nothing"):
        with pytest.raises(PathForbidden) as refused:
            WorkspaceRoots((root,)).require(root.parent / "secret" / name)
        told.add(refused.value.message.replace(name, ""))
    assert len(told) == 1


def test_a_root_may_itself_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert WorkspaceRoots((tmp_path / "link",)).require(tmp_path / "link" / "book") == root.resolve() / "book"


def test_roots_that_are_not_named_depend_on_who_can_reach_the_server(tmp_path: Path) -> None:
    near = WorkspaceRoots.of_server(None, home=tmp_path, loopback=True)
    assert near.require(Path("/etc/hostname")) == Path("/etc/hostname").resolve()
    far = WorkspaceRoots.of_server((), home=tmp_path, loopback=False)
    assert far.require(tmp_path / "workspaces" / "a") == tmp_path.resolve() / "workspaces" / "a"
    with pytest.raises(PathForbidden):
        far.require(tmp_path / "offizin.sqlite")


@pytest.mark.parametrize("name", ["a", "OCR-D-IMG/a.tif", "not/there", "a//b", "./a", "…", "a..b", "...", "ä ö"])
def test_a_plain_name_lies_inside(root: Path, name: str) -> None:
    assert inside(root / "book", name).is_relative_to((root / "book").resolve())


@pytest.mark.parametrize("name", [
    "", ".", "..", "../x", "a/../../x", "a/..", "/etc/passwd", "//etc/passwd", "a\0b", "a\nb", "\x1b[2J", "\ud800",
    "x/" * 3000,
])  # fmt: skip
def test_a_name_that_leads_outside_or_nowhere_is_forbidden(root: Path, name: str) -> None:
    with pytest.raises(PathForbidden):
        inside(root / "book", name)


def test_a_name_that_leads_through_a_link_to_the_outside_is_forbidden(root: Path) -> None:
    with pytest.raises(PathForbidden):
        inside(root, "way-out/mets.xml")


def test_control_characters_and_turned_writing_become_visible() -> None:
    assert one_line("a\r\nb\x1b[2Jc\u2028d\u202ee\x85") == r"a\r\nb\x1b[2Jc\u2028d\u202ee\x85"
    assert one_line("Fraktur – ſ") == "Fraktur – ſ"
    assert one_line("x" * 10, longest=4) == "xxxx…"
