"""File groups of a workflow must exist, be made before they are read, and be written once."""

from __future__ import annotations

from offizin.errors import FileGroupMissing, WorkflowInvalid
from offizin.workflows import FindingKind, check_groups, parse_workflow


def test_groups_of_the_mets_and_of_earlier_steps_are_there() -> None:
    workflow = parse_workflow("dummy -I IMG -O A\ndummy -I A,IMG -O B\ndummy -I B -O IMG2")
    assert check_groups(workflow, ["IMG"]) == []


def test_a_missing_group_is_found_with_those_there_are() -> None:
    workflow = parse_workflow("dummy -I OCR-D-IMG -O A\n\ndummy -I OCR-D-IMGG -O B\ndummy -I C -O D\ndummy -I A -O C")
    typo, too_early = check_groups(workflow, ["OCR-D-IMG", "OCR-D-GT"])
    assert (typo.line, typo.kind) == (3, FindingKind.FILE_GROUP_MISSING)
    assert "OCR-D-IMGG" in typo.message
    assert typo.advice == "Did you mean OCR-D-IMG? There are: OCR-D-IMG, OCR-D-GT, A."
    assert (too_early.line, too_early.kind) == (4, FindingKind.FILE_GROUP_MISSING)
    assert "line 5" in too_early.advice
    assert isinstance(typo.as_error(), FileGroupMissing)


def test_two_steps_may_not_write_one_group() -> None:
    (clash,) = check_groups(parse_workflow("dummy -I IMG -O A\ndummy -I IMG -O A"), ["IMG"])
    assert (clash.line, clash.kind) == (2, FindingKind.OUTPUT_GROUP_CLASH)
    assert "line 1" in clash.message
    assert isinstance(clash.as_error(), WorkflowInvalid)


def test_a_step_may_not_read_its_own_output() -> None:
    (own,) = check_groups(parse_workflow("dummy -I IMG,A -O A"), ["IMG", "A"])
    assert own.kind is FindingKind.READS_OWN_OUTPUT
