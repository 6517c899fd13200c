"""The agents that a METS lists, as the protocol shows them."""

from __future__ import annotations

from pathlib import Path

from offizin.errors import MetsMissing
from offizin.mets import names
from offizin.mets.encoding import to_utf8
from offizin.mets.walk import Walk
from offizin.mets_server.protocol import OPTION, Agent


def read_agents(path: Path) -> list[tuple[str, Agent]]:
    """(XML ID or empty, agent) of the METS at ``path``. Blocking. Raises MetsMissing, MetsInvalid."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MetsMissing(f"{path} cannot be read: {error.strerror}") from error
    walk = Walk(to_utf8(content, path)[0], path)
    listening = _Agents(walk)
    walk.run()
    return listening.found


class _Agents:
    def __init__(self, walk: Walk) -> None:
        self.found: list[tuple[str, Agent]] = []
        self._walk = walk
        self._attributes: dict[str, str] = {}
        self._name: list[str] = []
        self._notes: list[tuple[dict[str, str], list[str]]] = []
        self._inside = False
        walk.starts |= {names.AGENT: self._start, names.NAME: self._start_name, names.NOTE: self._start_note}
        walk.ends |= {names.AGENT: self._end, names.NAME: self._end_text, names.NOTE: self._end_text}

    def _start(self, attributes: dict[str, str]) -> None:
        self._attributes, self._name, self._notes, self._inside = attributes, [], [], True

    def _start_name(self, _: dict[str, str]) -> None:
        if self._inside:
            self._walk.collect_text(self._name)

    def _start_note(self, attributes: dict[str, str]) -> None:
        if self._inside:
            text: list[str] = []
            said = {OPTION if name == names.OPTION else name: value for name, value in attributes.items()}
            self._notes.append((said, text))
            self._walk.collect_text(text)

    def _end_text(self) -> None:
        self._walk.collect_text(None)

    def _end(self) -> None:
        said = self._attributes
        agent = Agent(
            "".join(self._name), said.get("TYPE", ""), said.get("ROLE", ""), said.get("OTHERROLE"),
            said.get("OTHERTYPE", ""), [(note, "".join(text) or None) for note, text in self._notes],
        )  # fmt: skip
        self.found.append((said.get("ID", ""), agent))
        self._inside = False
