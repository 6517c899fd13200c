"""What the pages of a piece are made of: a runner and a plain program say the same."""

from __future__ import annotations

from pathlib import Path

import msgspec

from offizin.messages import File, Piece, Slice, encode
from offizin.messages.recipes import recipe_of
from offizin.runner import codec
from offizin.runner.digests import Digests
from offizin.runner.inputs import Inputs
from offizin.runner.inputs import recipe_of as recipe_in_runner
from offizin.workers.child_inputs import look_at_inputs


def piece(directory: Path) -> Piece:
    files = []
    for group in ("IN", "GT", "OTHER"):
        for page in ("a", "b", None):
            name = f"{group}-{page}.xml"
            (directory / name).write_text(name)
            files.append(File(f"{group}_{page}", group, "text/xml", page, name))
    files.append(File("URL", "GT", "text/html", "b", None, "https://example.org/"))
    return Piece(
        version=1, job="j", attempt=1, piece=0, processor="ocrd-x", parameters=msgspec.Raw(b'{"x": 1}'),
        input_file_grps=["IN", "GT"], output_file_grps=["OUT"], directory=str(directory), mets="mets.xml", log="j.log",
        slice=Slice(["a", "b"], files),
    )  # fmt: skip


def test_a_runner_and_a_plain_program_say_the_same(tmp_path: Path) -> None:
    work = piece(tmp_path)
    inputs = Inputs(codec.Piece(encode(work)), Digests(), True)
    inputs.look_at_all()
    for page, seen in look_at_inputs(work).items():
        digest, reads = inputs.of(page)
        assert digest == seen.inputs
        assert [list(read) for read in reads] == [list(msgspec.structs.astuple(read)) for read in seen.reads]
        assert {read.path for read in seen.reads} == {f"IN-{page}.xml", f"GT-{page}.xml"}
    assert recipe_of("ocrd-x", "1.0", '{"x": 1}') == recipe_in_runner("ocrd-x", "1.0", {"x": 1})


def test_where_a_file_is_gone_nothing_is_known(tmp_path: Path) -> None:
    work = piece(tmp_path)
    (tmp_path / "GT-b.xml").unlink()
    assert look_at_inputs(work) == {}
