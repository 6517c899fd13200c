"""The lines of a workflow that are no tasks, each with what is wrong with it: policies, fallbacks, finish lines.

Policies stand before the first task (for all steps) or behind a task (for that one), fallbacks behind a task, and what
becomes of file groups stands at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from offizin.errors import InvalidRequest, WorkflowInvalid
from offizin.workflows.json_text import parameters_text
from offizin.workflows.options import no_file_group, unusable_output_group
from offizin.workflows.policies import NAMES, Policies
from offizin.workflows.tasks import add_parameters, processor_name, take_option
from offizin.workflows.words import Word
from offizin.workflows.workflow import Fallback, Finish, FinishAction, Keyword, Step

_POLICY_EXAMPLE = "Write it as in: policy on_missing_output=skip page_timeout=300"
_FALLBACK_EXAMPLE = "Write it as in: fallback tesserocr-recognize -P model Fraktur"
_FINISH_EXAMPLE = "Write it as in: finish drop OCR-D-BIN, or: finish rename OCR-D-OCR4 OCR-D-OCR"


def keyword_of(head: Word) -> Keyword | None:
    return Keyword(head.text) if head.text in set(Keyword) else None


class Extensions:
    """Gathers a workflow, line by line. ``policies``: those for all steps."""

    def __init__(self) -> None:
        self.policies = Policies()
        self.finish: list[Finish] = []
        self._steps: list[Step] = []

    def steps(self) -> Iterator[Step]:
        return iter(self._steps)

    def task(self, step: Step) -> None:
        self._check_not_at_the_end(step.line, "a task")
        self._steps.append(step)

    def line(self, keyword: Keyword, words: Sequence[Word]) -> None:
        """Raises WorkflowInvalid."""
        if keyword is Keyword.FINISH:
            self._finish(words)
            return
        self._check_not_at_the_end(words[0].line, f"'{keyword}'")
        if keyword is Keyword.FALLBACK:
            self._fallback(words)
        else:
            self._policy(words)

    def _check_not_at_the_end(self, line: int, what: str) -> None:
        if self.finish:
            message = f"{what} comes after 'finish' of line {self.finish[0].line}"
            raise WorkflowInvalid(message, line=line, advice="Put all lines that begin with finish at the end.")

    def _policy(self, words: Sequence[Word]) -> None:
        said = _parse_policies(words)
        if self._steps:
            step = self._steps[-1]
            self._steps[-1] = replace(step, policies=said.merged_over(step.policies))
        else:
            self.policies = said.merged_over(self.policies)

    def _fallback(self, words: Sequence[Word]) -> None:
        if not self._steps:
            message = "a fallback comes before the first task"
            raise WorkflowInvalid(
                message, line=words[0].line, advice="Put it behind the task that it is to stand in for."
            )
        step = self._steps[-1]
        self._steps[-1] = replace(step, fallbacks=(*step.fallbacks, _parse_fallback(words)))

    def _finish(self, words: Sequence[Word]) -> None:
        if not self._steps:
            message = "'finish' comes before the first task"
            raise WorkflowInvalid(message, line=words[0].line, advice="Put it at the end, behind all tasks.")
        new = _parse_finish(words)
        for earlier in self.finish:
            _check_together(earlier, new)
        self.finish.append(new)


def _parse_policies(words: Sequence[Word]) -> Policies:
    head, rest = words[0], words[1:]
    if not rest:
        raise WorkflowInvalid("policy has no NAME=VALUE", line=head.line, advice=_POLICY_EXAMPLE)
    said = Policies()
    for word in rest:
        name, equals, value = word.text.partition("=")
        if not equals or not name or not value:
            advice = _POLICY_EXAMPLE
            if word.text.startswith("-"):
                advice = f"{advice} (A processor of this name is written ocrd-policy.)"
            raise WorkflowInvalid(
                f"policy: {word.text!r} is no NAME=VALUE without blanks", line=word.line, advice=advice
            )
        try:
            one = Policies.from_pairs([(name, value)])
        except InvalidRequest as error:
            raise WorkflowInvalid(error.message, line=word.line, advice=error.advice) from error
        twice = next(
            (known for known in NAMES if getattr(one, known) is not None and getattr(said, known) is not None), None
        )
        if twice:
            message = f"policy: {twice} is said twice"
            raise WorkflowInvalid(message, line=word.line, advice="Leave one of the two out.")
        said = one.merged_over(said)
    return said


def _parse_fallback(words: Sequence[Word]) -> Fallback:
    head, rest = words[0], list(words[1:])
    if not rest:
        raise WorkflowInvalid("fallback names no processor", line=head.line, advice=_FALLBACK_EXAMPLE)
    if rest[0].text in ("-I", "-O"):
        advice = f"{_FALLBACK_EXAMPLE}. (A processor of this name is written ocrd-fallback.)"
        raise WorkflowInvalid("fallback names no processor", line=head.line, advice=advice)
    processor = processor_name(rest.pop(0))
    parameters: dict[str, Any] = {}
    while rest:
        option, values = take_option(rest)
        if option.text in ("-I", "-O"):
            raise WorkflowInvalid(
                f"fallback: {option.text} has no place here",
                line=option.line,
                advice=f"A fallback reads and writes the file groups of its task: leave {option.text} out.",
            )
        add_parameters(parameters, option, values)
    return Fallback(head.line, processor, parameters_text(parameters))


def _parse_finish(words: Sequence[Word]) -> Finish:
    head, rest = words[0], words[1:]
    if not rest or rest[0].text not in set(FinishAction):
        said = f"finish: there is no {rest[0].text!r}" if rest else "finish says not what to do"
        advice = f"Say one of: {', '.join(FinishAction)}. {_FINISH_EXAMPLE}"
        if rest and rest[0].text.startswith("-"):
            advice += " (A processor of this name is written ocrd-finish.)"
        raise WorkflowInvalid(said, line=(rest or words)[0].line, advice=advice)
    action = FinishAction(rest[0].text)
    groups: list[str] = []
    for word in rest[1:]:
        for group in word.text.split(","):
            if fault := no_file_group(group, word.text):
                raise WorkflowInvalid(f"finish {action}: {fault.message}", line=word.line, advice=fault.advice)
            if group in groups:
                message = f"finish {action}: {group} is named twice"
                raise WorkflowInvalid(message, line=word.line, advice="Leave one of the two out.")
            groups.append(group)
    if action is FinishAction.RENAME:
        _check_rename(head, groups)
    elif not groups:
        raise WorkflowInvalid(f"finish {action} names no file group", line=head.line, advice=_FINISH_EXAMPLE)
    return Finish(head.line, action, tuple(groups))


def _check_rename(head: Word, groups: Sequence[str]) -> None:
    if len(groups) != 2:
        raise WorkflowInvalid(
            "finish rename wants two names, the old and the new one",
            line=head.line,
            advice="Write it as in: finish rename OCR-D-OCR4 OCR-D-OCR, on a line of its own for each file group.",
        )
    if fault := unusable_output_group(groups[1]):
        raise WorkflowInvalid(f"finish rename: {fault.message}", line=head.line, advice=fault.advice)


def _check_together(earlier: Finish, new: Finish) -> None:
    """A group may be kept and renamed; otherwise one line has to say what becomes of it."""
    actions = {earlier.action, new.action}
    if actions == {FinishAction.RENAME}:
        clash = set(earlier.groups) & set(new.groups)
    elif actions == {FinishAction.KEEP, FinishAction.RENAME}:
        return
    else:
        clash = _concerned(earlier) & _concerned(new)
    if clash:
        raise WorkflowInvalid(
            f"finish {new.action}: {min(clash)} is named in line {earlier.line} already",
            line=new.line,
            advice="Say once what becomes of each file group.",
        )


def _concerned(line: Finish) -> set[str]:
    """The groups that are there before it."""
    return set(line.groups[:1] if line.action is FinishAction.RENAME else line.groups)
