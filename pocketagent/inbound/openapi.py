# -*- test-case-name: tests.inbound.test_openapi -*-
"""`/api/v1/openapi.json`: the API described (OpenAPI 3.1), out of the table of routes and the types themselves."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from pocketagent.domain.access import Scope
from pocketagent.inbound.answer import Answer
from pocketagent.inbound.rest import BASE, tagged
from pocketagent.inbound.routes import MAX_SEGMENT, About, Body, Route, Visit
from pocketagent.wire import message_schemas, schema
from pocketagent.wire.schema import Limits, Schema

PATH = f"{BASE}/openapi.json"

_ABOUT = About("This description", id="openapi", also={304: None}, answer=dict[str, Any])
_REFUSED = {"$ref": "#/components/responses/Refused"}
_SEGMENT = {"type": "string", "pattern": f"^[A-Za-z0-9_-]{{1,{MAX_SEGMENT}}}$"}
_WAITS = (429, 503)


def route(routes: Sequence[Route], version: str, limits: Limits) -> Route:
    """The description of these routes, and of itself, as one more. It is written once."""
    written: list[bytes] = []

    async def answer(visit: Visit) -> Answer:
        if not written:
            written.append(msgspec.json.encode(document([*routes, ours], version, limits)))
        return tagged(visit, Answer(200, written[0]))

    ours = Route(method="GET", path=PATH, answer=answer, scope=Scope.READ, about=_ABOUT)
    return ours


def document(routes: Iterable[Route], version: str, limits: Limits) -> Schema:
    """The whole description, of those routes that say something about themselves."""
    told = [(one, one.about) for one in routes if one.about is not None]
    kinds = [kind for _, about in told for kind in _kinds(about)]
    schemas, components = schema.schemas([*kinds, schema.Error, *message_schemas.kinds()], limits)
    paths: dict[str, Schema] = {}
    for one, about in told:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, about, schemas, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pocket Agent Server",
            "version": version,
            "description": (
                "The requests of the WebSocket as HTTP; its messages are the schemas ClientRequest and ServerMessage."
                " docs/protocol.md says what they mean."
            ),
        },
        "paths": paths,
        "components": {
            "schemas": {**components, **message_schemas.messages(schemas)},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {
                "Refused": {"description": "The error of the WebSocket", "content": _json(schemas[schema.Error])},
            },
        },
    }


def _kinds(about: About) -> Sequence[object]:
    kinds = [about.request, about.asks, about.answer, *about.also.values()]
    return [kind for kind in kinds if kind is not None]


def _operation(route: Route, about: About, schemas: Mapping[Any, Schema], components: Mapping[str, Schema]) -> Schema:
    outside = re.findall(r"{(\w+)}", route.path)
    parameters = [{"name": name, "in": "path", "required": True, "schema": _SEGMENT} for name in outside]
    parameters += [_query(name, about, components) for name in route.query]
    parameters += [{"name": name, "in": "header", "schema": one} for name, one in about.headers.items()]
    operation: Schema = {
        "operationId": about.id or _id(route),
        "summary": about.summary,
        "parameters": parameters,
        "responses": _responses(route, about, schemas),
    }
    if route.scope is not None:
        operation["security"] = [{"token": []}]
        operation["description"] = f"Needs the scope `{route.scope}`."
    if route.body is not None:
        operation["requestBody"] = _body(route.body, about, {*outside, *about.elsewhere}, components)
    return operation


def _id(route: Route) -> str:
    words = re.findall(r"\w+", route.path.removeprefix(BASE))
    return "_".join([route.method.lower(), *words])


def _query(name: str, about: About, components: Mapping[str, Schema]) -> Schema:
    found = about.parameters.get(name)
    if found is None:
        assert about.asks is not None, f"{name} is described nowhere"
        found = _not_null(components[about.asks.__name__]["properties"][name])
    return {"name": name, "in": "query", "required": name in about.needed, "schema": found}


def _not_null(schema: Schema) -> Schema:
    """The same for a place where there is no null: what is not given is left out."""
    options = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    found = {**schema, **options[0]} if len(options) == 1 else dict(schema)
    if options:
        found.pop("anyOf", None)
    if found.get("default", ...) is None:
        del found["default"]
    return found


def _body(body: Body, about: About, outside: Collection[str], components: Mapping[str, Schema]) -> Schema:
    if about.request is None:
        return {"required": body.needed, "content": {kind: {"schema": {}} for kind in body.types}}
    whole = components[about.request.__name__]
    found = {
        **whole,
        "properties": {name: one for name, one in whole["properties"].items() if name not in outside},
        "required": [name for name in whole.get("required", ()) if name not in outside],
    }
    return {"required": body.needed, "content": {kind: {"schema": found} for kind in body.types}}


def _responses(route: Route, about: About, schemas: Mapping[Any, Schema]) -> Schema:
    found: Schema = {}
    for status, kind in {about.status: about.answer, **about.also}.items():
        told: Schema = {"description": HTTPStatus(status).phrase}
        if kind is not None:
            told["content"] = {about.content_type: {"schema": schemas[kind]}}
        elif about.content_type != "application/json" and status == about.status:
            told["content"] = {about.content_type: {"schema": {"type": "string"}}}
        headers = dict(about.tells) if status == about.status else {}
        if 304 in about.also:
            headers["ETag"] = "What is told, in a word: send it back as If-None-Match."
        if headers:
            told["headers"] = {name: _header(words) for name, words in headers.items()}
        found[str(status)] = told
    for status in sorted(_refusals(route)):
        if status in _WAITS:
            told = {"description": HTTPStatus(status).phrase, "content": _json({"$ref": schema.REF + "Error"})}
            told["headers"] = {"Retry-After": _header("Seconds to wait.")}
            found[str(status)] = told
        else:
            found[str(status)] = _REFUSED
    return found


def _refusals(route: Route) -> set[int]:
    """The statuses with which it may be refused."""
    found = {400, 401, 403, 404, 405, 421, 429, 431, 500, 503}
    if route.method != "GET":
        found.add(409)
    if route.body is not None:
        found |= {408, 413, 415, 417}
    return found


def _header(words: str) -> Schema:
    return {"description": words, "schema": {"type": "string"}}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}
