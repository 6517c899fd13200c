"""The workspace that a processor gets: an ocrd.Workspace around a slice (or a whole METS in memory).

``is_remote`` keeps ``save_mets`` from writing over mets.xml. A file that ``add_file`` gets the content of is whole
before the METS knows of it: written under another name in its directory, then renamed. Nothing is written outside.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

from ocrd import Resolver, Workspace
from ocrd_utils import MIMETYPE_PAGE, config, getLogger

from .channel import Channel
from .digests import Digests, Stat
from .page_look import look_at

_log = getLogger("ocrd.workspace.add_file")
_find_log = getLogger("ocrd.workspace.find_files")
_download_log = getLogger("ocrd.workspace.download_file")


class SliceWorkspace(Workspace):
    """One per directory; ``mets`` is exchanged for each piece."""

    def __init__(self, resolver: Resolver, directory: str, channel: Channel, digests: Digests) -> None:
        super().__init__(resolver, directory, mets=_NO_METS)
        self.is_remote = True
        self.overwrite_mode = False  # what ocrd 2.x has for OCRD_EXISTING_OUTPUT=OVERWRITE
        self._channel = channel
        self._digests = digests
        self._root = os.path.realpath(directory)
        self._inside: set[str] = set()  # directories known to lie within
        self._written = 0

    def add_file(self, file_grp: str | None = None, content: Any = None, **kwargs: Any) -> Any:
        """As Workspace.add_file of the reference. Raises DeadlinePassed, and ValueError for paths that lead outside."""
        for old_name, name in (("pageId", "page_id"), ("ID", "file_id")):
            if old_name in kwargs:
                kwargs[name] = kwargs.pop(old_name)
        if file_grp is None:
            file_grp = kwargs.pop("fileGrp", None)
        _log.debug(
            "outputfile file_grp=%s local_filename=%s content=%s",
            file_grp,
            kwargs.get("local_filename"),
            content is not None,
        )
        if "page_id" not in kwargs:
            raise ValueError("workspace.add_file must be passed a 'page_id' kwarg, even if it is None.")
        if content is not None and not kwargs.get("local_filename"):
            raise Exception("'content' was set but no 'local_filename'")
        self._channel.check_deadline()
        kwargs["pageId"] = kwargs.pop("page_id")
        kwargs["ID"] = kwargs.pop("file_id", None)
        if self.overwrite_mode or config.OCRD_EXISTING_OUTPUT == "OVERWRITE":
            kwargs["force"] = True
        path = ""
        if kwargs.get("local_filename"):
            kwargs["local_filename"], path = self._path_inside(str(kwargs["local_filename"]))
            if content is None and not os.path.exists(path):
                kwargs["local_filename"] = self._where_it_lies(kwargs["local_filename"], file_grp)
        prepared = self.mets.prepare_file(file_grp, **kwargs)
        if content is None:
            return self.mets.commit_file(prepared)
        body = content.encode("utf-8") if isinstance(content, str) else bytes(content)
        status = self._write(path, body)
        file = self.mets.commit_file(prepared)
        file.state = self._digests.put(path, status, hashlib.blake2b(body, digest_size=16).hexdigest())
        if file.mimetype == MIMETYPE_PAGE:
            file.counts, file.fault = look_at(body)
        return file

    def _path_inside(self, filename: str) -> tuple[str, str]:
        """The name relative to the workspace, and the absolute path."""
        path = os.path.normpath(os.path.join(self.directory, filename))
        parent = os.path.dirname(path)
        if parent not in self._inside:
            real = os.path.realpath(parent)
            if real != self._root and not real.startswith(self._root + os.sep):
                raise ValueError(f"local_filename {filename} leads out of the workspace {self.directory}")
            os.makedirs(parent, exist_ok=True)
            self._inside.add(parent)
        return (filename if not os.path.isabs(filename) else os.path.relpath(path, self.directory)), path

    def _where_it_lies(self, filename: str, file_grp: str | None) -> str:
        """ocrd-dinglehopper 0.11 names what it has written without the directory: METS would lead nowhere."""
        in_group = os.path.join(file_grp or "", filename)
        if os.path.isabs(filename) or not os.path.exists(os.path.join(self.directory, in_group)):
            return filename
        _log.warning("%s is not there, but %s: that is what is put into the METS", filename, in_group)
        return in_group

    def _write(self, path: str, body: bytes) -> Stat:
        self._written += 1
        parent, name = os.path.split(path)
        temporary = os.path.join(parent, f".{name[:200]}.{os.getpid()}-{self._written}.part")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        try:
            descriptor = os.open(temporary, flags, 0o666)
        except FileNotFoundError:  # somebody removed the directory since
            os.makedirs(parent, exist_ok=True)
            descriptor = os.open(temporary, flags, 0o666)
        try:
            try:
                rest = memoryview(body)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
                status = os.fstat(descriptor)
            finally:
                os.close(descriptor)
            self._channel.check_deadline()
            os.rename(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        return status

    def download_file(self, f: Any, _recursion_count: int = 0) -> Any:
        """Nothing to do for a file that is there, without the reference's way over several resolved paths."""
        name = f.local_filename
        if name and not os.path.isabs(name) and ".." not in name and os.path.exists(os.path.join(self.directory, name)):
            _download_log.debug("'local_filename' %s already within %s - nothing to do", name, self.directory)
            return f
        return super().download_file(f, _recursion_count)

    def find_files(self, *args: Any, **kwargs: Any) -> Any:
        _find_log.debug("find files in mets. kwargs=%s", kwargs)
        for name, old_name in (("page_id", "pageId"), ("file_id", "ID"), ("file_grp", "fileGrp")):
            if name in kwargs:
                kwargs[old_name] = kwargs.pop(name)
        return self.mets.find_files(*args, **kwargs)


class Workspaces:
    """The workspaces of the last few directories, so that a piece of a known one costs nothing."""

    def __init__(self, channel: Channel, digests: Digests, keep: int = 16) -> None:
        self._channel = channel
        self._digests = digests
        self._keep = keep
        self._resolver = Resolver()
        self._known: dict[str, SliceWorkspace] = {}

    def of(self, directory: str) -> SliceWorkspace:
        workspace = self._known.pop(directory, None)
        if workspace is None:
            workspace = SliceWorkspace(self._resolver, directory, self._channel, self._digests)
            while len(self._known) >= self._keep:
                del self._known[next(iter(self._known))]
        self._known[directory] = workspace
        return workspace


_NO_METS: Any = object()
