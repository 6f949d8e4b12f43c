"""Tests of `pocketagent.inbound.openapi`: the description is whole, and what it lets pass is let pass."""

import json
import re
from types import SimpleNamespace
from typing import Any

from attrs import evolve
from hypothesis import HealthCheck, assume, given, settings
from schemathesis import openapi as described
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.access import Scope
from pocketagent.domain.commands import Command
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.inbound import (
    attachments,
    devices,
    directories,
    event_stream,
    mentions,
    openapi,
    push,
    rest,
    searching,
    usage,
)
from pocketagent.inbound.answer import JSON
from pocketagent.inbound.call import Call
from pocketagent.inbound.openapi import PATH
from pocketagent.inbound.routes import Visit
from pocketagent.inbound.visitor import Visitor
from pocketagent.wire import client
from tests.inbound.house import DEVICE
from tests.inbound.test_rest import RestCase
from tests.wire.test_schema import LIMITS

REST = rest.routes(None, 1000)  # type: ignore[arg-type]  # nothing is asked
STREAMS = event_stream.EventStreams(None, None, None, 1).routes()  # type: ignore[arg-type]
OTHERS = [
    *devices.routes(None, None, lambda: 0.0),  # type: ignore[arg-type]
    *attachments.routes(None, 1000),  # type: ignore[arg-type]
    *directories.routes(None),  # type: ignore[arg-type]
    *mentions.routes(None),  # type: ignore[arg-type]
    *searching.routes(None),  # type: ignore[arg-type]
    *usage.routes(None),  # type: ignore[arg-type]
    *push.routes(SimpleNamespace(subscribe=None), lambda: ""),
]
ALL = [*REST, *STREAMS, *OTHERS]
DOCUMENT = openapi.document([*ALL, openapi.route(ALL, "1.2.3", LIMITS)], "1.2.3", LIMITS)

NO_OBJECTS = [
    b"{",
    b"[]",
    b"null",
    b"7",
    b'"x"',
    b"{} {}",
    b'\xef\xbb\xbf{"name": "x"}',
    b'{"name": "x", "name": "y"}',
    b'{"name": NaN}',
    b'{"name": 1e999}',
    b'{"name": "\\ud800"}',
    b'{"name": "\xff"}',
    b'{"name": ' + b"[" * 65 + b"]" * 65 + b"}",
]
VISITOR = Visitor("", DEVICE, "", "", "", None, None)  # type: ignore[arg-type]  # nobody is told anything

BODIES = {
    (twin.method, rest.BASE + twin.path): twin.wanted
    for twin in rest.TWINS
    if twin.body and twin.path != "/projects/{project_id}/acknowledged"
}
"""The twins with a body. (Of whole numbers that are written 1.0 JSON Schema thinks otherwise than we do.)"""


def ends_in_a_line(value: object) -> bool:
    """Python's `$` stands before a last line feed, too; that of JSON Schema does not."""
    if isinstance(value, str):
        return value.endswith("\n")
    if isinstance(value, dict):
        return any(ends_in_a_line(one) for one in value.values())
    return isinstance(value, list) and any(ends_in_a_line(one) for one in value)


class DocumentTests(SynchronousTestCase):
    def test_every_route(self) -> None:
        """Whatever stands at /api/v1 is described: a route that says nothing about itself fails here."""
        for route in ALL:
            operation = DOCUMENT["paths"][route.path][route.method.lower()]
            self.assertEqual("security" in operation, route.scope is not None)
            self.assertEqual("requestBody" in operation, route.body is not None)
            names = {one["name"] for one in operation["parameters"] if one["in"] != "header"}
            self.assertEqual(names, {*route.query, *re.findall(r"{(\w+)}", route.path)}, route)
        self.assertIn(PATH, DOCUMENT["paths"])

    def test_ids(self) -> None:
        """Each operation has a name of its own."""
        ids = [one["operationId"] for path in DOCUMENT["paths"].values() for one in path.values()]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertIn("execute", ids)

    def test_references(self) -> None:
        """Every reference leads to something, and everything is referred to."""
        text = json.dumps(DOCUMENT)
        for name in re.findall(r'"#/components/schemas/(\w+)"', text):
            self.assertIn(name, DOCUMENT["components"]["schemas"])

    def test_valid(self) -> None:
        """It is OpenAPI 3.1, as others read it."""
        schema = described.from_dict(DOCUMENT)
        self.assertEqual(len(list(schema.get_all_operations())), len(ALL) + 1)
        schema.validate()

    def test_fields_elsewhere(self) -> None:
        """What stands in the path or in a header is no field of the body."""
        body = DOCUMENT["paths"]["/api/v1/projects/{project_id}/executions"]["post"]["requestBody"]
        found = body["content"]["application/json"]["schema"]
        self.assertIn("options", found["properties"])
        self.assertEqual({"project_id", "prompt_id"} & set(found["properties"]), set())
        self.assertEqual(found["required"], ["prompt"])

    def test_what_fits_is_taken(self) -> None:
        """RE-13: whatever body the description lets pass is understood as the command of its twin."""
        schema = described.from_dict(DOCUMENT)
        for (method, path), wanted in BODIES.items():
            self.check(schema[path][method], wanted, re.findall(r"{(\w+)}", path))

    def test_no_json(self) -> None:
        """RE-05: no route with a body takes what the WebSocket would not take for a message, whatever else it may hold;
        nobody is asked anything then."""
        with_bodies = [route for route in ALL if route.body is not None and route.body.types == (JSON,)]
        self.assertGreaterEqual(len(with_bodies), 10)
        for route in with_bodies:
            path = dict.fromkeys(re.findall(r"{(\w+)}", route.path), "x")
            for body in NO_OBJECTS:
                visit = Visit(Call("", "", "", {}), None, path, {}, asker=VISITOR, body=body)  # type: ignore[arg-type]
                answering = Deferred.fromCoroutine(route.answer(visit))
                refusal = self.failureResultOf(answering, Refusal).value
                self.assertEqual(refusal.code, Code.INVALID_MESSAGE, (route.path, body))

    def check(self, operation: Any, wanted: type[Command], outside: list[str]) -> None:
        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(operation.as_strategy())
        def fits(case: Any) -> None:
            assume(isinstance(case.body, dict) and not ends_in_a_line(case.body))
            try:
                client.command(wanted, {**case.body, **dict.fromkeys(outside, "x")})
            except Refusal as refusal:
                self.fail(f"{case.body}: {refusal}")

        fits()


class ServedTests(RestCase):
    async def open(self) -> None:
        self.house.more = [openapi.route(REST, "1.2.3", LIMITS)]
        await super().open()

    async def test_served(self) -> None:
        """It can be read with any scope, under its tag, and with none not at all."""
        self.house.access.device = evolve(DEVICE, scope=Scope.READ)
        heard = await self.asking.ask("GET", PATH)
        self.assertEqual((heard.status, heard.json["openapi"]), (200, "3.1.0"))
        heard = await self.asking.ask("GET", PATH, if_none_match=heard.header("etag"))
        self.assertEqual(heard.status, 304)
        self.assertEqual((await self.asking.ask("GET", PATH, token=None)).status, 401)
