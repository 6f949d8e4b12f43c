"""Tests of `pocketagent.inbound.connection`: no socket, no frames."""

import itertools
import json

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pocketagent.domain.message import Entry
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.inbound.allowance import Allowance, Joint
from pocketagent.inbound.connection import OUTSTANDING, Connection, Terms
from pocketagent.inbound.outbox import Outbox
from pocketagent.ports import IConnection
from tests.inbound.frames import Message, texts
from tests.inbound.house import DEVICE, TERMS, Batch, Dispatch, Subscriptions
from tests.inbound.test_outbox import KiB, Pipe

A, B = "aaaaaaaa-0000-4000-8000-000000000000", "bbbbbbbb-0000-4000-8000-000000000000"


class Line:
    """See `connection.Line`."""

    def __init__(self) -> None:
        self.connection: Connection
        self.pings = self.looks = 0
        self.closed: tuple[int, str] | None = None
        self.dropped = False

    def ping(self) -> None:
        self.pings += 1

    def say_goodbye(self, code: int, reason: str) -> None:
        self.closed = (code, reason)
        self.connection.closing()

    def drop(self) -> None:
        self.dropped = True
        self.connection.closing()

    def read_on(self) -> None:
        self.looks += 1


class ConnectionCase(SynchronousTestCase):
    terms: Terms = TERMS

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.pipe = Pipe()
        self.line = Line()
        self.dispatch = Dispatch()
        self.subscriptions = Subscriptions()
        self.far = (0, 0)
        ids = itertools.count(1)
        outbox = Outbox(self.pipe, self.terms.unsent, lambda: self.far, self.line.read_on, self.drained)
        self.connection = self.line.connection = Connection(
            DEVICE,
            self.line,
            outbox,
            self.dispatch,
            self.subscriptions,
            self.clock,
            self.terms,
            lambda: f"id-{next(ids)}",
        )
        self.connection.opened()
        self.greeting = self.heard()

    def drained(self) -> None:
        self.connection.drained()

    def heard(self) -> list[Message]:
        """What was sent since this was asked last."""
        data, self.pipe.written = b"".join(self.pipe.written), []
        return texts(data)

    def ask(self, name: str, project_id: str | None = None, request_id: str = "r", **data: object) -> bool:
        message = {"type": name, "request_id": request_id, "data": data}
        if project_id is not None:
            message["project_id"] = project_id
        return self.connection.received(json.dumps(message).encode())

    def errors(self) -> list[object]:
        return [message["data"]["code"] for message in self.heard() if message["type"] == "error"]  # type: ignore[index]


class ServiceTests(ConnectionCase):
    def test_interface(self) -> None:
        """It is a connection as the services see one."""
        verifyObject(IConnection, self.connection)

    def test_greeting(self) -> None:
        """The first message says who is who, and what the limits are; then the subscriptions know of it."""
        (message,) = self.greeting
        self.assertEqual(message["type"], "connection_established")
        self.assertEqual(
            message["data"],
            {
                "connection_id": "id-1",
                "server_version": "0.1.0",
                "protocol": 1,
                "device": {"id": DEVICE.id, "name": "phone", "scopes": ["read", "execute"]},
                "limits": {"message_size": 2097152, "prompt_size": 100000, "projects": 100},
            },
        )
        self.assertEqual(self.subscriptions.present, [self.connection])

    def test_framed_once(self) -> None:
        """FL-03: a batch is framed by the first who hears it, and goes out in one write."""
        batch = Batch(A, [Entry(n, "2026-01-01T12:00:00.000000Z", "claude", "agent_message", b"{}") for n in (1, 2)])
        self.connection.hear(batch)
        self.connection.hear(batch)
        (blob,) = batch.blobs.values()
        first, second = self.pipe.written
        self.assertIs(first, blob)
        self.assertIs(second, blob)
        self.assertEqual([message["seq"] for message in texts(blob)], [1, 2])

    def test_states(self) -> None:
        """It is AUTHENTICATED, SUBSCRIBED while it hears a project, and DISCONNECTING from the goodbye on."""
        self.assertEqual(self.connection.state, "AUTHENTICATED")
        self.subscriptions.joined = 1
        self.assertEqual(self.connection.state, "SUBSCRIBED")
        self.connection.close(1001, "shutdown")
        self.assertEqual((self.connection.state, self.line.closed), ("DISCONNECTING", (1001, "shutdown")))

    def test_goodbye_once(self) -> None:
        """A second goodbye is none, and after the first nothing is sent."""
        self.connection.close(4401, "revoked")
        self.connection.close(1001, "shutdown")
        self.connection.send(b"{}")
        self.connection.hear(Batch(A, [Entry(1, "2026-01-01T12:00:00.000000Z", "claude", "agent_message", b"{}")]))
        self.assertEqual((self.line.closed, self.pipe.written), ((4401, "revoked"), []))

    def test_lost(self) -> None:
        """Once the line is gone the subscriptions know, no timer is left, and messages go nowhere."""
        self.connection.lost()
        self.connection.send(b"{}")
        self.assertEqual(self.subscriptions.departed, [self.connection])
        self.assertEqual((self.clock.getDelayedCalls(), self.pipe.written), ([], []))

    def test_activity(self) -> None:
        """It is active while something passed within the last ping interval, either way."""
        self.clock.advance(29)
        self.assertTrue(self.connection.active)
        self.connection.noticed()
        self.clock.advance(29)
        self.assertTrue(self.connection.active)
        self.clock.advance(2)
        self.assertFalse(self.connection.active)
        self.assertEqual(self.connection.last_active, "1970-01-12T13:47:09.000000Z")
        self.connection.send(b"{}")
        self.assertTrue(self.connection.active)


