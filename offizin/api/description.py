"""The OpenAPI document: what FastAPI knows of the routes, what every route may answer, and examples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from offizin.api.error_model import ErrorAnswer

Json = dict[str, Any]
Operation = Json

# Answers of JSON by the name of their model, other answers and bodies by operationId.
EXAMPLES = Path(__file__).with_name("examples.json")
LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
TAGS = {
    "discovery": "what there is",
    "processing": "processors and their jobs",
    "workflow": "workflows, and runs of them",
    "workspace": "books: a METS file and its images",
    "tools": "the server itself",
    "admin": "workers, what gets no new work, and tokens",
}

# A server on loopback asks for none of these (docs/security.md).
SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "description": "`offizin token create` makes tokens."},
    "name and token": {
        "type": "http",
        "scheme": "basic",
        "description": "For clients that know only http://NAME:TOKEN@…",
    },
}

ALWAYS = {
    401: "Unauthorized: a token is needed, and none came that holds.",
    403: "Forbidden: the request comes from a web page elsewhere, or asks for what it may not see.",
    500: "Internal Server Error: a mistake of the server's, which its log tells more of.",
    503: "Service Unavailable: something the server needs is not there, or another server has to do it and is not.",
}
WITH_INPUT = {422: "Unprocessable Content: what was asked for cannot be done as it stands."}
WITH_BODY = {
    400: "Bad Request: the body cannot be read as what it says it is, or parameters do not fit the processor.",
    413: "Content Too Large: the body is longer than the server takes.",
}
# Made by FastAPI for its own errors of validation; ours look otherwise.
_NOT_OURS = ("HTTPValidationError", "ValidationError")


def operation_id(route: APIRoute) -> str:
    """As in ``listRuns``, for the routes that the specification does not name."""
    first, *others = route.name.split("_")
    return first + "".join(word.capitalize() for word in others)


def describe(app: FastAPI) -> Json:
    """The document, which is the same as long as the routes are."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        license_info=LICENSE,
        tags=[{"name": name, "description": about} for name, about in TAGS.items()],
    )
    document["security"] = [{}, *({name: []} for name in SECURITY)]
    document["components"]["securitySchemes"] = SECURITY
    schemas = document["components"]["schemas"]
    for name in _NOT_OURS:
        schemas.pop(name, None)
    error = ErrorAnswer.__name__
    schemas[error] = {**ErrorAnswer.model_json_schema(), "example": examples()[error]}
    for operation in operations(document):
        _tell_errors(operation)
        _tell_examples(operation)
    return document


def operations(document: Json) -> Iterator[Operation]:
    for path in document["paths"].values():
        yield from path.values()


def _tell_errors(operation: Operation) -> None:
    common = dict(ALWAYS)
    if "requestBody" in operation:
        common |= WITH_BODY
    if "requestBody" in operation or operation.get("parameters"):
        common |= WITH_INPUT
        operation["responses"].pop("422", None)
    responses = operation["responses"]
    for status, about in common.items():
        responses.setdefault(str(status), {"description": about})
    for status, answer in responses.items():
        if status >= "400":
            schema = {"$ref": f"#/components/schemas/{ErrorAnswer.__name__}"}
            answer["content"] = {"application/json": {"schema": schema}}


def _tell_examples(operation: Operation) -> None:
    """FastAPI puts a model beside what it has found itself: the model alone is meant."""
    bodies = {"body": operation.get("requestBody", {}), **operation["responses"]}
    for name, body in bodies.items():
        for media_type, content in body.get("content", {}).items():
            schema = content.get("schema", {})
            if "$ref" in schema:
                content["schema"] = schema = {"$ref": schema["$ref"]}
            for key in (model_of(schema), f"{operation['operationId']} {name} {media_type}"):
                if key in examples() and "example" not in content:
                    content["example"] = examples()[key]


def model_of(schema: Json) -> str:
    """The name of the model, also where it may be left out; empty if it has none."""
    for each in (schema, *schema.get("anyOf", ())):
        if "$ref" in each:
            return str(each["$ref"]).rpartition("/")[2]
    return ""


@cache
def examples() -> Json:
    read: Json = json.loads(EXAMPLES.read_text())
    return read
