"""What is kept of a loaded processor between pieces, and what is not."""

from __future__ import annotations

import json
from typing import Any

from offizin.runner.codec import Piece
from offizin.runner.instances import Instances


class OldProcessor:
    """As with ocrd 2.x: the parameters are a plain dict, its own."""

    def __init__(self, workspace: Any, parameter: dict[str, Any], **_: Any) -> None:
        self.parameter = parameter
        self.parameter.setdefault("resolved", "in the constructor")


def piece(parameters: dict[str, Any]) -> Piece:
    fields = {
        "job": "j",
        "attempt": 1,
        "piece": 0,
        "processor": "p",
        "directory": "/b",
        "mets": "/b/m.xml",
        "log": "/l",
    }
    groups = {"input_file_grps": ["IN"], "output_file_grps": ["OUT"]}
    slice_ = {"pages": ["P1"], "files": []}
    return Piece(json.dumps({**fields, **groups, "parameters": parameters, "slice": slice_}).encode())


def test_a_processor_is_loaded_once_for_the_same_parameters() -> None:
    instances = Instances(OldProcessor)
    first = instances.for_piece(piece({"a": 1, "b": 2}))
    assert instances.for_piece(piece({"b": 2, "a": 1})) is first
    assert instances.for_piece(piece({"a": 2, "b": 2})) is not first


def test_what_a_processor_writes_into_its_parameters_does_not_reach_the_next_piece() -> None:
    instances = Instances(OldProcessor)
    processor = instances.for_piece(piece({"window_size": 0, "levels": [1]}))
    processor.parameter["window_size"] = 301
    processor.parameter["levels"].append(2)
    processor.parameter["k"] = 0.3
    again = instances.for_piece(piece({"window_size": 0, "levels": [1]}))
    assert again is processor
    assert again.parameter == {"window_size": 0, "levels": [1], "resolved": "in the constructor"}


def test_the_groups_are_those_of_the_piece() -> None:
    processor = Instances(OldProcessor).for_piece(piece({}))
    assert (processor.input_file_grp, processor.output_file_grp, processor.page_id) == ("IN", "OUT", "P1")
