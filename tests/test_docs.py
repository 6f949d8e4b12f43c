"""The pages of `docs/` say what the code does, as far as that can be checked."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.config import TABLE
from pocketagent.domain.events import ClientMessage, ExecutionError, PermissionRequest
from pocketagent.domain.refusals import Code
from pocketagent.inbound import rest
from pocketagent.inbound.answer import STATUSES
from pocketagent.inbound.query import parameters
from pocketagent.inbound.rest import TWINS
from pocketagent.inbound.routes import Routes
from pocketagent.wire import client, events
from tests.wire.test_message_schemas import TO_CLIENT, TO_SERVER

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))

Message = Mapping[str, object]


def blocks(page: Path, language: str) -> Iterable[str]:
    """The code blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def messages() -> Iterable[Message]:
    """Every whole message that the page of the protocol shows."""
    for block in blocks(DOCS / "protocol.md", "json"):
        found = json.loads(block)
        assert isinstance(found, dict)
        yield found


class ProtocolPageTests(SynchronousTestCase):
    """`docs/protocol.md`; what the server says has a timestamp, what clients say has none."""

    def test_every_request_has_an_example(self) -> None:
        """There is an example of each request, and the server understands it."""
        asked = [message for message in messages() if "timestamp" not in message]
        for message in asked:
            client.decode(json.dumps(message).encode())
        self.assertEqual({message["type"] for message in asked}, set(client.COMMANDS))

    def test_every_reply_has_an_example_with_its_fields(self) -> None:
        """There is an example of each reply, and its data has the fields that the server sends, no more and no less."""
        fields = {name: set(attrs.fields_dict(kind)) for kind, name in client.REPLIES.items()}
        fields["client_message"] = set(attrs.fields_dict(ClientMessage))
        fields["permission_request"] = set(json.loads(events.data(PermissionRequest("", b"{}", ""))))
        seen = set()
        for message in messages():
            name, data = str(message["type"]), message.get("data", {})
            assert isinstance(data, dict)
            if "timestamp" not in message:
                continue
            seen.add(name)
            if name == "error":
                event = set(attrs.fields_dict(ExecutionError))
                self.assertEqual(set(data), event if "seq" in message else event - {"execution_id"})
                self.assertIn(data["code"], list(Code))
            else:
                self.assertEqual(set(data), fields[name], name)
        self.assertEqual(seen, {*fields, "error"})

    def test_examples_fit_the_schemas(self) -> None:
        """Each example is a message as `openapi.json` has it, where `project_id` stands in the data of a request."""
        for message in messages():
            if "timestamp" in message:
                TO_CLIENT.validate(message)
            else:
                data = message.get("data", {})
                assert isinstance(data, dict)
                project = {"project_id": message["project_id"]} if "project_id" in message else {}
                TO_SERVER.validate({**message, "data": {**project, **data}})

    def test_every_code_is_explained(self) -> None:
        """The table of errors has every code that clients may see."""
        rows = re.findall(r"^\|([^|]*)\|", (DOCS / "protocol.md").read_text().partition("## 7.")[2], re.MULTILINE)
        self.assertEqual(set(re.findall(r"`(\w+)`", "".join(rows))), set(Code))


class HttpTests(SynchronousTestCase):
    """The part of `docs/protocol.md` about HTTP."""

    part = (DOCS / "protocol.md").read_text().partition("## 10.")[2]

    def test_every_twin_has_its_row(self) -> None:
        """The table has each request that is a twin, with the status where that is not 200."""
        rows = re.findall(r"^\| `([A-Z]+) (/[^`]*)` \| `(\w+)`(.*) \|$", self.part, re.MULTILINE)
        twins = [(twin.method, twin.path, twin.name, twin.status) for twin in TWINS]
        statuses = [int((re.findall(r"\b(\d{3})\b", more) or [200])[0]) for *_, more in rows]
        self.assertEqual([(*row[:3], status) for row, status in zip(rows, statuses, strict=True)], twins)

    def test_every_code_has_its_status(self) -> None:
        """The table of statuses is that of the code."""
        rows = re.findall(r"^\| (\d{3}) \| ([^|]*) \|$", self.part, re.MULTILINE)
        told = {code: int(status) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)}
        self.assertEqual(told, {str(code): status for code, status in STATUSES.items()})

    def test_examples(self) -> None:
        """Each example is a request that is taken."""
        routes = Routes.of(rest.routes(None, 1000))  # type: ignore[arg-type]  # nothing is asked
        for block in blocks(DOCS / "protocol.md", "http"):
            head, _, body = block.partition("\n\n")
            method, target = head.splitlines()[0].split(" ")
            place = routes.find(target.partition("?")[0])
            assert place is not None, target
            route = place.routes[method]
            parameters(target, route.query)
            twin = next(one for one in TWINS if one.method == method and rest.BASE + one.path == route.path)
            given = {**(json.loads(body) if body else {}), **place.path}
            client.command(twin.wanted, given)


class ArchitecturePageTests(SynchronousTestCase):
    """`docs/architecture.md`."""

    def test_the_listing_is_the_tree(self) -> None:
        """Every module of the program stands in the listing, and nothing else does."""
        (listing,) = blocks(DOCS / "architecture.md", "text")
        room, listed = "", set()
        for line in listing.splitlines():
            name = line.split()[0]
            if name.endswith("/"):
                room = name
            elif name.endswith(".py"):
                listed.add(f"{room if line.startswith('    ') else ''}{name}")
        package = ROOT / "pocketagent"
        there = {str(path.relative_to(package)) for path in package.rglob("*.py") if path.name != "__init__.py"}
        self.assertEqual(listed, there, "docs/architecture.md lists the modules: add, or remove, what differs")


class LinkTests(SynchronousTestCase):
    """All pages."""

    def test_links_lead_somewhere(self) -> None:
        """What a page links to in this tree is there."""
        for page in PAGES:
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
                if "://" not in target:
                    self.assertTrue((page.parent / target).exists(), f"{page.name}: {target}")

    def test_settings_are_settings(self) -> None:
        """Every setting that a page sets, as a line of TOML or an option of `twistd pocketagent`, is one."""
        options = {one.option for one in TABLE} | {"config", "version", "help"}
        for page in PAGES:
            for block in blocks(page, "toml"):
                for key in re.findall(r"^(\w+) =", block, re.MULTILINE):
                    self.assertIn(key, [one.key for one in TABLE], page.name)
            for line in re.findall(r"twistd .*?pocketagent (--.*)", page.read_text()):
                for option in re.findall(r"--([a-z-]+)", line):
                    self.assertIn(option, options, page.name)