class RequestTests(ConnectionCase):
    def test_reply(self) -> None:
        """A request is carried out, and its reply carries its id."""
        self.assertTrue(self.ask("project_leave", A, "r-1"))
        (reply,) = self.heard()
        self.assertEqual((reply["type"], reply["request_id"], reply["project_id"]), ("project_left", "r-1", A))

    def test_unreadable(self) -> None:
        """What is no request is told so, with its id where it had one, and the connection goes on."""
        self.connection.received(b"nonsense")
        self.ask("unknown", A, "r-2")
        first, second = self.heard()
        self.assertEqual([first.get("request_id"), second["request_id"]], [None, "r-2"])
        self.assertEqual([message["type"] for message in (first, second)], ["error", "error"])
        self.assertIsNone(self.line.closed)

    def test_refused(self) -> None:
        """A refusal is told as it is."""
        self.dispatch.failure = Refusal(Code.PROJECT_NOT_FOUND, "There is no such project.", project_id=A)
        self.ask("project_leave", A)
        (error,) = self.heard()
        self.assertEqual(
            error["data"],
            {"code": "PROJECT_NOT_FOUND", "message": "There is no such project.", "details": {"project_id": A}},
        )

    def test_failed(self) -> None:
        """FR-17: an error of ours is told as INTERNAL_ERROR, with a reference to the log and no more; it lives on."""
        self.dispatch.failure = ValueError("the secret reason")
        self.ask("project_leave", A)
        self.dispatch.failure = None
        self.ask("project_leave", A)
        error, reply = self.heard()
        self.assertNotIn("secret", repr(error))
        self.assertEqual(error["data"]["details"], {"reference": "id-2"})  # type: ignore[index]
        self.assertEqual(reply["type"], "project_left")
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_order(self) -> None:
        """Requests of one project wait for one another; those of another one, and of none, overtake them."""
        slow: Deferred[None] = Deferred()
        self.dispatch.slow[A] = slow
        self.ask("project_leave", A, "a1")
        self.ask("project_leave", A, "a2")
        self.ask("project_leave", B, "b1")
        self.ask("health_check", None, "n1")
        self.assertEqual([message["request_id"] for message in self.heard()], ["b1", "n1"])
        self.assertEqual(len(self.dispatch.asked), 3)
        del self.dispatch.slow[A]
        slow.callback(None)
        self.assertEqual([message["request_id"] for message in self.heard()], ["a1", "a2"])

    def test_outstanding(self) -> None:
        """With 64 requests under way it is full, until one is done."""
        slow: Deferred[None] = Deferred()
        self.dispatch.slow[A] = slow
        for _ in range(OUTSTANDING):
            self.assertFalse(self.connection.is_full)
            self.ask("project_leave", A)
        self.assertTrue(self.connection.is_full)
        looks = self.line.looks
        slow.callback(None)
        self.assertFalse(self.connection.is_full)
        self.assertGreater(self.line.looks, looks)

    def test_gone_meanwhile(self) -> None:
        """AU-07: what was not begun when a connection is closed is not begun; answers to the rest are not sent."""
        slow: Deferred[None] = Deferred()
        self.dispatch.slow[A] = slow
        self.ask("project_leave", A)
        self.ask("project_leave", A)
        self.heard()
        self.connection.close(4401, "revoked")
        slow.callback(None)
        self.assertEqual((len(self.dispatch.asked), self.pipe.written), (1, []))

    def test_rate(self) -> None:
        """FL-07: 100 at once and 50 a second; what is over that is told when to come again, and not carried out."""
        for n in range(100):
            self.assertTrue(self.ask("health_check", None, f"r{n}"))
        self.heard()
        self.assertFalse(self.ask("health_check", None, "late"))
        (error,) = self.heard()
        self.assertEqual((error["request_id"], error["data"]["code"]), ("late", "RATE_LIMITED"))  # type: ignore[index]
        self.assertEqual(error["data"]["details"], {"retry_after": 1.0})  # type: ignore[index]
        self.assertEqual(len(self.dispatch.asked), 100)
        self.clock.advance(1)
        for _ in range(50):
            self.assertTrue(self.ask("health_check"))

    def test_rate_ignored(self) -> None:
        """Who goes on for 10 s is closed with 4429, and not before."""
        for _ in range(99):
            for _ in range(20):
                self.ask("health_check")
            self.clock.advance(0.1)
        self.assertIsNone(self.line.closed)
        for _ in range(20):
            for _ in range(20):
                self.ask("health_check")
            self.clock.advance(0.1)
        self.assertEqual(self.line.closed and self.line.closed[0], 4429)

    def test_shared_rate(self) -> None:
        """FL-07: what a device's connections have together is refused alike; who has not ignored it is not closed."""
        shared = Allowance(1, 5, self.clock.seconds)
        self.connection._requests = Joint(Allowance(50, 100, self.clock.seconds), [shared], self.clock.seconds)
        self.assertEqual([self.ask("health_check") for _ in range(6)], [True] * 5 + [False])
        self.assertEqual(self.errors(), ["RATE_LIMITED"])
        for _ in range(200):
            shared.take()
            self.clock.advance(0.1)
        self.assertFalse(self.ask("health_check"))
        self.assertIsNone(self.line.closed)
        for _ in range(120):
            shared.take()
            self.ask("health_check")
            self.clock.advance(0.1)
        self.assertEqual(self.line.closed and self.line.closed[0], 4429)

    def test_rate_heeded(self) -> None:
        """Who waits as it is told may come for ever."""
        for _ in range(100):
            for _ in range(101):
                self.ask("health_check")
            self.clock.advance(1.1)
        self.assertIsNone(self.line.closed)

    def test_control_frames(self) -> None:
        """FR-12: ten control frames a second are within the rate; who goes on with more is closed with 4429."""
        self.assertEqual([self.connection.controlled() for _ in range(12)], [True] * 10 + [False] * 2)
        for _ in range(110):
            self.clock.advance(0.1)
            for _ in range(10):
                self.connection.controlled()
        self.assertEqual(self.line.closed and self.line.closed[0], 4429)


