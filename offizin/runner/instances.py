"""Loaded processors: one instance per set of parameters, the least recently used ones let go."""

from __future__ import annotations

from collections import OrderedDict
from copy import deepcopy
from typing import Any

from ocrd_utils import VERSION, config

from .codec import Piece, canonical

_MOST = 8


class LoadingFailed(Exception):
    """The processor could not be set up for these parameters; ``error`` says why."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


class Instances:
    def __init__(self, processor_class: Any) -> None:
        self._class = processor_class
        self._loaded: OrderedDict[str, _Loaded] = OrderedDict()
        most = min(config.OCRD_MAX_PROCESSOR_CACHE, _MOST)
        own = getattr(processor_class, "max_instances", -1)
        self._most = max(1, min(most, own) if own >= 0 else most)

    def for_piece(self, piece: Piece) -> Any:
        """The instance for the piece's parameters, set to its file groups. Raises LoadingFailed."""
        key = canonical(piece.parameters)
        loaded = self._loaded.get(key)
        if loaded is None:
            while len(self._loaded) >= self._most:  # first let go: both may not fit into memory
                self._loaded.popitem(last=False)
            try:
                loaded = _Loaded(self._load(dict(piece.parameters), piece))
            except (Exception, SystemExit) as error:
                raise LoadingFailed(error) from error
            self._loaded[key] = loaded
        else:
            self._loaded.move_to_end(key)
            loaded.restore_parameters()
        processor = loaded.processor
        processor.input_file_grp = ",".join(piece.input_file_grps)
        processor.output_file_grp = ",".join(piece.output_file_grps)
        processor.page_id = selector(piece)
        return processor

    def clear(self) -> None:
        """Each processor's ``shutdown`` is called by its end."""
        self._loaded.clear()

    def _load(self, parameters: dict[str, Any], piece: Piece) -> Any:
        if is_ocrd_2():
            # many processors of API 2 load their models only when the constructor gets an output file group
            return self._class(
                None,
                parameter=parameters,
                input_file_grp=",".join(piece.input_file_grps),
                output_file_grp=",".join(piece.output_file_grps),
                page_id=selector(piece),
            )
        return self._class(None, parameter=parameters)


class _Loaded:
    """A processor, and its parameters as they were when it had been loaded.

    With ocrd 2.x they are a plain dict, and some processors put into it what they compute for a page (ocrd-wrap 0.1.8,
    ``window_size``): the next piece must not get that.
    """

    def __init__(self, processor: Any) -> None:
        self.processor = processor
        parameters = getattr(processor, "parameter", None)
        self._parameters = parameters if type(parameters) is dict else None
        self._as_loaded = deepcopy(self._parameters)

    def restore_parameters(self) -> None:
        if self._parameters is not None and self._parameters != self._as_loaded:
            self._parameters.clear()
            self._parameters.update(deepcopy(self._as_loaded))  # type: ignore[arg-type]


def selector(piece: Piece) -> Any:
    """What ``--page-id`` would be: nothing for a whole book, which is a slice that also has the files without page."""
    if any("page_id" not in file for file in piece.slice_["files"]):
        return None
    return ",".join(piece.pages) or None


def is_ocrd_2() -> bool:
    return str(VERSION).split(".", 1)[0] == "2"


def describe(processor_class: Any) -> Any:
    """An instance without parameters, for its ``ocrd_tool`` and ``version``."""
    if not is_ocrd_2():
        return processor_class(None)

    class Description(processor_class):  # type: ignore[misc]
        """2.x has no instance without parameters, save on its way to ``--version``."""

        def show_version(self) -> None:
            pass

    return Description(None, show_version=True)
