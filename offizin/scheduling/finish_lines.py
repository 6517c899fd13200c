"""Finish lines of a workflow: stored with its run, and what they come to. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from offizin.errors import InvalidRequest, WorkflowInvalid
from offizin.workflows import Workflow
from offizin.workflows.workflow import Finish, FinishAction


@dataclass(frozen=True, slots=True)
class Finishes:
    """``dropped``: groups that are taken out, whoever has made them; ``not_kept``: those that are taken out as far as
    Offizin has made them; ``renamed``: old and new names."""

    dropped: frozenset[str]
    not_kept: frozenset[str]
    renamed: tuple[tuple[str, str], ...]

    @property
    def groups(self) -> frozenset[str]:
        """All that are taken out, under their old names."""
        return self.dropped | self.not_kept | {old for old, _ in self.renamed}

    @property
    def touched(self) -> frozenset[str]:
        """These, and the new names."""
        return self.groups | {new for _, new in self.renamed}

    def without(self, spared: Collection[str]) -> Finishes:
        renamed = tuple(pair for pair in self.renamed if pair[0] not in spared)
        return Finishes(self.dropped - set(spared), self.not_kept - set(spared), renamed)


def finish_text(finish: Sequence[Finish]) -> str:
    """As JSON, for the run's row."""
    return json.dumps([{"action": line.action.value, "groups": list(line.groups)} for line in finish])


def finishes_of(text: str, made: Collection[str]) -> Finishes:
    """``made``: the output groups of the workflow's steps."""
    lines = json.loads(text)

    def named(action: FinishAction) -> list[list[str]]:
        return [line["groups"] for line in lines if line["action"] == action.value]

    renamed = tuple((old, new) for old, new in named(FinishAction.RENAME))
    kept = {group for groups in named(FinishAction.KEEP) for group in groups}
    dropped = frozenset(group for groups in named(FinishAction.DROP) for group in groups)
    not_kept = set(made) - kept - {old for old, _ in renamed} - dropped if kept else set()
    return Finishes(dropped, frozenset(not_kept), renamed)


def check_finish(workflow: Workflow, existing: Collection[str], ours: Collection[str]) -> None:
    """``existing``: the file groups of the METS and of live runs; ``ours``: those that earlier runs have renamed or
    dropped groups to or from. Raises WorkflowInvalid with the line."""
    made = {group for step in workflow.steps for group in step.output_file_grps}
    for line in workflow.finish:
        if line.action is FinishAction.RENAME:
            old, new = line.groups
            if new in made or (new in existing and new not in ours):
                raise _wrong(line, f"there is a file group {new} already", "Choose a name that is free.")
            groups: tuple[str, ...] = (old,)
        else:
            groups = line.groups
        there = made if line.action is FinishAction.KEEP else {*made, *existing, *ours}
        for group in groups:
            if group not in there:
                of = "of this workflow's output" if line.action is FinishAction.KEEP else "in the METS, nor made here"
                raise _wrong(line, f"{group} is no file group {of}", f"There are: {', '.join(sorted(there))}.")


def _wrong(line: Finish, message: str, advice: str) -> InvalidRequest:
    return WorkflowInvalid(f"finish {line.action}: {message}", line=line.line, advice=advice)
