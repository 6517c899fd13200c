"""``offizin import``: a workspace from images."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from offizin.cli.verbosity import verbosity_option


@click.command("import")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IMAGE... | DIR")
@click.option(
    "-o", "--output", "workspace", required=True, type=click.Path(path_type=Path), metavar="WORKSPACE",
    help="The directory to make; it must not exist yet, or be empty.",
)  # fmt: skip
@click.option("--file-grp", default="OCR-D-IMG", show_default=True, metavar="GROUP", help="The images' file group.")
@click.option("--id", "identifier", metavar="ID", help="The book's identifier. [default: the directory's name]")
@verbosity_option
def command(images: tuple[Path, ...], workspace: Path, file_grp: str, identifier: str | None) -> None:
    """Make a workspace (a book) from images.

    Takes TIFF, PNG and JPEG files, or directories of them, in natural order (page2 before page10). A TIFF of several
    pages becomes one page for each. The images are copied; yours stay as they are.

    \b
    Examples:
      offizin import scans/ -o my-book
      offizin import page_*.tif -o my-book --id urn:nbn:de:1234
    """
    from offizin.cli.import_progress import import_progress
    from offizin.workspaces.image_import import import_images

    with import_progress() as progress:
        report = import_images(images, workspace, file_grp=file_grp, identifier=identifier, progress=progress)
    for warning in report.warnings:
        click.echo(f"Note: {warning}", err=True)
    count = len(report.pages)
    click.echo(f"{count} {'page' if count == 1 else 'pages'} in {report.mets}")
    click.echo(
        f"Go on with: offizin run {shlex.quote(str(workspace))} -w WORKFLOW.txt   (`offizin run --help` shows one)"
    )
