"""Our OpenAPI document beside the one of the specification: docs/compatibility.md has a row for each difference."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from offizin.api.description import ALWAYS, WITH_BODY, WITH_INPUT
from offizin.processing_server import ProcessingServer
from offizin.settings import Settings
from tests.conformance.api.comparison import Difference, differences

COMPATIBILITY = Path(__file__).parents[3] / "docs/compatibility.md"
SPECIFICATION = Path(__file__).with_name("ocrd-web-api.yml")
COMMON = frozenset(map(str, ALWAYS | WITH_INPUT | WITH_BODY))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> set[Difference]:
    ours = ProcessingServer(settings=Settings(home=tmp_path_factory.mktemp("home"))).openapi()
    return differences(yaml.safe_load(SPECIFICATION.read_text()), ours, common=COMMON)


def documented() -> set[Difference]:
    rows = re.findall(r"^\| `([A-Z]+ /[^`]*)` \| ([^|]+) \| ([^|]+) \| [^|]+ \|$", COMPATIBILITY.read_text(), re.M)
    return {Difference(*row) for row in rows}


def test_each_difference_is_documented(found: set[Difference]) -> None:
    missing = sorted(found - documented())
    assert missing == [], "write into docs/compatibility.md:\n" + "\n".join(map(str, missing))


def test_each_documented_difference_is_there(found: set[Difference]) -> None:
    left_over = sorted(documented() - found)
    assert left_over == [], "take out of docs/compatibility.md:\n" + "\n".join(map(str, left_over))


def document(properties: dict[str, object]) -> dict[str, object]:
    content = {"application/json": {"schema": {"type": "object", "properties": properties}}}
    return {"paths": {"/a/{x}": {"get": {"operationId": "a", "responses": {"200": {"content": content}}}}}}


def test_fields_that_are_missing_or_of_another_kind_are_differences() -> None:
    theirs = document({"one": {"type": "string"}, "two": {"type": "integer"}})
    ours = document({"two": {"anyOf": [{"type": "string"}, {"type": "null"}]}})
    assert differences(theirs, ours, common=frozenset()) == {
        Difference("GET /a/{}", "answer, missing", "one"),
        Difference("GET /a/{}", "answer, other kind", "two: string for integer"),
    }
