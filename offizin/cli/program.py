"""The command line as a whole: which commands there are, and how the process ends.

A command's module is imported when the command is used, so that ``offizin --help`` is there at once.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from offizin import __version__
from offizin.cli.ending import INTERNAL_FAULT, said, usage_said
from offizin.cli.verbosity import verbosity_option
from offizin.errors import Interrupted, OffizinError

COMMANDS = {
    "import": ("import_images", "Make a workspace (a book) from images."),
    "run": ("run", "Run a workflow on a book."),
    "text": ("text", "Print the recognised text of a book."),
    "status": ("status", "Show the last runs, or one run with its failures."),
    "report": ("report", "Write down what became of a run, in one file to keep."),
    "logs": ("logs", "Print a job's log."),
    "retry": ("retry", "Do again what failed or was cancelled in a run, or other parts of it."),
    "undo": ("undo", "Take out of a book what a run has made."),
    "cancel": ("cancel", "Cancel a run or a job."),
    "processors": ("processors", "List the OCR-D processors of this machine."),
    "workers": ("workers", "Show the workers of a server, and what is paused."),
    "pause": ("pause", "Give a processor, or the workers of a host, no new work."),
    "resume": ("resume", "Give what was paused work again."),
    "workflow": ("workflow", "Print a workflow's tasks as other OCR-D programs read them."),
    "doctor": ("doctor", "Look for what is missing on this machine."),
    "workspace": ("workspace", "Give a server books, and get them back."),
    "token": ("token", "Say who may ask a server for what."),
    "serve": ("serve", "Start a server for many runs and users."),
    "mets-server": ("mets_server", "Serve the METS of a workspace to OCR-D programs called by hand."),
    "worker": ("worker", "Work for the servers of a cluster, from this machine."),
}

_EPILOG = """\
\b
The first book:
  offizin import scans/ -o my-book
  offizin run my-book "tesserocr-segment -I OCR-D-IMG -O OCR-D-SEG" \\
                      "tesserocr-recognize -I OCR-D-SEG -O OCR-D-OCR -P model eng"
  offizin text my-book

\b
Exit codes:
    0  all is well
    1  not all of it worked: some pages failed, or doctor found something
    2  what was asked for is wrong: the command line, workflow, pages, parameters
    3  not found: METS, processor, run, job
    4  conflict: it exists already, was changed by somebody else, or is in use
    5  a server, a program or a file that is needed is not there
   70  a fault of Offizin itself (OFFIZIN_DEBUG=1 shows where)
  130  interrupted (Ctrl-C)
"""


class Commands(click.Group):
    """Takes the commands from ``COMMANDS``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"offizin.cli.{COMMANDS[cmd_name][0]}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
)
@click.version_option(__version__, message="offizin %(version)s")
@verbosity_option
def program() -> None:
    """Run OCR processors and workflows on digitised books.

    `offizin COMMAND --help` tells more about each command.
    """


def run_program(arguments: Sequence[str] | None = None) -> NoReturn:
    """End the process with the exit code; faults are told in one or two lines on standard error."""
    code = exit_code_of(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _point_at_null(sys.stdout)
    sys.exit(code)


def exit_code_of(arguments: Sequence[str] | None = None) -> int:
    try:
        result = program.main(args=arguments, prog_name="offizin", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as wanted:
        return _tell(wanted.format_message(), wanted.exit_code)
    except click.ClickException as fault:
        return _tell(usage_said(fault), fault.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _tell(said(Interrupted("interrupted")), Interrupted.exit_code)
    except OffizinError as fault:
        _show_trace_if_wanted()
        return _tell(said(fault), fault.exit_code)
    except BrokenPipeError:  # whoever read our output has read enough, as `head` does
        _point_at_null(sys.stdout)
        return 0
    except Exception as fault:
        _show_trace_if_wanted()
        hint = "This is a fault of Offizin. OFFIZIN_DEBUG=1 shows where it happened; please report it."
        return _tell(said(OffizinError(f"{type(fault).__name__}: {fault}", advice=hint)), INTERNAL_FAULT)


def _tell(text: str, code: int) -> int:
    click.echo(text, err=True)
    return code


def _show_trace_if_wanted() -> None:
    if os.environ.get("OFFIZIN_DEBUG"):
        import traceback

        traceback.print_exc()


def _point_at_null(stream: Any) -> None:
    """So that the interpreter does not stumble over what is still in the buffer."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
