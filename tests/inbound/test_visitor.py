"""Tests of `pocketagent.inbound.visitor`."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pocketagent.inbound.visitor import Visitor
from pocketagent.ports import IConnection
from tests.inbound.house import DEVICE, Batch, Subscriptions

NOW = "2026-01-01T12:00:00.000000Z"


class VisitorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.subscriptions = Subscriptions()
        self.closed: list[tuple[int, str]] = []
        self.visitor = Visitor(
            "id", DEVICE, "127.0.0.1", NOW, NOW, self.subscriptions, lambda *how: self.closed.append(how)
        )

    def test_interface(self) -> None:
        """It is a connection, to the services."""
        verifyObject(IConnection, self.visitor)

    def test_there(self) -> None:
        """It is there from its arrival until it departs, hears nothing, and can be closed."""
        self.visitor.arrive()
        self.assertEqual(self.subscriptions.present, [self.visitor])
        self.visitor.hear(Batch("p", []))
        self.visitor.send(b"{}")
        self.visitor.close(4401, "revoked")
        self.assertEqual(self.closed, [(4401, "revoked")])
        self.visitor.depart()
        self.assertEqual((self.subscriptions.present, self.visitor.state), ([], "DISCONNECTING"))
