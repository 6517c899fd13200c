"""The whole METS in memory, for a processor that wants more of it than a slice has.

Read from mets.xml once per piece, never written. What the piece adds is recorded; a change that could not be handed
back (removing or renaming what was there before) is refused, because it would be lost.
"""

# ruff: noqa: N803  (the reference's names)

from __future__ import annotations

from typing import Any, Callable

from ocrd.mets_server import ClientSideOcrdMets
from ocrd_models import OcrdMets


class FullMets(OcrdMets, ClientSideOcrdMets):
    """An OcrdMets that passes for a remote one. ``check`` is called before anything is added and may raise."""

    missing_attribute = ""

    def __init__(self, filename: str, directory: str, check: Callable[[], None] = lambda: None) -> None:
        self.directory = directory
        self.added: dict[tuple[str, str], Any] = {}
        self._check = check
        self._adding = False
        OcrdMets.__init__(self, filename=filename)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    @property
    def workspace_path(self) -> str:
        return self.directory

    def save(self) -> str:
        return ""

    stop = reload = save

    def prepare_file(self, file_grp: str, **kwargs: Any) -> Any:
        """Raises what add_file would; returns what commit_file takes."""
        if not kwargs.get("ignore"):
            for old in self.find_files(ID=kwargs.get("ID"), fileGrp=file_grp) if kwargs.get("ID") else ():
                related = old.pageId == kwargs.get("pageId") and old.mimetype == kwargs.get("mimetype")
                if not related or not kwargs.get("force"):
                    raise FileExistsError("A file with ID=={} already exists {}".format(kwargs["ID"], old))
        return file_grp, kwargs

    def commit_file(self, prepared: Any) -> Any:
        file_grp, kwargs = prepared
        return self.add_file(file_grp, **kwargs)

    def add_file(self, *args: Any, **kwargs: Any) -> Any:
        self._check()
        self._adding = True  # with force it removes the old one
        try:
            file = OcrdMets.add_file(self, *args, **kwargs)
        finally:
            self._adding = False
        self.added[file.fileGrp, file.ID] = file
        return file

    def remove_one_file(self, ID: Any, *args: Any, **kwargs: Any) -> Any:
        file_id = ID if isinstance(ID, str) else ID.ID
        mine = [key for key in self.added if key[1] == file_id]
        if not mine and not self._adding:
            raise _refused(f"remove_file({file_id})")
        for key in mine:
            del self.added[key]
        return OcrdMets.remove_one_file(self, ID, *args, **kwargs)

    def rename_file_group(self, *args: Any, **kwargs: Any) -> Any:
        raise _refused("rename_file_group")

    def merge(self, *args: Any, **kwargs: Any) -> Any:
        raise _refused("merge")

    def remove_physical_page(self, *args: Any, **kwargs: Any) -> Any:
        raise _refused("remove_physical_page")

    def update_physical_page_attributes(self, *args: Any, **kwargs: Any) -> Any:
        raise _refused("update_physical_page_attributes")


def _refused(what: str) -> NotImplementedError:
    return NotImplementedError(f"{what}: a job may add files to the METS, not change what is in it")
