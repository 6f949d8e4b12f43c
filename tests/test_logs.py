# -*- test-case-name: tests.test_logs -*-
"""The log: one event one line, and no secret in it."""

import json
import re
from io import BytesIO, StringIO
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import ILogObserver, Logger, LogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pocketagent import logs
from pocketagent.domain.credentials import MASK, masked
from pocketagent.domain.tracing import working
from pocketagent.version import VERSION

TOKEN = "pa_" + "0123456789abcdef" + "_" + "d" * 64
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d (\w+) +(.*)\n")


class Written:
    """A logger whose events go through the observer into a text."""

    def __init__(self, form: str = "text", level: str = "info") -> None:
        self.stream = StringIO()
        self.log = Logger(namespace="tests.logs", observer=LogPublisher(logs.observer(self.stream, form, level)))

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def json(self) -> dict[str, object]:
        (line,) = self.text.splitlines()
        record: dict[str, object] = json.loads(line)
        return record


def raised(error: Exception) -> Failure:
    try:
        raise error
    except type(error):
        return Failure()


class TextTests(SynchronousTestCase):
    def test_line(self) -> None:
        """An event is one line: time with its zone, level, message with the fields filled in."""
        written = Written()
        written.log.info("{count} projects", count=3)
        found = LINE.fullmatch(written.text)
        assert found is not None, written.text
        self.assertEqual(found.groups(), ("info", "3 projects"))

    def test_escapes(self) -> None:
        """Nobody begins a line or colours the terminal through a value that is logged (AD-01)."""
        written = Written()
        written.log.info("{path}", path="a\nb\r\x1b[31m\x85\u2028\u202e\x00\ud800z")
        self.assertEqual(written.text.count("\n"), 1)
        self.assertIn(r"a\nb\r\x1b[31m\x85\u2028\u202e\x00\ud800z", written.text)

    def test_stack_trace(self) -> None:
        """A failure brings its stack trace, and no line of it looks like an event of its own."""
        written = Written()
        written.log.failure("went wrong", raised(ValueError("x\n2026-01-01T00:00:00.000+00:00 info forged")))
        first, *rest = written.text.splitlines()
        self.assertIn("critical went wrong", first)
        self.assertIn("    builtins.ValueError: x", rest)
        self.assertEqual([line for line in rest if not line.startswith("    ")], [])

    def test_level(self) -> None:
        """What lies below the level is left out."""
        written = Written(level="warn")
        written.log.info("quiet")
        written.log.warn("loud")
        self.assertNotIn("quiet", written.text)
        self.assertIn("loud", written.text)

    def test_levels(self) -> None:
        """A part of the program may have a level of its own, and so have the parts of it that have none."""
        stream = StringIO()
        publisher = LogPublisher(logs.observer(stream, "text", "warn", {"a.b": "debug", "a.b.c": "error"}))
        for namespace in "a", "a.b", "a.b.x", "a.b.c", "a.bc":
            Logger(namespace=namespace, observer=publisher).debug("from {where}", where=namespace)
        self.assertEqual(re.findall(r"from (\S+)", stream.getvalue()), ["a.b", "a.b.x"])

    def test_unformattable(self) -> None:
        """An event whose format does not fit its fields is told all the same, on one line, masked."""
        written = Written()
        written.log.info("{missing.attribute}", missing=TOKEN)
        self.assertEqual(written.text.count("\n"), 1)
        self.assertNotIn("d" * 64, written.text)

    def test_long(self) -> None:
        """A message is cut at its bound, after masking."""
        written = Written()
        written.log.info("{text}", text="x" * (logs.MAX_TEXT - 30) + TOKEN + "y" * logs.MAX_TEXT)
        self.assertLess(len(written.text), logs.MAX_TEXT + 100)
        self.assertNotIn("ddd", written.text)

    def test_binary_stream(self) -> None:
        """A binary stream, as twistd's log file is one, gets UTF-8."""
        stream = BytesIO()
        Logger(observer=LogPublisher(logs.observer(stream, "text", "info"))).info("ü")
        self.assertTrue(stream.getvalue().endswith("ü\n".encode()))

    def test_interface(self) -> None:
        """What twistd is given is an observer."""
        self.assertTrue(verifyObject(ILogObserver, logs.observer(StringIO(), "text", "info")))


