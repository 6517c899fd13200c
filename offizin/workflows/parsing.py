"""From text to a workflow. Faults name their line and say what would be right.

The source of the syntax of tasks is ``ProcessorTask.parse`` of the reference (ocrd/task_sequence.py): ``-I`` and ``-O``
take file groups separated by commas, ``-p`` a JSON object, ``-P`` a key and a value (JSON, or else a plain string).
All other lines are ours; docs/workflows.md has the grammar.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from offizin.errors import WorkflowInvalid
from offizin.workflows.extensions import Extensions, keyword_of
from offizin.workflows.tasks import parse_task
from offizin.workflows.words import Word, split_words
from offizin.workflows.workflow import Workflow

_LONGEST = 1024 * 1024  # a thousand steps have some 100,000 characters
_MOST_STEPS = 1000
_MOST_LINES = 10_000  # that are not empty
_EXAMPLE = "For example: tesserocr-recognize -I OCR-D-IMG -O OCR-D-OCR -P model frk"


def parse_workflow(text: str) -> Workflow:
    """Raises WorkflowInvalid, with the line, at the first fault. Reads no file: see ``resolve_parameter_files``."""
    if len(text) > _LONGEST:
        raise WorkflowInvalid(f"the workflow is longer than {_LONGEST} characters", advice="Part it in several runs.")
    workflow = _parse(split_words(text), text)
    if len(workflow.steps) > _MOST_STEPS:
        raise WorkflowInvalid(f"the workflow has more than {_MOST_STEPS} steps", advice="Part it in several runs.")
    if not workflow.steps:
        raise WorkflowInvalid("the workflow is empty", advice=f"Write one step a line. {_EXAMPLE}")
    return workflow


def workflow_from_steps(lines: Sequence[str]) -> Workflow:
    """A workflow of lines given one by one, as on a command line; the line of an error is the line's number."""
    parted = (
        [Word(word.text, number, word.start, word.end) for word in words]
        for number, line in enumerate(lines, start=1)
        for words in split_words(line, first_line=number)
    )
    workflow = _parse(parted, "")
    if not workflow.steps:
        raise WorkflowInvalid("the workflow is empty", advice=f"Give each step as one word, in quotes. {_EXAMPLE}")
    return parse_workflow(workflow.to_text())


def _parse(lines: Iterable[Sequence[Word]], text: str) -> Workflow:
    reader = Extensions()
    for number, words in enumerate(lines):
        if number > _MOST_LINES:
            raise WorkflowInvalid(f"the workflow has more than {_MOST_LINES} lines", advice="Part it in several runs.")
        keyword = keyword_of(words[0])
        if keyword is None:
            reader.task(parse_task(words))
        else:
            reader.line(keyword, words)
    return Workflow(tuple(reader.steps()), text, reader.policies, tuple(reader.finish))
