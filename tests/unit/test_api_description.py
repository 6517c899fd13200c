"""GET /openapi.json tells of each route what it answers, with examples that are true, and how its errors look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from offizin.api.described_methods import methods_at
from offizin.api.description import ALWAYS, WITH_BODY, WITH_INPUT, examples, model_of
from offizin.processing_server import ProcessingServer
from offizin.settings import Settings

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Json:
    return ProcessingServer(settings=Settings(home=tmp_path_factory.mktemp("home"))).openapi()


def operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, of_path in document["paths"].items():
        for method, operation in of_path.items():
            yield f"{method.upper()} {path}", operation


def contents(document: Json) -> Iterator[tuple[str, Json]]:
    """What goes in and out, but errors."""
    for name, operation in operations(document):
        bodies = {"body": operation.get("requestBody", {}), **operation["responses"]}
        for place, body in bodies.items():
            if place == "body" or place < "400":
                for media_type, content in body.get("content", {}).items():
                    yield f"{name}, {place}, {media_type}", content


def test_every_body_and_answer_has_a_schema(document: Json) -> None:
    vague = [name for name, content in contents(document) if not content.get("schema")]
    assert vague == [], "name a response_model, or what `told` describes (reference_routes.py)"


def test_every_body_and_answer_has_an_example(document: Json) -> None:
    missing = [
        f"{name} ({model_of(content['schema'])})" for name, content in contents(document) if "example" not in content
    ]
    assert missing == [], "write one into offizin/api/examples.json"


def test_examples_are_what_the_schemas_say(document: Json) -> None:
    for name, content in contents(document):
        schema = {**content["schema"], "components": document["components"]}
        try:
            jsonschema.Draft202012Validator(schema).validate(content["example"])
        except jsonschema.ValidationError as error:
            pytest.fail(f"{name}: {error.message}")


def test_no_example_is_left_over(document: Json) -> None:
    used = [content["example"] for _, content in contents(document)]
    assert [name for name, example in examples().items() if example not in used] == ["ErrorAnswer"]


def test_every_error_has_the_one_shape(document: Json) -> None:
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status >= "400":
                schema = answer["content"]["application/json"]["schema"]
                assert model_of(schema) == "ErrorAnswer", f"{name}, {status}"
                assert answer["description"], f"{name}, {status}"


def test_what_every_route_may_answer_is_told_of_every_route(document: Json) -> None:
    for name, operation in operations(document):
        expected = {str(status) for status in ALWAYS}
        if "requestBody" in operation:
            expected |= {str(status) for status in WITH_BODY | WITH_INPUT}
        assert expected <= operation["responses"].keys(), name


def test_operations_have_names_of_their_own_and_known_tags(document: Json) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names))
    known = {tag["name"] for tag in document["tags"]}
    for name, operation in operations(document):
        assert operation.get("summary"), name
        assert set(operation.get("tags", ())) <= known, name
        assert operation.get("tags"), name


def test_nothing_refers_to_what_is_not_there(document: Json) -> None:
    text = repr(document)
    for name in ("HTTPValidationError", "'ValidationError'"):
        assert name not in text


# Unknown keys are ignored there, as in the reference (docs/compatibility.md, "Settled").
LENIENT = {"JobInput", "PYResultMessage", "MetsRequest"}


def test_bodies_of_our_own_take_no_unknown_keys(document: Json) -> None:
    for name, operation in operations(document):
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        if schema is not None and (model := model_of(schema)) not in LENIENT:
            resolved = document["components"]["schemas"][model] if model else schema
            assert resolved.get("additionalProperties") is False, f"{name}: ConfigDict(extra='forbid')"


def test_all_methods_of_a_path_are_told(tmp_path: Path) -> None:
    app = ProcessingServer(settings=Settings(home=tmp_path))
    assert methods_at(app, "/workflow/job/x") == ["DELETE", "GET", "PATCH"]
    assert methods_at(app, "/workflow/run") == ["POST"]
    assert methods_at(app, "/workflow/x") == ["GET", "PUT"]
    assert methods_at(app, "/nothing/here") == []


def test_paths_differ_by_more_than_the_names_of_their_parameters(document: Json) -> None:
    shapes = [re.sub("{.*?}", "{}", path) for path in document["paths"]]
    assert len(shapes) == len(set(shapes))


def test_examples_stand_in_the_package() -> None:
    assert (Path(__file__).parents[2] / "offizin/api/examples.json").is_file()