class JsonTests(SynchronousTestCase):
    def test_record(self) -> None:
        """An event is one object with the names of the Elastic Common Schema and its own plain fields."""
        written = Written("json")
        written.log.warn("{project} is slow", project="p1", seconds=1.5, at_work=True, nothing=None, thing=object())
        record = written.json()
        self.assertRegex(str(record.pop("@timestamp")), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(
            record,
            {
                "log.level": "warn",
                "log.logger": "tests.logs",
                "message": "p1 is slow",
                "ecs.version": logs.ECS_VERSION,
                "service.name": "pocketagent",
                "service.version": VERSION,
                "pocketagent.project": "p1",
                "pocketagent.seconds": 1.5,
                "pocketagent.at_work": True,
                "pocketagent.nothing": None,
            },
        )

    def test_names(self) -> None:
        """What others know by a name of its own has that name; what is not known is left out."""
        written = Written("json")
        written.log.info(
            "x", action="execute", outcome="success", address="192.0.2.7", device="d", status=404, code=None
        )
        record = written.json()
        expected = {
            "event.action": "execute",
            "event.outcome": "success",
            "client.address": "192.0.2.7",
            "user.id": "d",
            "http.response.status_code": 404,
        }
        self.assertEqual({name: record[name] for name in record if name not in logs.ALWAYS}, expected)

    def test_what_is_worked_on(self) -> None:
        """A line that is written while something is worked on carries its ids; what the event says itself counts."""
        written = Written("json")
        with working(request_id="r", execution_id="e"):
            written.log.info("x", execution_id="another")
        record = written.json()
        self.assertEqual((record["labels.request_id"], record["labels.execution_id"]), ("r", "another"))

    def test_page(self) -> None:
        """`docs/operations.md` has the table of the fields, no more and no less."""
        page = (Path(__file__).parents[1] / "docs" / "operations.md").read_text().partition("\n## Logs\n")[2]
        rows = re.findall(r"^\| ((?:`[^`]+`(?:, )?)+) \|", page.partition("\n## ")[0], re.MULTILINE)
        listed = [name for row in rows for name in re.findall("`([^`]+)`", row)]
        self.assertCountEqual(listed, [*logs.ALWAYS, *logs.FIELDS.values(), "error.stack_trace", "pocketagent.*"])

    def test_stack_trace(self) -> None:
        """A failure brings its stack trace in a field of its own."""
        written = Written("json")
        written.log.failure("went wrong", raised(ValueError("because")))
        record = written.json()
        self.assertEqual(record["message"], "went wrong")
        self.assertIn("ValueError: because", str(record["error.stack_trace"]))

    def test_not_json(self) -> None:
        """Numbers that JSON does not know and halves of characters do not spoil the line."""
        written = Written("json")
        written.log.info("{text}", text="\ud800", number=float("nan"))
        record = written.json()
        self.assertEqual((record["message"], record["pocketagent.number"]), ("?", "nan"))

    def test_many_fields(self) -> None:
        """The number of fields is bounded."""
        written = Written("json")
        written.log.info("many", **{f"field_{number}": number for number in range(logs.MAX_FIELDS * 2)})
        self.assertLessEqual(len(written.json()), logs.MAX_FIELDS + len(logs.ALWAYS))

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """Whatever text is logged, it is one line of JSON that reads back."""
        written = Written("json")
        written.log.info("{text}", text=text)
        self.assertEqual(written.text.count("\n"), 1)
        self.assertIn("message", written.json())


class SecretsTests(SynchronousTestCase):
    """Credentials do not reach the log, in whatever form and place (AD-02)."""

    def check(self, text: str, secret: str) -> None:
        for form in "text", "json":
            written = Written(form, "debug")
            written.log.debug("said {text}", text=text)
            written.log.failure("failed", raised(ValueError(text)))
            written.log.info("{text!r}", text=text.encode())
            self.assertNotIn(secret, written.text)
            self.assertIn(MASK, written.text)

    def test_token(self) -> None:
        """A device's token is masked behind its id."""
        self.check(f"token {TOKEN}!", "dddd")
        self.assertEqual(masked(TOKEN), "pa_0123456789abcdef_[masked]")

    def test_bearer(self) -> None:
        """Whatever was sent as a bearer credential is masked."""
        self.check("Authorization: Bearer hunter2-hunter2", "hunter2")
        self.check("with bearer hunter2", "hunter2")

    def test_headers(self) -> None:
        """Whole headers, as Autobahn logs them when it debugs, lose what is secret."""
        self.check("{'cookie': '__Host-pocketagent=hunter2; a=b', 'host': 'h'}", "hunter2")
        self.check("x-api-key: hunter2", "hunter2")

    def test_query(self) -> None:
        """A token in a URL is refused, and not logged."""
        self.check("GET /ws?access_token=hunter2&x=1", "hunter2")

    def test_api_key(self) -> None:
        """The agent's own key is masked."""
        self.check("key sk-ant-api03-hunter2_x", "hunter2")

    def test_innocent(self) -> None:
        """Other text stays as it is."""
        text = "pa_data, barebearer, 3 cookies, monkey=1 /home/x?y"
        self.assertEqual(masked(text), text)
