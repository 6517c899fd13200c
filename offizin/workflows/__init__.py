"""Workflows: a text of task lines in the syntax of ``ocrd process``, parsed into steps. Pure.

# comments and blank lines are allowed, and the prefix ocrd-
tesserocr-segment -I OCR-D-IMG -O OCR-D-SEG
tesserocr-recognize -I OCR-D-SEG -O OCR-D-OCR -P model frk -P textequiv_level word
"""

from offizin.workflows.groups import Finding, FindingKind, check_groups
from offizin.workflows.json_text import parameters_text
from offizin.workflows.options import unusable_output_group
from offizin.workflows.parameter_files import resolve_parameter_files
from offizin.workflows.parsing import parse_workflow, workflow_from_steps
from offizin.workflows.policies import Policies
from offizin.workflows.tasks import parameters_of_options
from offizin.workflows.workflow import Fallback, Finish, FinishAction, Step, Workflow

__all__ = [
    "Fallback",
    "Finding",
    "FindingKind",
    "Finish",
    "FinishAction",
    "Policies",
    "Step",
    "Workflow",
    "check_groups",
    "parameters_of_options",
    "parameters_text",
    "parse_workflow",
    "resolve_parameter_files",
    "unusable_output_group",
    "workflow_from_steps",
]
