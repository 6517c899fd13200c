"""How one OpenAPI document differs from another: operation by operation, told in short lines. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, order=True)
class Difference:
    """``what`` is an aspect of the operation, ``which`` names what differs there."""

    operation: str
    what: str
    which: str

    def __str__(self) -> str:
        return f"| `{self.operation}` | {self.what} | {self.which} | why |"


def differences(theirs: Json, ours: Json, *, common: frozenset[str]) -> set[Difference]:
    """What is missing or of another kind in ours, and what it has in addition in the operations of theirs. That a field
    of an answer is always there is none. ``common``: statuses that every operation of ours may answer."""
    found = set()
    our_operations = dict(_operations(ours))
    for name, operation in _operations(theirs):
        if name not in our_operations:
            found.add(Difference(name, "operation", "missing"))
            continue
        own = our_operations[name]
        if operation["operationId"] != own["operationId"]:
            found.add(Difference(name, "operationId", own["operationId"]))
        for what, (their, our) in _aspects(_Side(theirs, operation), _Side(ours, own), common).items():
            for how, names in (("missing", their.keys() - our.keys()), ("more", our.keys() - their.keys())):
                if names:
                    found.add(Difference(name, f"{what}, {how}", ", ".join(sorted(names))))
            for each in sorted(their.keys() & our.keys()):
                promised = what == "answer" and our[each] == f"{their[each]}, required"
                if their[each] != our[each] and not promised:
                    found.add(Difference(name, f"{what}, other kind", f"{each}: {our[each]} for {their[each]}"))
    return found


def _operations(document: Json) -> Iterator[tuple[str, Json]]:
    """By method and path; what parameters in paths are called does not matter to anybody who asks."""
    for path, of_path in document["paths"].items():
        for method, operation in of_path.items():
            yield f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path)}", operation


class _Side:
    def __init__(self, document: Json, operation: Json) -> None:
        self._document, self._operation = document, operation

    def parameters(self) -> dict[str, str]:
        """All but those of the path: name to kind."""
        return {
            each["name"]: self._kind(each["schema"], required=bool(each.get("required")))
            for each in self._operation.get("parameters", ())
            if each["in"] != "path"
        }

    def statuses(self, without: frozenset[str]) -> dict[str, str]:
        return {status: "" for status in self._operation["responses"] if status not in without}

    def media_types(self) -> dict[str, str]:
        """Of all that goes in, and of answers that are no errors."""
        body = self._operation.get("requestBody", {})
        found = {f"body as {media_type}": "" for media_type in body.get("content", ())}
        for status, answer in self._operation["responses"].items():
            if status < "400":
                found |= {f"answer as {media_type}": "" for media_type in answer.get("content", ())}
        return found

    def body_fields(self) -> dict[str, str]:
        return self._fields(self._operation.get("requestBody", {}).get("content", {}))

    def answer_fields(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for status, answer in self._operation["responses"].items():
            if status < "400":
                found |= self._fields(answer.get("content", {}))
        return found

    def _fields(self, content: Json) -> dict[str, str]:
        """Of JSON and of forms; the empty name stands for the whole."""
        found: dict[str, str] = {}
        for media_type in ("application/json", "multipart/form-data"):
            schema = self._resolved(content.get(media_type, {}).get("schema", {}))
            if schema.get("type") == "array":
                schema = self._resolved(schema["items"])
                found["(each)"] = self._kind(schema)
            elif schema:
                found["(all)"] = self._kind(schema)
            required = schema.get("required", ())
            for name, field in schema.get("properties", {}).items():
                found[name] = self._kind(field, required=name in required)
        return found

    def _kind(self, schema: Json, *, required: bool = False) -> str:
        """As in ``string`` and ``array, required``. Null is left out: it is the same as nothing said."""
        schema = self._resolved(schema)
        choices = [self._resolved(each) for each in schema.get("anyOf", [schema])]
        kinds = {each.get("type") or ("object" if "properties" in each else "") for each in choices} - {"null", ""}
        return " or ".join(sorted(kinds)) + (", required" if required else "")

    def _resolved(self, schema: Json) -> Json:
        for each in schema.get("allOf", ()):
            schema = {**self._resolved(each), **{key: value for key, value in schema.items() if key != "allOf"}}
        if "anyOf" in schema and len(real := [one for one in schema["anyOf"] if one.get("type") != "null"]) == 1:
            schema = real[0]
        while "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            schema = self._document["components"]["schemas"][name]
            if "allOf" in schema:
                return self._resolved(schema)
        return schema


def _aspects(theirs: _Side, ours: _Side, common: frozenset[str]) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    return {
        "parameters": (theirs.parameters(), ours.parameters()),
        "body": (theirs.body_fields(), ours.body_fields()),
        "answer": (theirs.answer_fields(), ours.answer_fields()),
        "media types": (theirs.media_types(), ours.media_types()),
        # Those of every operation are told once, and asked for only where the specification has them.
        "statuses": (theirs.statuses(frozenset()), ours.statuses(common - theirs.statuses(frozenset()).keys())),
    }
