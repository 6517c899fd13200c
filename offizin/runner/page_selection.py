"""Page selectors over page ids, as ocrd_models.OcrdMets.get_physical_pages reads them.

Commas, ``a..b``, ``//regex``, ``~`` before any of them; ids only. What asks for other attributes (``logical:``,
``@ORDER``) or for a page that is not there raises SelectorNeedsMets: only the whole METS can tell.
"""

from __future__ import annotations

import re
from typing import Mapping

from ocrd_utils import generate_range


class SelectorNeedsMets(Exception):
    """The selector cannot be resolved by the ids of these pages alone."""


def select_pages(selector: str, known: Mapping[str, object]) -> set[str]:
    """The ids among the keys of ``known`` that the selector names. ValueError for what is malformed."""
    selected: set[str] = set()
    excluded: set[str] = set()
    only_exclusions = True
    for token in selector.split(","):
        if token.startswith(("physical:", "logical:")):
            raise SelectorNeedsMets(token)
        if not token:
            raise ValueError(f"invalid pageId syntax '{token}': empty after type prefix")
        bare = token
        if token.startswith("~"):
            bare = token[1:]
            if not bare:
                raise ValueError(f"invalid pageId syntax '{token}': empty after negator prefix")
            excluded.update(_matches(token, bare, known))
        else:
            only_exclusions = False
            selected.update(_matches(token, bare, known))
    return (set(known) if only_exclusions else selected) - excluded


def _matches(token: str, bare: str, known: Mapping[str, object]) -> list[str]:
    if bare.startswith("//"):
        if bare == "//":
            raise ValueError(f"invalid pageId syntax '{token}': empty after regex prefix")
        pattern = re.compile(bare[2:])
        found = [page for page in known if pattern.fullmatch(page)]
    elif ".." in bare:
        try:
            wanted = generate_range(*bare.split("..", 1))
        except ValueError as error:
            raise ValueError(f"invalid pageId syntax '{token}': {error}") from None
        if not wanted or wanted[0] not in known:
            raise SelectorNeedsMets(token)
        members = set(wanted)
        found = [page for page in known if page in members]
    else:
        found = [bare] if bare in known else []
    if not found:
        raise SelectorNeedsMets(token)
    return found