class FlowTests(ConnectionCase):
    def test_behind(self) -> None:
        """At the bound it is behind, and full: it is neither told anything nor read. Drained, it asks for more."""
        self.connection.send(b"x" * 1100 * KiB)
        self.assertTrue(self.connection.is_behind and self.connection.is_full)
        self.assertEqual(self.subscriptions.emptied, [])
        self.pipe.drain()
        self.assertFalse(self.connection.is_behind or self.connection.is_full)
        self.assertEqual(self.subscriptions.emptied, [self.connection])

    def test_answers_wait_for_room(self) -> None:
        """What came in before it fell behind is done, in order, only when it has room again: answers cost memory."""
        self.connection.send(b"x" * 1100 * KiB)
        self.ask("project_leave", A, "a1")
        self.ask("project_leave", A, "a2")
        self.ask("project_leave", B, "b1")
        self.assertEqual(self.dispatch.asked, [])
        self.pipe.written.clear()
        self.pipe.drain()
        self.assertEqual([message["request_id"] for message in self.heard()], ["a1", "a2", "b1"])

    def test_one_page_at_a_time(self) -> None:
        """Pages of history, also of several projects, are looked up one after the other."""
        slow: Deferred[None] = Deferred()
        self.dispatch.slow[A] = slow
        self.ask("get_messages", A, "a")
        self.ask("get_messages", B, "b")
        self.ask("project_leave", B.replace("b", "c"), "c")
        self.assertEqual([message["request_id"] for message in self.heard()], ["c"])
        del self.dispatch.slow[A]
        slow.callback(None)
        self.assertEqual([message["request_id"] for message in self.heard()], ["a", "b"])

    def test_closed_while_behind(self) -> None:
        """AU-07: what waited for room is not begun once the connection is closed."""
        self.connection.send(b"x" * 1100 * KiB)
        self.ask("project_leave", A)
        self.connection.close(4401, "revoked")
        self.pipe.drain()
        self.assertEqual(self.dispatch.asked, [])


