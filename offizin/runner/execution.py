"""One piece with one loaded processor, in the three ways there are.

by page      the class overrides ``process_page_pcgts`` or ``process_page_file`` and nothing around them: the steps of
             ``Processor.process_workspace`` (ocrd 3.x) are taken here, with its log lines and checks
whole        it overrides ``process_workspace`` or the like: called as it is, its pages still seen one by one
API 2        it overrides ``process``: no end of a page is seen, what is there at the end counts
"""

from __future__ import annotations

from typing import Any

from ocrd import Processor
from ocrd_utils import config

from .accounts import Accounts
from .codec import Piece

try:
    from requests import HTTPError
except ImportError:  # pragma: no cover
    HTTPError = OSError  # type: ignore[assignment,misc]

_AROUND_PAGES = (
    "process",
    "process_workspace",
    "process_workspace_submit_tasks",
    "process_workspace_submit_page_task",
    "process_workspace_handle_tasks",
    "process_workspace_handle_page_task",
    "zip_input_files",
)


def overrides(processor_class: Any, name: str) -> bool:
    """Whether some class before ``Processor`` defines it. (Comparing what getattr gives fails on decorated methods.)"""
    definer = next((class_ for class_ in processor_class.__mro__ if name in vars(class_)), Processor)
    return definer is not Processor


def has_page_methods(processor_class: Any) -> bool:
    return overrides(processor_class, "process_page_pcgts") or overrides(processor_class, "process_page_file")


def has_independent_pages(processor_class: Any) -> bool:
    return has_page_methods(processor_class) and not any(overrides(processor_class, name) for name in _AROUND_PAGES)


class WantsFullMets(Exception):
    """The processor asked for something that the slice lacks; the pages so far stand."""


class Execution:
    """Runs pieces with instances of one class. Works in the current directory: the caller has entered the workspace."""

    def __init__(self, processor_class: Any) -> None:
        self._pages = has_page_methods(processor_class)
        self._by_page = has_independent_pages(processor_class)
        self._has_process_workspace = hasattr(Processor, "process_workspace")
        self._timed = False

    def run(self, processor: Any, workspace: Any, piece: Piece, accounts: Accounts) -> None:
        """Raises what the processor raises outside its pages, SystemExit also from within them, and WantsFullMets."""
        processor.workspace = workspace
        self._timed = self._pages and config.OCRD_PROCESSING_PAGE_TIMEOUT > 0
        if self._by_page and not self._timed:
            self._run_pages(processor, workspace, accounts)
            return
        accounts.begins_all()
        if self._has_process_workspace:
            self._run_whole(processor, workspace, accounts)
        else:
            processor.process()

    def _run_pages(self, processor: Any, workspace: Any, accounts: Accounts) -> None:
        log = processor._base_logger
        processor.verify()
        pages: list[tuple[str, list[Any]]] = []
        for files in processor.zip_input_files(on_error="abort", require_first=False):
            page = next(file.pageId for file in files if file)
            log.info(f"preparing page {page}")
            pages.append((page, self._downloaded(processor, workspace, page, files)))
        log.debug("submitted %d processing tasks", len(pages))
        for page, input_files in pages:
            self._run_page(processor, processor.process_page_file, accounts, page, input_files)

    def _downloaded(self, processor: Any, workspace: Any, page: str, files: Any) -> list[Any]:
        if not processor.download:
            return list(files)
        found: list[Any | None] = []
        for file in files:
            try:
                found.append(file and workspace.download_file(file))
            except (ValueError, FileNotFoundError, HTTPError) as error:
                processor._base_logger.error(repr(error))
                processor._base_logger.warning(f"failed downloading file {file} for page {page}")
                found.append(file)
        return found

    def _run_page(self, processor: Any, method: Any, accounts: Accounts, page: str, files: Any) -> None:
        log = processor._base_logger
        mets = processor.workspace.mets
        accounts.begins(page)
        try:
            method(*files)
        except (SystemExit, KeyboardInterrupt) as error:
            if self._timed and isinstance(error, KeyboardInterrupt):  # that is how ocrd's own time limit interrupts
                self._failed(log, accounts, page, TimeoutError("OCRD_PROCESSING_PAGE_TIMEOUT is over"))
                return
            accounts.raised(page, error)
            raise
        except NotImplementedError as error:
            if mets.missing_attribute:
                raise WantsFullMets(str(error)) from error
            if not self._pages:
                raise
            self._failed(log, accounts, page, error)
        except Exception as error:
            if mets.missing_attribute:
                raise WantsFullMets(str(error)) from error
            self._failed(log, accounts, page, error)
        else:
            accounts.returned(page)
            log.debug("page worker completed for page %s", page)

    @staticmethod
    def _failed(log: Any, accounts: Accounts, page: str, error: Exception) -> None:
        if not isinstance(error, FileExistsError):
            log.exception(f"Failure on page {page}: {str(error) or error.__class__.__name__}")
        accounts.raised(page, error)

    def _run_whole(self, processor: Any, workspace: Any, accounts: Accounts) -> None:
        if not self._pages:
            processor.process_workspace(workspace)
            return
        method = processor.process_page_file

        def process_page_file(*files: Any) -> None:
            page = next((file.pageId for file in files if file is not None), "")
            self._run_page(processor, method, accounts, page, files)

        processor.process_page_file = process_page_file
        try:
            processor.process_workspace(workspace)
        finally:
            del processor.process_page_file
