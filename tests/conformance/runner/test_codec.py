"""The runner's codec (standard library) and offizin.messages (msgspec) speak the same JSON, both ways."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from offizin.messages import Cause, Counts, File, FileState, Handshake, PageOutcome, Piece, Result, Slice, encode
from offizin.runner import codec
from offizin.runner.slice_file import SliceFile

# surrogates are no text; the encoder of either side replaces or refuses them
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = texts.filter(bool)
optional_names = st.none() | names
files = st.builds(
    File,
    id=names,
    file_grp=names,
    mimetype=texts,
    page_id=st.none() | texts,
    local_filename=optional_names,
    url=optional_names,
)
added_files = st.builds(
    File,
    id=names,
    file_grp=names,
    mimetype=texts,
    page_id=st.none() | texts,
    local_filename=optional_names,
    url=optional_names,
    size=st.none() | st.integers(0, 1 << 40),
    digest=optional_names,
    changed_at=st.none(),
    inode=st.none(),
) | st.builds(
    File,
    id=names,
    file_grp=names,
    size=st.integers(0, 1 << 40),
    digest=names,
    changed_at=st.integers(0, 1 << 60),
    inode=st.integers(0, 1 << 60),
)
states = st.builds(
    FileState,
    path=names,
    size=st.integers(0, 1 << 40),
    changed_at=st.integers(0, 1 << 60),
    inode=st.integers(0, 1 << 60),
    digest=names,
)
counts = st.builds(
    Counts,
    regions=st.integers(0, 99),
    lines=st.integers(0, 99),
    words=st.integers(0, 999),
    confidence=st.none() | st.floats(0, 1),
)
outcomes = st.builds(
    PageOutcome,
    page=names,
    files=st.lists(added_files, max_size=2),
    cause=st.none() | st.sampled_from(Cause),
    message=texts,
    existed=st.booleans(),
    counts=st.none() | counts.filter(lambda of: of != Counts()),
    inputs=texts,
    reads=st.lists(states, max_size=2),
)
parameters = st.dictionaries(texts, st.booleans() | st.integers(-(1 << 53), 1 << 53) | texts | st.lists(texts))
pieces = st.builds(
    Piece,
    version=st.just(1),
    job=names,
    attempt=st.integers(1, 99),
    piece=st.integers(0, 99),
    processor=names,
    parameters=parameters.map(lambda value: msgspec.Raw(msgspec.json.encode(value))),
    input_file_grps=st.lists(names, max_size=2),
    output_file_grps=st.lists(names, max_size=2),
    directory=names,
    mets=names,
    log=names,
    slice=st.builds(
        Slice,
        pages=st.lists(names, max_size=3),
        files=st.lists(files, max_size=3),
        file_groups=st.lists(names, max_size=3),
        unique_identifier=optional_names,
    ),
    overwrite=st.booleans(),
    full_mets=st.booleans(),
    time_limit=st.none() | st.floats(0, 1e6),
    refuse_existing=st.booleans(),
    copy_input=st.booleans(),
)


def fields_of(file: File) -> dict[str, Any]:
    """As the runner makes them: from the file object that the processor had."""
    known = SliceFile(
        file.id,
        file.file_grp,
        file.mimetype or None,
        file.page_id,
        file.local_filename,
        file.url,
    )
    stamp = None if file.changed_at is None or file.inode is None else (file.changed_at, file.inode)
    return codec.file_fields(known, file.size, file.digest, stamp)


def outcome_fields(outcome: PageOutcome) -> dict[str, Any]:
    return codec.page_outcome(
        outcome.page,
        [fields_of(file) for file in outcome.files],
        outcome.cause or "",
        outcome.message,
        outcome.existed,
        None if outcome.counts is None else msgspec.json.decode(msgspec.json.encode(outcome.counts)),
        outcome.inputs,
        [msgspec.to_builtins(state) for state in outcome.reads],
    )


def a_piece() -> codec.Piece:
    piece = Piece(
        version=1,
        job="job",
        attempt=2,
        piece=3,
        processor="ocrd-dummy",
        parameters=msgspec.Raw(b"{}"),
        input_file_grps=[],
        output_file_grps=[],
        directory="/book",
        mets="/book/mets.xml",
        log="/log",
        slice=Slice(pages=[], files=[]),
    )
    return codec.Piece(encode(piece))


@given(pieces)
def test_the_runner_reads_every_piece(piece: Piece) -> None:
    read = codec.Piece(encode(piece))
    for name in (
        "job",
        "attempt",
        "piece",
        "processor",
        "directory",
        "mets",
        "log",
        "overwrite",
        "full_mets",
        "refuse_existing",
        "copy_input",
    ):
        assert getattr(read, name) == getattr(piece, name)
    assert read.input_file_grps == piece.input_file_grps
    assert read.output_file_grps == piece.output_file_grps
    assert read.parameters == msgspec.json.decode(piece.parameters)
    assert msgspec.convert(read.slice_, Slice) == piece.slice


@given(files)
def test_a_file_of_a_slice_keeps_what_it_is(file: File) -> None:
    read = SliceFile.from_fields(msgspec.to_builtins(file))
    assert codec.file_fields(read, None, None) == msgspec.to_builtins(file)


@given(
    st.builds(
        Result,
        job=st.just("job"),
        attempt=st.just(2),
        piece=st.just(3),
        pages=st.lists(outcomes, max_size=2),
        files=st.lists(added_files, max_size=2),
        cause=st.none() | st.sampled_from(Cause),
        message=texts,
        seconds=st.integers(1, 1 << 30).map(lambda micro: round(micro / 1e6, 6)),
        peak_memory=st.integers(0, 1 << 40),
        log_tail=texts,
        before_first_page=st.booleans(),
        missing_attribute=texts,
        recipe=texts,
        runner=st.integers(0, 1 << 22),
    )
)
def test_the_end_of_a_piece_is_written_as_msgspec_would(result: Result) -> None:
    line = codec.encode_end(
        a_piece(),
        [outcome_fields(outcome) for outcome in result.pages],
        [fields_of(file) for file in result.files],
        result.cause or "",
        result.message,
        result.seconds,
        result.peak_memory,
        result.log_tail,
        result.before_first_page,
        result.missing_attribute,
        result.recipe,
        result.runner,
    )
    assert line[:1] == b"R"
    assert line.count(b"\n") == 1
    assert msgspec.json.decode(line[1:], type=Result) == result
    assert msgspec.json.decode(line[1:]) == msgspec.json.decode(encode(result))


@given(st.lists(outcomes, min_size=1, max_size=3))
def test_pages_so_far_are_written_as_msgspec_would(pages: list[PageOutcome]) -> None:
    line = codec.encode_pages_so_far(a_piece(), [outcome_fields(outcome) for outcome in pages], "r")
    result = Result(job="job", attempt=2, piece=3, pages=pages, end=False, recipe="r")
    assert line[:1] == b"r"
    assert msgspec.json.decode(line[1:]) == msgspec.json.decode(encode(result))


@given(names, texts, texts, st.booleans(), texts, st.integers(0, 1 << 22))
def test_the_handshake_is_written_as_msgspec_would(
    processor: str, version: str, ocrd_version: str, independent: bool, step: str, pid: int
) -> None:
    line = codec.encode_handshake(processor, version, ocrd_version, independent, step, pid)
    handshake = Handshake(processor, version, ocrd_version, independent, step, pid)
    assert line[:1] == b"H"
    assert msgspec.json.decode(line[1:]) == msgspec.json.decode(encode(handshake))