class LifeTests(ConnectionCase):
    def test_alive(self) -> None:
        """No ping is sent to one that speaks."""
        for _ in range(10):
            self.clock.advance(29)
            self.connection.noticed()
        self.assertEqual(self.line.pings, 0)

    def test_ping(self) -> None:
        """After 30 s of silence a ping is sent; whoever answers lives on, and is asked again 30 s later."""
        for pings in range(1, 5):
            self.clock.advance(30)
            self.assertEqual(self.line.pings, pings)
            self.connection.noticed()
            self.clock.advance(0.1)
        self.assertFalse(self.line.dropped)

    def test_dead(self) -> None:
        """One that says nothing for 30 s after the ping is dropped, without a word."""
        self.clock.advance(30)
        self.clock.advance(29.9)
        self.assertFalse(self.line.dropped)
        self.clock.advance(0.1)
        self.assertTrue(self.line.dropped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_slow(self) -> None:
        """One that reads slowly cannot answer; it lives as long as its machine takes a byte in 30 s."""
        self.connection.send(b"x" * 1100 * KiB)
        self.clock.advance(30)
        for taken in range(1, 20):
            self.far = (taken, 100_000)
            self.clock.advance(30)
            self.assertFalse(self.line.dropped)
        self.clock.advance(30)
        self.assertTrue(self.line.dropped)

    def test_hung(self) -> None:
        """A machine that takes our ping, and whose program does not answer, is no living client."""
        self.clock.advance(30)
        self.far = (8, 0)
        self.clock.advance(30)
        self.assertTrue(self.line.dropped)

    def test_not_read(self) -> None:
        """One that we do not read, since its requests are still under way, is not blamed for its silence."""
        self.dispatch.slow[A] = Deferred()
        for _ in range(OUTSTANDING):
            self.ask("project_leave", A)
        for _ in range(10):
            self.clock.advance(30)
        self.assertFalse(self.line.dropped)

    def test_clock_set_back(self) -> None:
        """A clock that is set back a year does not put the next ping off for a year."""
        self.connection.noticed()
        self.clock.rightNow -= 366 * 86400
        for call in self.clock.getDelayedCalls():
            call.reset(0)
        self.clock.advance(0)
        (pulse,) = self.clock.getDelayedCalls()
        self.assertLessEqual(pulse.getTime() - self.clock.seconds(), 30)

    def test_never_idle(self) -> None:
        """Without an idle timeout nobody is sent away for not asking."""
        for _ in range(1000):
            self.connection.noticed()
            self.clock.advance(20)
        self.assertIsNone(self.line.closed)


class IdleTests(ConnectionCase):
    terms = evolve(TERMS, idle_timeout=100)

    def pass_by(self, seconds: int) -> None:
        for _ in range(seconds):
            self.connection.noticed()
            self.clock.advance(1)

    def test_idle(self) -> None:
        """One without a request and a subscription for that long is closed with 1000, pongs or not."""
        self.pass_by(60)
        self.ask("health_check")
        self.pass_by(99)
        self.assertIsNone(self.line.closed)
        self.pass_by(1)
        self.assertEqual(self.line.closed and self.line.closed[0], 1000)

    def test_subscribed(self) -> None:
        """One that hears a project is not idle."""
        self.subscriptions.joined = 1
        self.pass_by(1000)
        self.assertIsNone(self.line.closed)
