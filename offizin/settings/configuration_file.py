"""A YAML file as values that know their place, so that a mistake can be named with file, line and key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from offizin.errors import SettingsInvalid

_SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SAFE_LOADER):  # type: ignore[misc]
    """Takes no text for a date. The table is a copy: other packages in the process change the library's own."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in _SAFE_LOADER.yaml_implicit_resolvers.items()
    }


@dataclass(frozen=True, slots=True)
class Place:
    """``source`` is a file or a phrase ("environment variable OFFIZIN_PORT"), ``key`` as in ``hosts[0].address``."""

    source: str
    key: str = ""
    line: int | None = None

    def __str__(self) -> str:
        where = self.source if self.line is None else f"{self.source}, line {self.line}"
        return f"{where}, {self.key}" if self.key else where


@dataclass(frozen=True, slots=True)
class Value:
    """``content`` is a scalar of YAML, a list of values, or a dict of values.

    ``typed`` is false where only text can be said (environment, command line): a reader then takes numbers and lists
    from it. ``base`` is the directory that relative paths start from.
    """

    content: Any
    place: Place
    base: Path
    typed: bool = True

    def invalid(self, message: str, advice: str = "") -> SettingsInvalid:
        return SettingsInvalid(f"{self.place}: {message}", advice=advice)


def read_configuration(file: Path) -> Value:
    """The file's mapping; an empty file is an empty mapping. Raises SettingsInvalid."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SettingsInvalid(
            f"the configuration file {file} cannot be read: {error.strerror}",
            advice="Name a file that is there and readable, or leave it out: no configuration is needed.",
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsInvalid(f"{file} is not UTF-8", advice="Save it as UTF-8.") from error
    return parse_yaml(text, Place(str(file)), file.absolute().parent)


def parse_yaml(text: str, place: Place, base: Path) -> Value:
    """The mapping that a text of YAML is. Raises SettingsInvalid for anything else."""
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return Value({}, place, base)
            value = _convert(loader, node, place, base, ())
        finally:
            loader.dispose()
    except RecursionError:
        raise SettingsInvalid(f"{place}: this is nested too deep", advice="Write it out.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        where = Place(place.source, place.key, mark.line + 1 if mark else None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SettingsInvalid(f"{where}: this is no valid YAML: {problem}", advice="Mend the file there.") from error
    if value.content is None:
        return Value({}, place, base)
    if not isinstance(value.content, dict):
        raise value.invalid("this is no mapping of keys to values", "Write lines like `slots: 4`.")
    return value


def _convert(loader: Any, node: yaml.Node, place: Place, base: Path, inside: tuple[int, ...]) -> Value:
    place = Place(place.source, place.key, node.start_mark.line + 1)
    if id(node) in inside:
        raise SettingsInvalid(f"{place}: this alias stands within what it names", advice="Write the value out.")
    inside = (*inside, id(node))
    content: Any
    if isinstance(node, yaml.MappingNode):
        _refuse_doubles(node, place)
        loader.flatten_mapping(node)  # the merge key <<
        content = {}
        for key_node, value_node in node.value:
            name = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
            below = Place(place.source, f"{place.key}.{name}" if place.key else name)
            content[name] = _convert(loader, value_node, below, base, inside)
    elif isinstance(node, yaml.SequenceNode):
        items = [(Place(place.source, f"{place.key}[{number}]"), item) for number, item in enumerate(node.value)]
        content = [_convert(loader, item, below, base, inside) for below, item in items]
    else:
        try:
            content = loader.construct_object(node)
        except ValueError as error:  # as in `!!int x`
            raise SettingsInvalid(f"{place}: {error}", advice="Put it in quotes if it is a text.") from error
    return Value(content, place, base)


def _refuse_doubles(node: yaml.MappingNode, place: Place) -> None:
    """YAML forbids a key that is there twice; its library takes the last without a word."""
    first: dict[str, int] = {}
    for key_node, _ in node.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        if key in first and key != "<<":
            where = Place(place.source, f"{place.key}.{key}" if place.key else key, line)
            raise SettingsInvalid(f"{where}: it stands already in line {first[key]}", advice="Leave one of them out.")
        first[key] = line
