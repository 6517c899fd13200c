"""What steps, and other ways to do them, ask of their processors: the processors are there, and take it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from offizin.errors import InvalidRequest, ParameterInvalid, ProcessorsMissing, ProcessorUnknown
from offizin.jobs import RunKind
from offizin.processors.parameters import check_cardinality, complete
from offizin.processors.tool_description import ToolDescription
from offizin.scheduling.plan import PlannedStep
from offizin.scheduling.workforce import Processors
from offizin.store.alternatives import AlternativeRow
from offizin.workflows import Step, parameters_text
from offizin.workflows.policies import NOTHING_SAID, Policies


async def check_steps(
    processors: Processors, steps: Sequence[Step], kind: RunKind, policies: Policies = NOTHING_SAID
) -> tuple[list[PlannedStep], list[AlternativeRow]]:
    """The steps with all their parameters and policies, and their fallbacks. ``policies`` are those for all steps.

    Raises ProcessorsMissing (InvalidRequest for a job), ParameterInvalid and InvalidRequest.
    """
    names = {step.processor for step in steps} | {f.processor for step in steps for f in step.fallbacks}
    descriptions = await _describe(processors, names, kind)
    planned: list[PlannedStep] = []
    fallbacks: list[AlternativeRow] = []
    for number, step in enumerate(steps):
        description = descriptions[step.processor]
        parameters = fitting(description, step.input_file_grps, step.output_file_grps, step.parameters)
        groups = step.input_file_grps, step.output_file_grps
        said = step.policies.merged_over(policies)
        planned.append(PlannedStep(number, step.processor, parameters, *groups, said))
        for place, fallback in enumerate(step.fallbacks, start=1):
            description = descriptions[fallback.processor]
            try:
                parameters = fitting(description, step.input_file_grps, step.output_file_grps, fallback.parameters)
            except (InvalidRequest, ParameterInvalid) as error:
                message = f"line {fallback.line}: fallback: {error.message}"
                raise type(error)(message, advice=error.advice) from error
            fallbacks.append(AlternativeRow(number, place, fallback.processor, parameters, is_fallback=True))
    return planned, fallbacks


def fitting(
    description: ToolDescription, inputs: Sequence[str], outputs: Sequence[str], parameters: Mapping[str, Any]
) -> str:
    """The parameters with defaults filled in, as JSON. Raises InvalidRequest and ParameterInvalid."""
    check_cardinality(description, inputs, outputs)
    return parameters_text(complete(description, parameters))


async def _describe(processors: Processors, names: Collection[str], kind: RunKind) -> dict[str, ToolDescription]:
    found = await asyncio.gather(*(processors.describe(name) for name in names), return_exceptions=True)
    missing = [outcome for outcome in found if isinstance(outcome, ProcessorUnknown)]
    if missing:
        error = ProcessorsMissing if kind is RunKind.WORKFLOW else InvalidRequest
        raise error("; ".join(e.message for e in missing), advice=missing[0].advice)
    descriptions = {}
    for outcome in found:
        if isinstance(outcome, BaseException):
            raise outcome
        descriptions[outcome.name] = outcome
    return descriptions
