"""Do the file groups of a workflow fit together, and to those there are? Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from offizin.errors import FileGroupMissing, InvalidRequest, WorkflowInvalid
from offizin.workflows.workflow import Step, Workflow


class FindingKind(StrEnum):
    FILE_GROUP_MISSING = "file_group_missing"
    OUTPUT_GROUP_CLASH = "output_group_clash"
    READS_OWN_OUTPUT = "reads_own_output"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a workflow, at a line of it (from 1)."""

    line: int
    message: str
    advice: str
    kind: FindingKind

    def as_error(self) -> InvalidRequest:
        """FileGroupMissing or WorkflowInvalid, ready to be raised."""
        if self.kind is FindingKind.FILE_GROUP_MISSING:
            return FileGroupMissing(f"line {self.line}: {self.message}", advice=self.advice)
        return WorkflowInvalid(self.message, line=self.line, advice=self.advice)


def check_groups(workflow: Workflow, existing: Collection[str]) -> list[Finding]:
    """All that is wrong with the file groups, in the order of the lines.

    ``existing`` are the groups of the METS, and those that live jobs of other runs on it will make.
    """
    findings: list[Finding] = []
    made: dict[str, Step] = {}
    for step in workflow.steps:
        for group in dict.fromkeys(step.input_file_grps):
            if group in step.output_file_grps:
                findings.append(_reads_own_output(step, group))
            elif group not in made and group not in existing:
                findings.append(_missing(workflow, step, group, [*existing, *made]))
        for group in step.output_file_grps:
            if group in made:
                findings.append(_clash(step, group, made[group]))
            made.setdefault(group, step)
    return findings


def _reads_own_output(step: Step, group: str) -> Finding:
    return Finding(
        step.line,
        f"{step.processor} reads and writes the same file group {group}",
        "Write to another file group.",
        FindingKind.READS_OWN_OUTPUT,
    )


def _clash(step: Step, group: str, earlier: Step) -> Finding:
    return Finding(
        step.line,
        f"the output file group {group} is already written by {earlier.processor} in line {earlier.line}",
        "Give each step an output file group of its own.",
        FindingKind.OUTPUT_GROUP_CLASH,
    )


def _missing(workflow: Workflow, step: Step, group: str, there: list[str]) -> Finding:
    later = next((s for s in workflow.steps if group in s.output_file_grps and s.line > step.line), None)
    if later is not None:
        advice = f"{later.processor} in line {later.line} makes it: move that line before this one."
    else:
        close = difflib.get_close_matches(group, there, n=1, cutoff=0.7)
        advice = f"Did you mean {close[0]}? " if close else ""
        advice += f"There are: {', '.join(dict.fromkeys(there))}." if there else "There is no file group yet."
    return Finding(
        step.line,
        f"the input file group {group} of {step.processor} is neither in the METS nor made by an earlier step",
        advice,
        FindingKind.FILE_GROUP_MISSING,
    )
